"""Speech for programs, in a few lines: ``from vits_tts import Speech``.

One object has one voice, and any number of threads or tasks may use it at once. It is the server's
pipeline without a server: the same settings, reading, caches and samples.
"""

import weakref
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, cast

import numpy as np
from loguru import logger

from vits_tts import config as configuration
from vits_tts.audio import encoder, writing
from vits_tts.config import Config
from vits_tts.cores import available_cores
from vits_tts.errors import FieldInvalid, TextEmpty, TextUnspeakable, VoiceUnknown
from vits_tts.speech import Speech as Pipeline
from vits_tts.speech import Tally, build
from vits_tts.speech.thread import LoopThread
from vits_tts.text.lexicon import Lexicon, LexiconInvalid
from vits_tts.text.normalise import check
from vits_tts.text.portions import portions
from vits_tts.types import Pcm, SpeechRequest, Window, silence
from vits_tts.voice import catalogue
from vits_tts.voice.manifest import Manifest

_MOST_CHARS: Final = 100_000_000
_PORTION_CHARS: Final = 4000

__all__ = ["AsyncSpeech", "Recording", "Speech", "Window"]

logger.disable("vits_tts")  # a library is silent; `logs.configure` speaks up again


@dataclass(frozen=True, slots=True)
class Recording(Pcm):
    """All of a speech: ``samples`` (int16, mono) at ``sample_rate``, ``seconds`` long."""

    def encoded(
        self,
        format: str = "wav",  # noqa: A002  # as everywhere else
        *,
        sample_rate: int | None = None,
        bit_rate: int | None = None,
    ) -> bytes:
        """Return it as the bytes of a file.

        Raises:
            RequestError: the format, or a rate, cannot be.

        """
        asked = writing.encoding(None, format, sample_rate, bit_rate, self.sample_rate)
        return encoder.whole(self, asked)

    def save(
        self,
        path: str | Path,
        format: str | None = None,  # noqa: A002
        *,
        sample_rate: int | None = None,
        bit_rate: int | None = None,
    ) -> Path:
        """Write it into a file, which appears whole or not at all, and return its path.

        The format is what the ending of the file's name stands for, unless one is named.

        Raises:
            RequestError: the format, or a rate, cannot be.
            OSError: the file cannot be written.

        """
        path = Path(path)
        asked = writing.encoding(path, format, sample_rate, bit_rate, self.sample_rate)
        with writing.file(path, asked, self.sample_rate) as sink:
            sink.write(self)
            sink.finish()
        return path


