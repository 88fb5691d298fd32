"""The Python API: ``from vits_tts import Speech``.

An object has one voice. Any number of threads or tasks may use it at the same time. It runs the
pipeline of the server without a server: the same settings, reading, caches and samples.

No request is refused for lack of capacity. All of them are background work and wait their turn. A
long text is read in portions that end at paragraphs or lines, so a book starts as soon as a
sentence does.
"""

import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Collection,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, cast

import numpy as np
from loguru import logger

from vits_tts import config as configuration
from vits_tts.audio import encoder, writing
from vits_tts.config import Config
from vits_tts.cores import available_cores
from vits_tts.dictionaries.model import ALL
from vits_tts.dictionaries.rules import Rules
from vits_tts.dictionaries.service import locator
from vits_tts.errors import FieldInvalid, TextEmpty, TextUnspeakable, VoiceUnknown
from vits_tts.loop_thread import LoopThread
from vits_tts.markup.dialogue import Turn, text_of
from vits_tts.markup.plan import InputKind, begins_as_ssml
from vits_tts.speech import RequestStats, SpeechOptions, TextPace, build
from vits_tts.speech import Speech as Pipeline
from vits_tts.speech.feeding import spoken
from vits_tts.speech.file_hash import sound_hash
from vits_tts.speech.options import IN_PROCESS
from vits_tts.speech.timeline import Detail, TimedSentence
from vits_tts.text.normalizer.lexicon import Lexicon, LexiconInvalid
from vits_tts.text.normalizer.pipeline import check
from vits_tts.text.portions import portions
from vits_tts.types import Audience, Pcm, SpeechRequest, Window, silence
from vits_tts.voice import installed
from vits_tts.voice.manifest import Manifest

_MOST_CHARS: Final = 100_000_000
_PORTION_CHARS: Final = 4000
_TOGETHER: Final = 8
"""Windows that are waited for at a time if no listener needs the first one early."""

__all__ = ["AsyncSpeech", "Recording", "Speech", "Turn", "Window"]

logger.disable("vits_tts")  # a library does not log; `telemetry.logging.configure` enables logs


