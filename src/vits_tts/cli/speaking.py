"""Who speaks, as the options of ``say`` and ``batch`` put it: the library, or a server."""

import signal
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from vits_tts.cli.completion import complete_voice
from vits_tts.cli.options import gathered, load_config
from vits_tts.errors import ConfigError

if TYPE_CHECKING:
    from vits_tts.config import Config
    from vits_tts.types import Window

F = TypeVar("F", bound=Callable[..., Any])


class Speaker(Protocol):
    """What speaks: a voice, here or elsewhere. Threads may share it."""

    name: str
    licence: str
    sample_rate: int

    def stream(self, text: str) -> "Generator[Window, None, None]":
        """Yield the speech of a text."""

    def close(self) -> None:
        """Let go of what is held; whoever still listens hears no more."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """Who should speak, and how, as it was asked for."""

    voice: str | None
    speaker: str | None
    speed: str | None
    lexicon: Path | None
    url: str | None
    config_path: Path | None

    def opened(self) -> AbstractContextManager[Speaker]:
        """Return what speaks, for a ``with`` block.

        Raises:
            VitsTtsError: it cannot.

        """
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # no half file is left then
        if self.url is None:
            return closing(_Library(self))
        from vits_tts.cli.remote import Remote

        words = _words(self.lexicon) if self.lexicon else None
        options = {"speaker": self.speaker, "speed": self.speed, "lexicon": words}
        return closing(Remote(self.url, self.voice, options))


def speaking_options(command: F) -> F:
    """Give a command the options that make a ``Speaking``, which it gets as ``speaking``."""
    return gathered("speaking", Speaking, _OPTIONS)(command)


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
        help="YAML of words and how they are said.",
    ),
    click.option(
        "--url",
        metavar="URL",
        help="Have a server speak; its key, if it wants one, from VITS_TTS_API_KEY.",
    ),
    click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Settings to use instead of ./config.yaml, without a server.",
    ),
)


class _Library:
    """The library, in this process."""

    def __init__(self, asked: Speaking) -> None:
        from vits_tts import logs
        from vits_tts.api import Speech

        config = load_config(asked.config_path)
        logs.configure(config.logging, sys.stderr, level="critical")
        self._speech = Speech(asked.voice, config=_with_lexicon(config, asked.lexicon))
        self._how = {"speed": asked.speed, "speaker": asked.speaker}
        voice = self._speech.voice
        self.name, self.licence = voice.name, voice.licence.name
        self.sample_rate = voice.sample_rate

    def stream(self, text: str) -> "Generator[Window, None, None]":
        return self._speech.stream(text, **self._how)  # type: ignore[arg-type]

    def close(self) -> None:
        self._speech.close()


def _with_lexicon(config: "Config", path: Path | None) -> "Config":
    if path is None:
        return config
    lexicons = (*config.text.lexicon, path.absolute())
    return config.model_copy(update={"text": config.text.model_copy(update={"lexicon": lexicons})})


def _words(path: Path) -> dict[str, str]:
    from vits_tts.text import lexicon

    try:
        return dict(lexicon.read(path).words)
    except lexicon.LexiconInvalid as error:
        raise ConfigError(str(error)) from None
