r"""Lexicons: words and how they are said, from the package, from users' files, from a request.

A lexicon is a YAML mapping of words to readings. A key of capitals alone is matched exactly (AI is
not the word ai), any other whatever its case; a key between slashes is a regular expression, and
its reading may refer to groups (``\1``). Words are found by their first part, so that a text costs
the same whatever the size of the lexicon.
"""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

import yaml
from loguru import logger

from vits_tts.errors import ConfigError
from vits_tts.text.aligned import Edit, Text
from vits_tts.text.rules import Rule, apart, shouted
from vits_tts.text.syllables import is_syllable
from vits_tts.text.tables import texts

_PART: Final = re.compile(r"[^\W_]+")
_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at a file's time of change."""


class LexiconInvalid(ValueError):
    """A lexicon that cannot be used; the message says why, in one line."""


@dataclass(frozen=True)
class Lexicon:
    """Words and their readings: a step, and a value that can be kept and compared."""

    words: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, readings: Mapping[object, object], *, patterns: bool = True) -> "Lexicon":
        """Return the lexicon of a mapping.

        Raises:
            LexiconInvalid: a word or a reading is no text, or a pattern is broken or not allowed.

        """
        for word, said in readings.items():
            if not isinstance(word, str) or not isinstance(said, str):
                raise LexiconInvalid(f"{word!r:.40}: a word and its reading are both texts")
            if not _PART.search(word):
                raise LexiconInvalid(f"{word!r:.40}: a word has a letter or a digit")
            if _is_pattern(word) and not patterns:
                raise LexiconInvalid(f"{word!r:.40}: patterns stand in the server's lexicons only")
        lexicon = cls(tuple((str(word), str(said)) for word, said in readings.items()))
        _ = lexicon._patterns
        return lexicon

    def __call__(self, text: Text) -> Text:
        """Return the text with the lexicon's words read."""
        edits = list(self._edits(text.spoken, self._first)) if self._first else []
        text = text.rewritten(edits) if edits else text
        for pattern in self._patterns:
            text = pattern(text)
        return text

    @cached_property
    def _patterns(self) -> tuple[Rule, ...]:
        return tuple(_rule(word, said) for word, said in self.words if _is_pattern(word))

    @cached_property
    def _first(self) -> dict[str, list[tuple[str, str]]]:
        """The words by their first part, the longest first."""
        first: dict[str, list[tuple[str, str]]] = {}
        for word, said in sorted(self.words, key=lambda pair: -len(pair[0])):
            part = None if _is_pattern(word) else _PART.search(word)
            if part:
                first.setdefault(part[0].lower(), []).append((word, said))
        return first

    def _edits(self, spoken: str, first: Mapping[str, list[tuple[str, str]]]) -> Iterator[Edit]:
        if first.keys().isdisjoint(_PART.findall(spoken.lower())):
            return
        done = 0
        for part in _PART.finditer(spoken):
            known = first.get(part[0].lower())
            if known is None or part.start() < done:
                continue
            for word, said in known:
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


def _stands(spoken: str, start: int, end: int, word: str) -> bool:
    """Whether the word stands there, as a whole."""
    written = spoken[start:end]
    exact = word.isupper() and len(word) > 1
    same = written == word if exact else written.lower() == word.lower()
    if same and exact and is_syllable(word.lower()) and shouted(spoken, start, end):
        return False  # AI LÀ TRIỆU PHÚ: here it is the word
    return same and not (end < len(spoken) and word[-1].isalnum() and spoken[end].isalnum())


@lru_cache(maxsize=1)
def built_in() -> Lexicon:
    """Return the lexicon that comes with the package."""
    text = resources.files("vits_tts.text").joinpath("data/lexicon.yaml").read_text("utf-8")
    return Lexicon.of(texts(text))


def read(path: Path) -> Lexicon:
    """Return the lexicon in a file.

    Raises:
        LexiconInvalid: it cannot be read, or is not a mapping of words to readings.

    """
    try:
        readings = texts(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LexiconInvalid(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    except yaml.YAMLError as error:
        raise LexiconInvalid(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(readings or {}, dict):
        raise LexiconInvalid(f"{path}: should hold `word: reading` lines")
    try:
        return Lexicon.of(readings or {})
    except LexiconInvalid as error:
        raise LexiconInvalid(f"{path}: {error}") from None


class LexiconFile:
    """A user's lexicon, read again when its file changes; a broken one is not taken over."""

    def __init__(self, path: Path) -> None:
        """Read the file for the first time.

        Raises:
            ConfigError: it cannot be used.

        """
        self._path = path
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._looked = time.monotonic()
        self._edition = 0
        try:
            self._lexicon = read(path)
        except LexiconInvalid as error:
            raise ConfigError(f"text.lexicon: {error}") from None

    def __call__(self, text: Text) -> Text:
        """Return the text with the words of the file's newest good version read."""
        return self.current()(text)

    def current(self) -> Lexicon:
        """Return the lexicon, after a look at the file at most once a second."""
        with self._lock:
            self._look()
            return self._lexicon

    @property
    def edition(self) -> int:
        """How often the file has been read again, after such a look."""
        with self._lock:
            self._look()
            return self._edition

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._reload()

    def _reload(self) -> None:
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._lexicon = read(self._path)
        except LexiconInvalid as error:
            logger.error("lexicon kept as it was: {}", error)
        else:
            self._edition += 1
            logger.info("lexicon read again", path=str(self._path), words=len(self._lexicon.words))

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def opened(paths: tuple[Path, ...]) -> tuple[LexiconFile, ...]:
    """Return the users' lexicons, which are steps, in the order of the settings.

    Raises:
        ConfigError: one of the files cannot be used.

    """
    return tuple(LexiconFile(path) for path in paths)
