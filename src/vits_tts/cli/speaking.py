"""The options of ``say`` and ``batch`` for the voice, and the choice of library or server."""

import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from vits_tts.cli.completion import complete_voice
from vits_tts.cli.options import gathered, load_config
from vits_tts.errors import ConfigError
from vits_tts.uncollected import uncollected

if TYPE_CHECKING:
    from vits_tts.api import Speech
    from vits_tts.config import Config
    from vits_tts.types import Window

F = TypeVar("F", bound=Callable[..., Any])


class Speaker(Protocol):
    """A voice of the library or of a server. Threads may share it."""

    name: str
    licence: str
    sample_rate: int
    dictionaries: tuple[str, ...]
    """The dictionaries in use, as ``NAME@VERSION``, so that later changes have no effect."""

    def stream(
        self, text: str, *, ssml: bool = False, whole: bool = False
    ) -> "Generator[Window, None, None]":
        """Yield the speech of a text, or of an SSML document, part by part.

        With ``whole`` nothing is heard before the end, so the first part may come later.
        """

    def close(self) -> None:
        """Free all resources; running streams end."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """The values of the options for the voice; None if not given."""

    voice: str | None
    speaker: str | None
    speed: str | None
    lexicon: Path | None
    volume: float
    dictionaries: tuple[str, ...]
    url: str | None
    config_path: Path | None

    def opened(self) -> AbstractContextManager[Speaker]:
        """Return a context manager that yields the speaker and closes it at the end.

        Raises:
            VitsTtsError: The voice or the server cannot be used.

        """
        # SIGTERM raises KeyboardInterrupt, so that unfinished files are deleted.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if self.url is None:
            return closing(Library(self))
        from vits_tts.cli.remote import Remote

        words = _words(self.lexicon) if self.lexicon else None
        options = {
            "speaker": self.speaker,
            "speed": self.speed,
            "volume": self.volume,
            "lexicon": words,
            "dictionaries": list(self.dictionaries) or None,
        }
        return closing(Remote(self.url, self.voice, options))


def speaking_options(command: F) -> F:
    """Add these options to a command, which receives them as the argument ``speaking``."""
    return gathered("speaking", Speaking, _OPTIONS)(command)


@dataclass(frozen=True, slots=True)
class LocalVoice:
    """The values of the options for a voice of this process; None if not given."""

    voice: str | None
    speaker: str | None
    speed: str | None
    lexicon: Path | None
    config_path: Path | None

    def opened(self) -> "AbstractContextManager[Speech]":
        """Return a context manager that yields the voice and frees it at the end.

        Raises:
            VitsTtsError: The voice cannot be used.

        """
        # SIGTERM raises KeyboardInterrupt, so that unfinished files are deleted.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return _speech(self)


def local_voice_options(command: F) -> F:
    """Add the options of a voice of this process, as the argument ``voice``."""
    options = (*_OPTIONS[:4], *_OPTIONS[7:])
    return gathered("voice", LocalVoice, options)(command)


_OPTIONS = (
    click.option(
        "--voice", metavar="NAME", shell_complete=complete_voice, help="An installed voice."
    ),
    click.option("--speaker", metavar="NAME", help="A speaker of that voice, by name or number."),
    click.option(
        "--speed", metavar="SPEED", help="very_slow … very_fast, or a rate from 0.25 to 4."
    ),
    click.option(
        "--lexicon",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="YAML file of words and their pronunciation.",
    ),
    click.option(
        "--volume",
        type=click.FloatRange(0, 4),
        default=1.0,
        metavar="FACTOR",
        help="Factor of the amplitude, from 0 to 4.",
    ),
    click.option(
        "--dictionary",
        "dictionaries",
        metavar="NAME",
        multiple=True,
        help="A pronunciation dictionary, by name or id; may be repeated.",
    ),
    click.option(
        "--url",
        metavar="URL",
        help="Let a server speak; its API key is read from VITS_TTS_API_KEY.",
    ),
    click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Settings to use instead of ./config.yaml, without a server.",
    ),
)


class Library:
    """A voice of the library, in this process."""

    def __init__(self, asked: Speaking) -> None:
        """Start to load the voice.

        Raises:
            ConfigError: The settings cannot be used.
            DictionaryNotFound: There is no such dictionary.
            DictionariesUnavailable: The dictionaries cannot be read.

        """
        self._speech = _speech(asked)
        self._how = {"speed": asked.speed, "speaker": asked.speaker, "volume": asked.volume}
        try:
            self.dictionaries = self._speech.dictionary_versions(asked.dictionaries or None)
        except BaseException:
            self._speech.close()
            raise
        voice = self._speech.voice
        self.name, self.licence = voice.name, voice.licence.name
        self.sample_rate = voice.sample_rate

    def stream(
        self, text: str, *, ssml: bool = False, whole: bool = False
    ) -> "Generator[Window, None, None]":
        """Yield the speech of a text, or of an SSML document, part by part."""
        given = {"ssml" if ssml else "text": text, "whole": whole}
        return self._speech.stream(
            **given,  # type: ignore[arg-type]
            **self._how,  # type: ignore[arg-type]
            dictionaries=self.dictionaries,
        )

    def speak(self, text: Iterator[str], *, ssml: bool = False) -> "Generator[Window, None, None]":
        """Yield the speech of a text, which may have SSML in it, while it arrives."""
        return self._speech.speak(
            text,
            **self._how,  # type: ignore[arg-type]
            dictionaries=self.dictionaries,
            ssml=ssml,
        )

    def close(self) -> None:
        """Free the voice."""
        self._speech.close()


def _speech(asked: Speaking | LocalVoice) -> "Speech":
    with uncollected():
        from vits_tts.api import Speech
        from vits_tts.telemetry import logging

        config = load_config(asked.config_path)
        logging.configure(config.logging, sys.stderr, level="critical")
        return Speech(asked.voice, config=_with_lexicon(config, asked.lexicon))


def _with_lexicon(config: "Config", path: Path | None) -> "Config":
    if path is None:
        return config
    lexicons = (*config.text.lexicon, path.absolute())
    return config.model_copy(update={"text": config.text.model_copy(update={"lexicon": lexicons})})


def _words(path: Path) -> dict[str, str]:
    from vits_tts.text.normalizer import lexicon

    try:
        return dict(lexicon.read(path).words)
    except lexicon.LexiconInvalid as error:
        raise ConfigError(str(error)) from None