class AsyncSpeech:
    """A voice that speaks, for programs with an event loop."""

    def __init__(
        self, voice: str | None = None, *, config: Config | Path | str | None = None
    ) -> None:
        """Take an installed voice by name, or that of the settings.

        ``config`` is a file of settings; without one, ``config.yaml`` in the current folder, if
        there is one, and the environment count, as for the server.

        Raises:
            ConfigError: a setting cannot be used.
            VoiceUnknown: no such voice is installed.
            VoiceError: the voice's JSON is broken.

        """
        if not isinstance(config, Config):
            config = configuration.load(Path(config) if config else None)
        config = _with_one_voice(config, voice or config.voice.name)
        self._pauses = config.voice.sentence_pause, config.voice.paragraph_pause
        self._pipeline: Pipeline = build(config)
        self._started = False
        self.voice: Manifest = self._pipeline.voices.find(None)
        """What is known of the voice: ``name``, ``sample_rate``, ``speakers``, ``licence``."""

    async def __aenter__(self) -> Self:
        """Begin to load the voice."""
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    def start(self) -> None:
        """Begin to load the voice, which its first use would do as well."""
        if not self._started:
            self._started = True
            self._pipeline.start()
            self._pipeline.watch()

    async def close(self) -> None:
        """Let go of the voice; whoever still listens hears no more."""
        await self._pipeline.close()

    async def say(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
    ) -> Recording:
        """Return the whole speech; the parameters and errors are those of ``stream``."""
        windows = self.stream(text, speed=speed, speaker=speaker, lexicon=lexicon)
        async with aclosing(windows):
            parts = [window.samples async for window in windows]
        return Recording(np.concatenate(parts), self.voice.sample_rate)

    async def stream(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Window, None]:
        """Yield the speech as it is made, window by window; closing the iterator stops the work.

        ``text`` may be as long as a book. ``speed`` is a name such as ``slow`` or a rate from 0.25
        to 4, where 2 is twice as fast; ``speaker`` a name or a number; ``lexicon`` says how words
        are said.

        Raises:
            RequestError: one of its subclasses says what is wrong with which parameter.
            VoiceError: the voice cannot be loaded.

        """
        check(text, _MOST_CHARS)
        words = _lexicon(lexicon)
        await self._ready()
        pause: float | None = None
        for portion in portions(text, _PORTION_CHARS):
            spoken = False
            with suppress(TextEmpty, TextUnspeakable):  # unless all portions are
                request = await self._pipeline.request(
                    portion.text,
                    speed=speed,
                    speaker=None if speaker is None else str(speaker),
                    lexicon=words,
                )
                async with aclosing(self._windows(request, portion.start, len(text))) as windows:
                    async for window in windows:
                        if pause is not None and not spoken:
                            silent = silence(pause, window.sample_rate).samples
                            yield Window(silent, window.sample_rate, window.progress)
                        spoken = True
                        yield window
            if spoken:
                pause = self._pauses[portion.paragraph]
        if pause is None:
            raise TextUnspeakable("the text has nothing to say", field="text")

    async def _windows(
        self, request: SpeechRequest, start: int, chars: int
    ) -> AsyncGenerator[Window, None]:
        """Yield the speech of what stands at ``start`` in a text of so many ``chars``."""
        tally = Tally()
        async with aclosing(self._pipeline.stream(request, tally, hurried=False)) as stream:
            async for pcm in stream:
                place = request.sentences[min(tally.heard, len(request.sentences) - 1)].start
                yield Window(pcm.samples, pcm.sample_rate, (start + place) / chars)

    async def _ready(self) -> None:
        self.start()
        await self._pipeline.voices.load(self.voice.name)


class Speech:
    """A voice that speaks, for every other program; an event loop in a thread of its own does it.

    Usable from any thread, and where an event loop runs already, as in a notebook.
    """

    def __init__(
        self, voice: str | None = None, *, config: Config | Path | str | None = None
    ) -> None:
        """Take a voice as :class:`AsyncSpeech` does, and begin to load it."""
        self._speech = AsyncSpeech(voice, config=config)
        self._loop = LoopThread()
        self._loop.call(self._speech.start)
        self._end = weakref.finalize(self, self._loop.close, self._speech.close)

    def __enter__(self) -> Self:
        """Begin a block at whose end it is closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def voice(self) -> Manifest:
        """What is known of the voice: ``name``, ``sample_rate``, ``speakers``, ``licence``."""
        return self._speech.voice

    def close(self) -> None:
        """Let go of the voice and end the thread; whoever still listens is cancelled."""
        self._end()

    def say(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
    ) -> Recording:
        """Return the whole speech; the parameters and errors are those of ``stream``."""
        return self._loop.result(
            lambda: self._speech.say(text, speed=speed, speaker=speaker, lexicon=lexicon)
        )

    def stream(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
    ) -> Generator[Window, None, None]:
        """Yield the speech as it is made; see :meth:`AsyncSpeech.stream`."""
        return self._loop.iterate(
            self._speech.stream(text, speed=speed, speaker=speaker, lexicon=lexicon)
        )


def _with_one_voice(config: Config, name: str) -> Config:
    """Return settings for one voice, which has all cores and no limit that a server needs."""
    settings = config.voice
    known = catalogue.installed(settings.folder)
    if name not in known:
        hint = configuration.nearest(name, list(known)) or f"; there is {', '.join(known)}"
        raise VoiceUnknown(f"there is no voice {name!r:.60}{hint}", field="voice")
    threads = available_cores() if settings.threads == "auto" else settings.threads
    alone = {"name": name, "others": (), "threads": threads}
    return config.model_copy(
        update={
            "voice": settings.model_copy(update=alone),
            "server": config.server.model_copy(update={"max_text_chars": _MOST_CHARS}),
        }
    )


def _lexicon(words: Mapping[str, str] | None) -> Lexicon | None:
    try:
        return None if words is None else Lexicon.of(cast("Mapping[object, object]", words))
    except LexiconInvalid as error:
        raise FieldInvalid(f"lexicon: {error}", field="lexicon") from None
