"""Requests built from texts: voice, plan, spoken text, and sentences with keys.

The methods take long, so they run in a thread of the reading queue.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from vits_tts.config import Config, Server
from vits_tts.config.markup import Markup
from vits_tts.dictionaries.rules import Rules, applied
from vits_tts.errors import MarkupUnsupported, TextUnspeakable
from vits_tts.inference.registry import VoiceRegistry
from vits_tts.markup.dialogue import Turn, plan_of_turns
from vits_tts.markup.plan import Phonemes, Plan, Segment, plan_of
from vits_tts.speech.given_readings import GivenReadings
from vits_tts.speech.keyed_request import keyed_request, with_volume
from vits_tts.speech.options import SpeechOptions, length_scale
from vits_tts.speech.plan_reading import PlanReader
from vits_tts.speech.reading_queue import Check
from vits_tts.speech.ssml_stream import SsmlReading, StreamReading
from vits_tts.text import pause_marks
from vits_tts.text.aligned import Text
from vits_tts.text.incremental import IncrementalReading, Spans
from vits_tts.text.normalizer.lexicon import Lexicon
from vits_tts.text.normalizer.markup import shown
from vits_tts.text.normalizer.pipeline import Normalizer, check
from vits_tts.text.split import Reading, split
from vits_tts.types import Prosody, Sentence, SpeechRequest
from vits_tts.voice.manifest import Manifest

SPOKEN_PER_WRITTEN: Final = 4
"""The spoken form of a text may have this many times ``server.max_text_chars``."""
_ALWAYS_SPOKEN: Final = 2000
"""Characters that the spoken form may always have: a digit alone becomes a word of up to six."""


class RequestBuilder:
    """Builds the request for a text and its options."""

    def __init__(
        self,
        config: Config,
        voices: VoiceRegistry,
        normaliser: Normalizer,
    ) -> None:
        """Use the voices of ``voices`` and the reading rules of ``normaliser``."""
        self._config = config
        self._voices = voices
        self._normaliser = normaliser
        self._given = GivenReadings(voices, config.voice.aliases, normaliser, config.text.region)

    def request(
        self, text: str, options: SpeechOptions, going_on: Check
    ) -> tuple[SpeechRequest, Reading]:
        """Return the request for a text, and its reading.

        A text of nothing but pauses that it asks for gives a request without sentences.

        Raises:
            RequestError: a subclass names the parameter that is wrong.

        """
        settings = self._config.voice
        check(text, self._config.server.max_text_chars)
        manifest, speaker = self._given.voice(options.voice, options.speaker)
        options = replace(options, speaker=speaker)
        scale = length_scale(options.speed, settings.speeds)
        prosody = manifest.prosody(scale, speaker)
        reading = self.read(text, options, manifest, going_on)
        if not reading.sentences and (options.turns or not reading.lead):
            raise TextUnspeakable("the text has nothing to say", field="text")
        voices = self._named_voices(reading.sentences, scale)
        sentences = with_volume(reading.sentences, options.volume)
        request = keyed_request(
            manifest, sentences, prosody, self._config.level, voices, reading.lead
        )
        return request, reading

    def read(
        self, written: str, options: SpeechOptions, manifest: Manifest, going_on: Check
    ) -> Reading:
        """Return how a text is read by the voice ``manifest``.

        Raises:
            RequestError: the text cannot be said at all.

        """
        reading = self._read(written, options, manifest, going_on)
        source = written if reading.shown is None else reading.shown
        seen = shown(source)
        return reading if seen is source else reading._replace(shown=seen)

    def _read(
        self, written: str, options: SpeechOptions, manifest: Manifest, going_on: Check
    ) -> Reading:
        settings = self._config.voice
        pauses = settings.sentence_pause, settings.paragraph_pause
        max_chars = max_spoken_chars(self._config.server)
        words = options.lexicon or Lexicon()
        plan = self._plan(written, options, manifest)

        def spoken(text: str | Text) -> Text:
            return self._normaliser(text, words, max_chars, going_on)

        if plan:
            self._given.check_voices(plan)
        rules = options.dictionaries or ()
        if reading := self._with_rules(plan, written, rules, manifest, spoken):
            return reading
        if plan is None:
            text = spoken(written)
            return Reading(text, split(text, *pauses))
        return PlanReader(plan, *pauses).read(spoken, self._given.reader(plan, manifest))

    def check_markup(self, text: str, options: SpeechOptions) -> None:
        """Check the markup of a text, and the readings that it gives for words.

        Raises:
            RequestError: they cannot be read.

        """
        manifest, speaker = self._given.voice(options.voice, options.speaker)
        plan = self._plan(text, replace(options, speaker=speaker), manifest)
        if plan:
            self._check_plan(plan, manifest)

    def incremental(self, options: SpeechOptions) -> tuple[SpeechRequest, StreamReading]:
        """Return a request without sentences, and a reading for a text that is still being written.

        If the options have ``input="ssml"``, it may have elements of SSML, or be a document.

        Raises:
            RequestError: an option is wrong.

        """
        settings, markup = self._config.voice, self._config.markup
        manifest, speaker = self._given.voice(options.voice, options.speaker)
        options = replace(options, speaker=speaker)
        scale = length_scale(options.speed, settings.speeds)
        prosody = manifest.prosody(scale, speaker)
        plan_of_marked, spans = _markup_of(options, markup)
        words, most = options.lexicon or Lexicon(), max_spoken_chars(self._config.server)

        def spoken(text: str | Text) -> Text:
            return self._normaliser(text, words, most)

        def read(text: str) -> Text:
            rules = options.dictionaries or ()
            reading = self._with_rules(None, text, rules, manifest, spoken)
            return reading.text if reading else spoken(text)

        pauses = settings.sentence_pause, settings.paragraph_pause

        def read_marked(text: str) -> Reading | None:
            plan = plan_of_marked(text)
            return self._read_plan(plan, text, options, manifest, spoken) if plan else None

        def read_document(text: str) -> Reading:
            return self.read(text, options, manifest, lambda: None)

        request = SpeechRequest(manifest.name, (), prosody)
        if options.input != "ssml":
            marked = read_marked if markup.inline else None
            return request, IncrementalReading(read, *pauses, marked)
        reading = IncrementalReading(read, *pauses, read_marked, spans)
        check_element = partial(self._check_element, plan_of_marked, manifest)
        return request, SsmlReading(reading, read_document, check_element)

    def _read_plan(
        self,
        plan: Plan,
        text: str,
        options: SpeechOptions,
        manifest: Manifest,
        read: Callable[[str | Text], Text],
    ) -> Reading:
        """Return the reading of a plan, with the rules of dictionaries."""
        rules = options.dictionaries or ()
        if reading := self._with_rules(plan, text, rules, manifest, read):
            return reading
        pauses = self._config.voice.sentence_pause, self._config.voice.paragraph_pause
        return PlanReader(plan, *pauses).read(read, self._given.reader(plan, manifest))

    def _check_element(
        self, plan_of_marked: Callable[[str], Plan | None], manifest: Manifest, text: str
    ) -> None:
        """Check an element of SSML; errors are those of :meth:`_check_plan`."""
        if plan := plan_of_marked(text):
            self._check_plan(plan, manifest)

    def with_sentences(
        self, request: SpeechRequest, sentences: Sequence[Sentence], options: SpeechOptions
    ) -> SpeechRequest:
        """Return a request with other sentences, each with its key."""
        manifest = self._voices.find(request.voice)
        scale = length_scale(options.speed, self._config.voice.speeds)
        voices = self._named_voices(sentences, scale)
        sentences = with_volume(sentences, options.volume)
        return keyed_request(manifest, sentences, request.prosody, self._config.level, voices)

    def _named_voices(
        self, sentences: Iterable[Sentence], scale: float
    ) -> dict[str | None, tuple[Manifest, Prosody]]:
        """Return the voices that sentences name, each with its prosody."""
        voices: dict[str | None, tuple[Manifest, Prosody]] = {}
        for name in {sentence.voice for sentence in sentences} - {None}:
            other, speaker = self._given.named(name or "")
            voices[name] = other, other.prosody(scale, speaker)
        return voices

    def _check_plan(self, plan: Plan, manifest: Manifest) -> None:
        """Check the voices of a plan, and the readings that it gives for words.

        Raises:
            RequestError: there is no such voice, or words cannot be read in this way.

        """
        self._given.check_voices(plan)
        said = self._given.reader(plan, manifest)
        for segment in plan.segments:
            if segment.say_as or segment.phonemes:
                said(segment)

    def _with_rules(
        self,
        plan: Plan | None,
        written: str,
        rules: tuple[Rules, ...],
        manifest: Manifest,
        read: Callable[[str | Text], Text],
    ) -> Reading | None:
        """Return the reading of a text with the rules of dictionaries; None if none applies."""
        settings = self._config.voice
        if not rules:
            return None
        can_say = partial(self._given.can_say, main=manifest)
        # Normalisation may remove a word that has phonemes: try again without such rules.
        for known in (can_say, _nothing):
            changed = applied(plan, written, rules, known)
            if changed is not None and changed is not plan:
                reader = PlanReader(changed, settings.sentence_pause, settings.paragraph_pause)
                with suppress(MarkupUnsupported):
                    return reader.read(read, self._given.reader(changed, manifest))
        return None

    def _plan(self, written: str, options: SpeechOptions, manifest: Manifest) -> Plan | None:
        """Return the plan of a text with markup, or of a dialogue; None for a plain text."""
        settings, markup = self._config.voice, self._config.markup
        lenient, inline = markup.unknown == "ignore", markup.inline
        if not options.turns:
            return plan_of(written, options.input, lenient=lenient, inline=inline)
        scale = length_scale(options.speed, settings.speeds)

        def rate(turn: Turn) -> float:
            return (
                scale / length_scale(turn.speed, settings.speeds) if turn.speed is not None else 1.0
            )

        def voice(turn: Turn) -> str | None:
            if turn.speaker:
                return self._given.with_speaker(turn.voice or manifest.name, turn.speaker)
            return turn.voice

        pause = settings.turn_pause if options.turn_pause is None else options.turn_pause
        return plan_of_turns(options.turns, pause, voice, rate, lenient=lenient, inline=inline)


def may_have_markup(text: str, options: SpeechOptions) -> bool:
    """Return whether a text is a dialogue, or may have SSML or inline marks."""
    return bool(options.turns or options.input == "ssml" or "<" in text or "[" in text)


def _markup_of(
    options: SpeechOptions, settings: Markup
) -> tuple[Callable[[str], Plan | None], Spans]:
    """Return the functions that read and find the markup in a text that comes in pieces."""
    if options.input != "ssml":
        return partial(plan_of, kind="text"), pause_marks.spans
    from vits_tts.markup import fragments  # noqa: PLC0415  # plain texts need no parser

    lenient, inline = settings.unknown == "ignore", settings.inline
    return (
        partial(fragments.parse, lenient=lenient, inline=inline),
        partial(fragments.spans, inline=inline),
    )


def _nothing(segment: Segment, phonemes: Phonemes) -> bool:
    """Return False, so that rules with phonemes are ignored."""
    del segment, phonemes
    return False


def max_spoken_chars(settings: Server) -> int:
    """Return the maximum number of characters of the spoken form of a request."""
    return max(SPOKEN_PER_WRITTEN * settings.max_text_chars, _ALWAYS_SPOKEN)