@dataclass(frozen=True, slots=True)
class Recording(Pcm):
    """A complete speech: ``samples`` (int16, mono) at ``sample_rate`` in hertz."""

    def encoded(
        self,
        format: str = "wav",  # noqa: A002  # the name that HTTP and the command line use
        *,
        sample_rate: int | None = None,
        bit_rate: int | None = None,
    ) -> bytes:
        """Return the speech as the bytes of a file.

        Raises:
            RequestError: The format or a rate is not supported.

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
        """Save the speech to a file, and return its path.

        Without ``format``, the suffix of the file's name decides. The file gets its name when it is
        complete, so a failure leaves no partial file.

        Raises:
            RequestError: The format or a rate is not supported.
            OSError: The file cannot be written.

        """
        path = Path(path)
        asked = writing.encoding(path, format, sample_rate, bit_rate, self.sample_rate)
        with writing.file(path, asked, self.sample_rate) as sink:
            sink.write(self)
            sink.finish()
        return path


class AsyncSpeech:
    """Synthesises speech with one voice, in programs that have an event loop."""

    def __init__(
        self, voice: str | None = None, *, config: Config | Path | str | None = None
    ) -> None:
        """Select an installed voice by name, or ``voice.name`` of the settings.

        The name may be one of ``voice.aliases``, which may name a speaker as well.

        ``config`` is the path of a settings file, or a loaded one. The default is ``config.yaml``
        in the current folder, if it exists. Environment variables apply as for the server.

        Raises:
            ConfigError: A setting cannot be used.
            VoiceUnknown: No installed voice has this name.
            VoiceError: The voice's manifest is damaged.

        """
        if not isinstance(config, Config):
            config = configuration.load(Path(config) if config else None)
        self._alias = voice if voice in config.voice.aliases else None
        config = _with_one_voice(config, voice or config.voice.name)
        self._pauses = config.voice.sentence_pause, config.voice.paragraph_pause
        self._buffer_delay = config.agents.max_buffer_delay
        self._pipeline: Pipeline = build(config)
        self._started = False
        self.voice: Manifest = self._pipeline.voices.find(None)
        """The voice's manifest: ``name``, ``sample_rate``, ``speakers``, ``licence``."""

    async def __aenter__(self) -> Self:
        """Start to load the voice, and return the object."""
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the object."""
        await self.close()

    def start(self) -> None:
        """Start to load the voice in the background; otherwise its first use does so."""
        if not self._started:
            self._started = True
            self._pipeline.start()
            self._pipeline.watch()

    async def close(self) -> None:
        """Free the voice and the threads; running streams are cancelled."""
        await self._pipeline.close()

    async def say(  # noqa: PLR0913  # the parameters of HTTP
        self,
        text: str | None = None,
        *,
        ssml: str | None = None,
        turns: Sequence[Turn | Mapping[str, Any]] | None = None,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
        dictionaries: Sequence[str] | None = None,
        volume: float = 1.0,
    ) -> Recording:
        """Return the complete speech; parameters and errors are those of ``stream``."""
        windows = self.stream(
            text,
            ssml=ssml,
            turns=turns,
            speed=speed,
            speaker=speaker,
            lexicon=lexicon,
            dictionaries=dictionaries,
            volume=volume,
            whole=True,
        )
        async with aclosing(windows):
            parts = [window.samples async for window in windows]
        return Recording(np.concatenate(parts), self.voice.sample_rate)

    async def stream(  # noqa: PLR0913  # the parameters of HTTP
        self,
        text: str | None = None,
        *,
        ssml: str | None = None,
        turns: Sequence[Turn | Mapping[str, Any]] | None = None,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
        dictionaries: Sequence[str] | None = None,
        volume: float = 1.0,
        whole: bool = False,
    ) -> AsyncGenerator[Window, None]:
        """Yield the speech part by part, as it is synthesised.

        Closing the iterator stops the synthesis.

        Args:
            text: The text to speak; it may be as long as a book. A text that begins with ``<speak``
                is read as SSML.
            ssml: An SSML document, in place of ``text``.
            turns: The turns of a dialogue, in place of ``text``: objects with ``text`` and,
                optionally, ``voice`` (one of the settings), ``speaker``, ``speed``, ``pause`` after
                it in seconds, and ``input``.
            speed: A name such as ``slow``, or a rate from 0.25 to 4, where 2 is twice as fast.
            speaker: The name or number of a speaker, for voices with several.
            lexicon: Words and the spelling by which each is pronounced.
            dictionaries: Names or ids of pronunciation dictionaries in the folder of the settings
                (or in Redis), of which the first takes precedence; ``NAME@VERSION`` is a version.
                Only dictionaries made without an API key and shared ones can be named. The default
                is ``text.dictionaries``.
            volume: Factor of the amplitude, from 0 to 4.
            whole: Whether playback begins only after the end, as for a file. The first part is then
            not kept short, which saves processor time.

        Raises:
            RequestError: A parameter is not valid; ``field`` and the subclass say which and why.
            VoiceError: The voice cannot be loaded.

        """
        if [text, ssml, turns].count(None) != 2:  # noqa: PLR2004  # one of them is there
            raise FieldInvalid("give text, ssml or turns, one of them", field="text")
        dialogue = _turns(turns or ())
        written = text_of(dialogue) if turns is not None else text or ssml or ""
        kind: InputKind | None = None if ssml is None else "ssml"
        undivided = kind or dialogue or begins_as_ssml(written)
        check(written, _MOST_CHARS)
        options = SpeechOptions(
            speed=speed,
            voice=self._alias,
            speaker=None if speaker is None else str(speaker),
            lexicon=_lexicon(lexicon),
            input=kind,
            turns=dialogue,
            volume=volume,
            dictionaries=await self._rules(dictionaries),
        )
        await self._ready()
        audience: Audience = "batch" if whole else "program"
        pause: float | None = None
        chars = len(written)
        for portion in portions(written, chars if undivided else _PORTION_CHARS):
            spoken = False
            with suppress(TextEmpty, TextUnspeakable):  # an error only if no portion can be spoken
                request = await self._pipeline.request(portion.text, options)
                for other in {part.voice for part in request.sentences} - {None}:
                    await self._pipeline.voices.load(other or "")
                speech = self._windows(request, portion.start, chars, audience)
                async with aclosing(speech) as windows:
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

    async def speak(  # noqa: PLR0913  # the parameters of HTTP
        self,
        text: Iterable[str] | AsyncIterable[str],
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
        dictionaries: Sequence[str] | None = None,
        max_buffer_delay: float | None = None,
        ssml: bool = False,
        volume: float = 1.0,
    ) -> AsyncGenerator[Window, None]:
        """Yield the speech of a text while it is written, by a language model for example.

        A sentence is spoken as soon as no later piece can change it. Closing the iterator stops
        the synthesis. ``progress`` of a window is the share of the text that has come.

        Args:
            text: An iterator that yields pieces of any size, such as tokens. A synchronous iterator
                is read in a thread, so it may block.
            speed: See :meth:`stream` for this and the next three parameters.
            speaker: The name or number of a speaker.
            lexicon: Words and the spelling by which each is pronounced.
            dictionaries: Names or ids of pronunciation dictionaries.
            max_buffer_delay: Maximum seconds to wait for the rest of a sentence once everything
                else has been heard. Then its first clause is spoken alone. The default is
                ``agents.max_buffer_delay``.
            ssml: Whether the text may have elements of SSML, or be a document. An element is
                spoken once it is closed.
            volume: Factor of the amplitude, from 0 to 4.

        Raises:
            RequestError: A parameter is not valid, or the text cannot be spoken.
            VoiceError: The voice cannot be loaded.

        """
        options = SpeechOptions(
            speed=speed,
            voice=self._alias,
            speaker=None if speaker is None else str(speaker),
            lexicon=_lexicon(lexicon),
            input="ssml" if ssml else None,
            volume=volume,
            dictionaries=await self._rules(dictionaries),
        )
        options = await self._pipeline.with_dictionaries(options)
        pace = TextPace(self._buffer_delay if max_buffer_delay is None else max_buffer_delay)
        await self._ready()
        stream = self._pipeline.text_stream(
            options, IN_PROCESS, RequestStats(), pace, audience="program"
        )
        async with aclosing(spoken(stream, text)) as windows:
            async for window in windows:
                yield window

    async def timed(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        dictionaries: Sequence[str] | None = None,
        details: Collection[Detail] = (),
    ) -> tuple[Recording, tuple[TimedSentence, ...]]:
        """Return the speech of a text of moderate length, and when each of its words is heard.

        With ``"phonemes"`` in ``details``, words have their phonemes. With ``"visemes"``, sentences
        have the positions of the mouth. Other parameters and errors are those of ``stream``.
        """
        check(text, _MOST_CHARS)
        speaks = None if speaker is None else str(speaker)
        rules = await self._rules(dictionaries)
        await self._ready()
        options = SpeechOptions(speed, self._alias, speaks, dictionaries=rules)
        request, timeline = await self._pipeline.timed(text, options)
        timeline.details = details
        tally = RequestStats(timeline=timeline)
        async with aclosing(self._pipeline.stream(request, tally, audience="batch")) as stream:
            parts = [pcm.samples async for pcm in stream]
        samples = np.concatenate(parts)
        return Recording(samples, self.voice.sample_rate), tuple(timeline.sentences)

    async def seconds(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        dictionaries: Sequence[str] | None = None,
    ) -> float:
        """Return the seconds that the speech of a text takes, without synthesis; see ``stream``."""
        request = await self._request(text, speed, speaker, dictionaries)
        samples = await self._pipeline.length(request, RequestStats())
        return samples / self.voice.sample_rate

    async def fingerprint(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        dictionaries: Sequence[str] | None = None,
    ) -> str:
        """Return a digest of the samples of a text, without synthesis.

        Speech that is kept under it is valid for as long as the digest is the same: it changes with
        the voice, the reading rules, lexicons and dictionaries. Parameters and errors are those of
        ``stream``.
        """
        request = await self._request(text, speed, speaker, dictionaries)
        return sound_hash(request, self.voice.sample_rate)

    async def dictionary_versions(
        self, dictionaries: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """Return the dictionaries as ``NAME@VERSION``, with the versions that they have now.

        By default, these are the dictionaries that the settings name and that exist.

        Raises:
            DictionaryNotFound: There is no such dictionary or version.
            DictionariesUnavailable: The dictionaries cannot be read.

        """
        wanted = None if dictionaries is None else list(map(locator, dictionaries))
        return await self._pipeline.dictionaries.pinned(wanted, ALL)

    async def _request(
        self,
        text: str,
        speed: str | float | None,
        speaker: str | int | None,
        dictionaries: Sequence[str] | None,
    ) -> SpeechRequest:
        """Return a text of moderate length as it is to be synthesised."""
        check(text, _MOST_CHARS)
        speaks = None if speaker is None else str(speaker)
        rules = await self._rules(dictionaries)
        await self._ready()
        options = SpeechOptions(speed, self._alias, speaks, dictionaries=rules)
        return await self._pipeline.request(text, options)

    async def _windows(
        self, request: SpeechRequest, start: int, chars: int, audience: Audience
    ) -> AsyncGenerator[Window, None]:
        """Yield the speech of a portion, from ``start`` in a text of ``chars`` characters."""
        tally = RequestStats()
        async with aclosing(self._pipeline.stream(request, tally, audience=audience)) as stream:
            async for pcm in stream:
                # a text of pauses has no sentences
                begun = request.sentences[: tally.heard + 1][-1:]
                place = begun[0].start if begun else 0
                yield Window(pcm.samples, pcm.sample_rate, (start + place) / chars)

    async def _rules(self, dictionaries: Sequence[str] | None) -> tuple[Rules, ...] | None:
        """Return the rules of dictionaries; None for those of the settings."""
        if dictionaries is None:
            return None
        return await self._pipeline.dictionaries.resolve(list(map(locator, dictionaries)), ALL)

    async def _ready(self) -> None:
        self.start()
        await self._pipeline.voices.load(self.voice.name)


class Speech:
    """Synthesises speech with one voice, in programs without an event loop.

    It runs an event loop in its own thread, so it can be used from any thread, and in a notebook.
    """

    def __init__(
        self, voice: str | None = None, *, config: Config | Path | str | None = None
    ) -> None:
        """Select a voice as :class:`AsyncSpeech` does, and start to load it."""
        self._speech = AsyncSpeech(voice, config=config)
        self._loop = LoopThread()
        self._loop.call(self._speech.start)
        self._end = weakref.finalize(self, self._loop.close, self._speech.close)

    def __enter__(self) -> Self:
        """Return the object; the end of the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the object."""
        self.close()

    @property
    def voice(self) -> Manifest:
        """The voice's manifest: ``name``, ``sample_rate``, ``speakers``, ``licence``."""
        return self._speech.voice

    def close(self) -> None:
        """Free the voice and end the thread; running streams are cancelled."""
        self._end()

    def say(  # noqa: PLR0913  # the parameters of HTTP
        self,
        text: str | None = None,
        *,
        ssml: str | None = None,
        turns: Sequence[Turn | Mapping[str, Any]] | None = None,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
        dictionaries: Sequence[str] | None = None,
        volume: float = 1.0,
    ) -> Recording:
        """Return the complete speech; parameters and errors are those of ``stream``."""
        return self._loop.result(
            lambda: self._speech.say(
                text,
                ssml=ssml,
                turns=turns,
                speed=speed,
                speaker=speaker,
                lexicon=lexicon,
                dictionaries=dictionaries,
                volume=volume,
            )
        )

    def stream(  # noqa: PLR0913  # the parameters of HTTP
        self,
        text: str | None = None,
        *,
        ssml: str | None = None,
        turns: Sequence[Turn | Mapping[str, Any]] | None = None,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
        dictionaries: Sequence[str] | None = None,
        volume: float = 1.0,
        whole: bool = False,
    ) -> Generator[Window, None, None]:
        """Yield the speech part by part, as it is synthesised; see :meth:`AsyncSpeech.stream`."""
        return self._loop.iterate(
            self._speech.stream(
                text,
                ssml=ssml,
                turns=turns,
                speed=speed,
                speaker=speaker,
                lexicon=lexicon,
                dictionaries=dictionaries,
                volume=volume,
                whole=whole,
            ),
            _TOGETHER if whole else 1,
        )

    def speak(  # noqa: PLR0913  # the parameters of HTTP
        self,
        text: Iterable[str] | AsyncIterable[str],
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        lexicon: Mapping[str, str] | None = None,
        dictionaries: Sequence[str] | None = None,
        max_buffer_delay: float | None = None,
        ssml: bool = False,
        volume: float = 1.0,
    ) -> Generator[Window, None, None]:
        """Yield the speech of a text while it is written; see :meth:`AsyncSpeech.speak`."""
        return self._loop.iterate(
            self._speech.speak(
                text,
                speed=speed,
                speaker=speaker,
                lexicon=lexicon,
                dictionaries=dictionaries,
                max_buffer_delay=max_buffer_delay,
                ssml=ssml,
                volume=volume,
            )
        )

    def timed(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        dictionaries: Sequence[str] | None = None,
        details: Collection[Detail] = (),
    ) -> tuple[Recording, tuple[TimedSentence, ...]]:
        """Return the speech and the times of its words; see :meth:`AsyncSpeech.timed`."""
        return self._loop.result(
            lambda: self._speech.timed(
                text, speed=speed, speaker=speaker, dictionaries=dictionaries, details=details
            )
        )

    def seconds(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        dictionaries: Sequence[str] | None = None,
    ) -> float:
        """Return the seconds that the speech of a text takes; see :meth:`AsyncSpeech.seconds`."""
        return self._loop.result(
            lambda: self._speech.seconds(
                text, speed=speed, speaker=speaker, dictionaries=dictionaries
            )
        )

    def fingerprint(
        self,
        text: str,
        *,
        speed: str | float | None = None,
        speaker: str | int | None = None,
        dictionaries: Sequence[str] | None = None,
    ) -> str:
        """Return a digest of the samples of a text; see :meth:`AsyncSpeech.fingerprint`."""
        return self._loop.result(
            lambda: self._speech.fingerprint(
                text, speed=speed, speaker=speaker, dictionaries=dictionaries
            )
        )

    def dictionary_versions(self, dictionaries: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return the dictionaries as ``NAME@VERSION``; see the method of :class:`AsyncSpeech`."""
        return self._loop.result(lambda: self._speech.dictionary_versions(dictionaries))


def _with_one_voice(config: Config, name: str) -> Config:
    """Return settings for one voice, all cores, and without the limits of a server.

    The other voices of the settings are loaded when a text names them.

    Raises:
        VoiceUnknown: No installed voice has this name.

    """
    settings = config.voice
    known = installed.installed(settings.folder)
    name = settings.aliases.get(name, name).partition("/")[0]
    if name not in known:
        hint = configuration.nearest(name, list(known)) or f"; there is {', '.join(known)}"
        raise VoiceUnknown(f"there is no voice {name!r:.60}{hint}", field="voice")
    threads = available_cores() if settings.threads == "auto" else settings.threads
    others = [one for one in dict.fromkeys((settings.name, *settings.others)) if one in known]
    alone = {
        "name": name,
        "others": tuple(one for one in others if one != name),
        "load": "first_use",
        "threads": threads,
    }
    return config.model_copy(
        update={
            "voice": settings.model_copy(update=alone),
            "server": config.server.model_copy(update={"max_text_chars": _MOST_CHARS}),
        }
    )


def _turns(turns: Sequence[Turn | Mapping[str, Any]]) -> tuple[Turn, ...]:
    try:
        return tuple(turn if isinstance(turn, Turn) else Turn(**turn) for turn in turns)
    except TypeError as error:
        raise FieldInvalid(f"turns: {error}", field="turns") from None


def _lexicon(words: Mapping[str, str] | None) -> Lexicon | None:
    try:
        return None if words is None else Lexicon.of(cast("Mapping[object, object]", words))
    except LexiconInvalid as error:
        raise FieldInvalid(f"lexicon: {error}", field="lexicon") from None
