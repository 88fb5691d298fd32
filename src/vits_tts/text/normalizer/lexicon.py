r"""Lexicons: words with their readings, from the package, from users' files, or from a request.

A lexicon is a YAML mapping of words to readings. A word in capitals is matched exactly (AI is not
the word ai); other words match in any case. A word between slashes is a regular expression, and its
reading may refer to groups (``\1``).

Words are looked up by their first part and then by their length, so the time for a text does not
depend on the size of the lexicon.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Final
from unicodedata import normalize

import yaml
from loguru import logger

from vits_tts import yaml_files
from vits_tts.errors import ConfigError
from vits_tts.rest import Rest
from vits_tts.text.aligned import Edit, Text
from vits_tts.text.normalizer.rules import Rule, apart, shouted
from vits_tts.text.normalizer.tables import texts
from vits_tts.text.syllables import is_syllable

_PART: Final = re.compile(r"[^\W_]+")
_MAX_FILE_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Index:
    """The words and readings of a lexicon, arranged for a look-up at one place of a text.

    Both dictionaries are flat. A dictionary or list for each word would lengthen every pass of
    Python's garbage collector, which stops all threads.
    """

    words: dict[str, tuple[str, str]]
    """Word and reading by the written form: exact, or in lower case after a space."""
    lengths: dict[str, tuple[int, ...]]
    """Lengths of the words that share a first part (lower case), the longest first."""

    def at(self, spoken: str, start: int, first: str) -> Iterator[tuple[str, str]]:
        """Yield the words that begin at ``start``, the longest first, at most two of each length.

        The lexicon of a request may have a thousand words with the same beginning, so comparing
        all of them at each place would be too slow.
        """
        for length in self.lengths.get(first, ()):
            written = spoken[start : start + length]
            for form in (written, f" {written.lower()}"):
                if found := self.words.get(form):
                    yield found


class LexiconInvalid(ValueError):
    """The lexicon cannot be used; the message has the reason in one line."""


@dataclass(frozen=True)
class Lexicon:
    """Words with their readings. It is a step, and an immutable value that can be compared."""

    words: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        readings: Mapping[object, object],
        *,
        patterns: bool = True,
        rest: Callable[[], object] = lambda: None,
    ) -> "Lexicon":
        """Return the lexicon of a mapping. Its words are composed (NFC), as texts are.

        Args:
            readings: The words and their readings.
            patterns: Whether regular expressions are allowed.
            rest: Called after each word.

        Raises:
            LexiconInvalid: a word or reading is not a string, or a pattern is invalid or not
                allowed.

        """
        for word, said in readings.items():
            if not isinstance(word, str) or not isinstance(said, str):
                raise LexiconInvalid(f"{word!r:.40}: a word and its reading have to be strings")
            if not _PART.search(word):
                raise LexiconInvalid(f"{word!r:.40}: a word needs a letter or a digit")
            if _is_pattern(word) and not patterns:
                raise LexiconInvalid(
                    f"{word!r:.40}: patterns are allowed in the server's lexicons only"
                )
            rest()
        lexicon = cls(
            tuple((normalize("NFC", str(word)), str(said)) for word, said in readings.items())
        )
        _ = lexicon._patterns
        return lexicon

    def prepare(self, rest: Callable[[], object]) -> None:
        """Build the index for look-ups before the first text needs it; call ``rest`` in between."""
        vars(self)["_index"] = self._arranged(rest)

    def __call__(self, text: Text) -> Text:
        """Return the text with the words of the lexicon replaced by their readings."""
        edits = list(self._edits(text.spoken))
        text = text.rewritten(edits) if edits else text
        for pattern in self._patterns:
            text = pattern(text)
        return text

    def knows(self, word: str) -> bool:
        """Return whether the lexicon has a lower-case word by itself."""
        return word in self._single

    @cached_property
    def _single(self) -> frozenset[str]:
        return frozenset(word.lower() for word, _ in self.words)

    @cached_property
    def _patterns(self) -> tuple[Rule, ...]:
        return tuple(_rule(word, said) for word, said in self.words if _is_pattern(word))

    @cached_property
    def _index(self) -> _Index:
        """The words by their written form, and their lengths by first part."""
        return self._arranged(lambda: None)

    def _arranged(self, rest: Callable[[], object]) -> _Index:
        words: dict[str, tuple[str, str]] = {}
        lengths: dict[str, tuple[int, ...]] = {}
        for pair in sorted(self.words, key=lambda pair: -len(pair[0])):
            word = pair[0]
            part = None if _is_pattern(word) else _PART.search(word)
            small = f" {word.lower()}"
            if part and small not in words:  # words that differ only in case: the first one counts
                words[word if _is_exact(word) else small] = pair
                first = part[0].lower()
                known = lengths.get(first, ())
                if len(word) not in known[-1:]:
                    lengths[first] = (*known, len(word))
            rest()
        return _Index(words, lengths)

    def _edits(self, spoken: str) -> Iterator[Edit]:
        index = self._index
        if not index.lengths or index.lengths.keys().isdisjoint(_PART.findall(spoken.lower())):
            return
        done = 0
        for part in _PART.finditer(spoken):
            first = part[0].lower()
            if first not in index.lengths or part.start() < done:
                continue
            for word, said in index.at(spoken, part.start(), first):
                end = part.start() + len(word)
                if _stands(spoken, part.start(), end, word):
                    yield part.start(), end, apart(spoken, part.start(), end, said)
                    done = end
                    break


def _is_pattern(word: str) -> bool:
    return len(word) > 2 and word[0] == word[-1] == "/"  # noqa: PLR2004


def _rule(word: str, said: str) -> Rule:
    try:
        pattern = re.compile(word[1:-1])
        re.sub(pattern, said, "")
        rule = Rule(f"(?-x:{word[1:-1]})", lambda match: match.expand(said))
    except (re.error, IndexError) as error:
        raise LexiconInvalid(f"{word}: {error}") from None
    return rule


def _is_exact(word: str) -> bool:
    return word.isupper() and len(word) > 1


def _stands(spoken: str, start: int, end: int, word: str) -> bool:
    """Return whether the word occurs there as a whole word."""
    written = spoken[start:end]
    exact = _is_exact(word)
    same = written == word if exact else written.lower() == word.lower()
    if same and exact and is_syllable(word.lower()) and shouted(spoken, start, end, beside=True):
        return False  # in a text in capitals, as in AI LÀ TRIỆU PHÚ, it is the common word
    return same and not (end < len(spoken) and word[-1].isalnum() and spoken[end].isalnum())


@lru_cache(maxsize=1)
def built_in() -> Lexicon:
    """Return the lexicon of the package."""
    text = resources.files("vits_tts.text").joinpath("data/lexicon.yaml").read_text("utf-8")
    return Lexicon.of(texts(text))


def read(path: Path, rest: Callable[[], object] = lambda: None) -> Lexicon:
    """Return the lexicon in a file; ``rest`` is called between small pieces of the work.

    Raises:
        LexiconInvalid: the file cannot be read, or is not a mapping of words to readings.

    """
    try:
        text = yaml_files.read_text(path, _MAX_FILE_BYTES, regular=True)
        readings = yaml_files.read_pairs(text, rest)
    except (OSError, UnicodeDecodeError) as error:
        raise LexiconInvalid(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    except yaml.YAMLError as error:
        raise LexiconInvalid(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(readings, dict):
        raise LexiconInvalid(f"{path}: should hold `word: reading` lines")
    try:
        lexicon = Lexicon.of(readings, rest=rest)
    except LexiconInvalid as error:
        raise LexiconInvalid(f"{path}: {error}") from None
    lexicon.prepare(rest)  # now, so that the first text does not wait for it
    return lexicon


class LexiconFile:
    """A user's lexicon that is read again when its file changes.

    Only :meth:`refresh` touches the disk, so that an event loop may use the rest. A broken new
    version is ignored.
    """

    def __init__(self, path: Path) -> None:
        """Read the file for the first time.

        Raises:
            ConfigError: the file cannot be used.

        """
        self._path = path
        self._seen = self._stamp()
        self.edition = 0
        """The number of times that the file has been read again."""
        try:
            self._lexicon = read(path)
        except LexiconInvalid as error:
            raise ConfigError(f"text.lexicon: {error}") from None

    def __call__(self, text: Text) -> Text:
        """Return the text with the words of the file's newest valid version read."""
        return self._lexicon(text)

    def refresh(self) -> None:
        """Read the file again if it has changed; call this in one thread at a time."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._lexicon = read(self._path, Rest())
        except LexiconInvalid as error:
            logger.error("lexicon kept as it was: {}", error)
        else:
            self.edition += 1
            logger.info("lexicon read again", path=str(self._path), words=len(self._lexicon.words))

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def opened(paths: tuple[Path, ...]) -> tuple[LexiconFile, ...]:
    """Return the users' lexicons as steps, in the order of the settings.

    Raises:
        ConfigError: a file cannot be used.

    """
    return tuple(LexiconFile(path) for path in paths)
