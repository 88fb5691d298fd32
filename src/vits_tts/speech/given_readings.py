"""Readings that markup gives (``say-as`` and ``phoneme``), and the voices that it names."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NoReturn

from vits_tts.errors import (
    MarkupInvalid,
    MarkupUnsupported,
    RequestError,
    SpeakerUnknown,
    VoiceUnknown,
)
from vits_tts.inference.registry import VoiceRegistry
from vits_tts.markup.plan import Phonemes, Plan, Segment, place
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.normalizer.say_as import KINDS, SayAsReader
from vits_tts.text.numbers import Region
from vits_tts.text.phonemes import given
from vits_tts.voice.manifest import Manifest

_SHOWN_CHARS: Final = 60


class GivenReadings:
    """Reads ``say-as`` and ``phoneme``, and finds the voices that markup names."""

    def __init__(
        self,
        voices: VoiceRegistry,
        aliases: Mapping[str, str],
        normaliser: Normalizer,
        region: Region,
    ) -> None:
        """Use voices by their names and by ``aliases``."""
        self._voices = voices
        self._aliases = aliases
        self._say_as = SayAsReader(region, lambda text: _plainly(normaliser(text).spoken))

    def voice(self, name: str | None, speaker: str | None = None) -> tuple[Manifest, str | None]:
        """Return the voice of a request and its speaker; an alias may name one.

        Raises:
            VoiceUnknown: there is no such voice.

        """
        alias = self._aliases.get(name or "", "").partition("/")[2]
        return self._voices.find(name), speaker or alias or None

    def named(self, name: str) -> tuple[Manifest, str | None]:
        """Return the voice and the speaker of a name: an alias, NAME or NAME/SPEAKER.

        Raises:
            SpeakerUnknown: the voice has no such speaker.
            VoiceUnknown: there is no such voice.

        """
        found, _, speaker = self._aliases.get(name, name).partition("/")
        manifest = self._voices.find(found)
        manifest.speaker_id(speaker or None)
        return manifest, speaker or None

    def with_speaker(self, name: str, speaker: str) -> str:
        """Return the name of another speaker of the voice ``name``."""
        return f"{self._aliases.get(name, name).partition('/')[0]}/{speaker}"

    def check_voices(self, plan: Plan) -> None:
        """Refuse a plan that names a voice or speaker which does not exist.

        Raises:
            MarkupInvalid: there is no such voice.
            SpeakerUnknown: the voice has no such speaker.

        """
        checked: set[str] = set()
        for segment in plan.segments:
            name = segment.voice
            if name is None or name in checked:
                continue
            checked.add(name)
            at = f"SSML: <voice> around {place(plan.source, segment.start)}"
            if segment.turn is not None:
                at = f"turns[{segment.turn}].voice"
            try:
                self.named(name)
            except SpeakerUnknown as error:
                if segment.turn is None:
                    raise
                message = f"turns[{segment.turn}].speaker: {error.message}"
                raise SpeakerUnknown(message, field="turns") from None
            except VoiceUnknown:
                known = ", ".join((*self._aliases, *self._voices.manifests))
                message = f"{at}: there is no voice {name!r:.60}; there is {known}"
                if segment.turn is not None:
                    raise VoiceUnknown(message, field="turns") from None
                raise MarkupInvalid(message, field="text") from None

    def reader(self, plan: Plan, main: Manifest) -> Callable[[Segment], str]:
        """Return a function that reads segments of ``plan``; ``main`` is the request's voice.

        The function raises MarkupInvalid or MarkupUnsupported for a segment that cannot be read.
        """
        breaks = (each.end for each in plan.segments if each.turn is None and each.text == "\n")
        begins = [0, *breaks]  # of the turns of a dialogue

        def said(segment: Segment) -> str:
            if not segment.phonemes and not segment.say_as:
                return segment.text
            begin = 0 if segment.turn is None else begins[segment.turn]
            at = place(plan.source[begin:], segment.start - begin)
            try:
                if segment.phonemes:
                    return self._phonemes(segment, main, at)
                return self._words(segment, at)
            except (MarkupInvalid, MarkupUnsupported) as error:
                if segment.turn is None:
                    raise
                message = f"turns[{segment.turn}].text: {error.message}"
                raise type(error)(message, field="turns") from None

        return said

    def can_say(self, segment: Segment, phonemes: Phonemes, main: Manifest) -> bool:
        """Return whether the voice of a segment, or else ``main``, can say phonemes."""
        try:
            return bool(self._phonemes(replace(segment, phonemes=phonemes), main, ""))
        except RequestError:
            return False

    def _phonemes(self, segment: Segment, main: Manifest, at: str) -> str:
        manifest = self.named(segment.voice)[0] if segment.voice else main
        phonemes = segment.phonemes
        if phonemes is None or manifest.phoneme_type != "espeak":
            _unsupported(at, "phoneme", f"the voice {manifest.name} reads letters, not phonemes")
        try:
            return given.as_words(phonemes.symbols, phonemes.alphabet, manifest.phoneme_id_map)
        except ValueError as error:
            raise MarkupInvalid(f"SSML: <phoneme> before {at}: {error}", field="text") from None

    def _words(self, segment: Segment, at: str) -> str:
        way = segment.say_as
        if way is None:
            return segment.text
        try:
            return self._say_as.words(way.interpret_as, way.format, segment.text)
        except KeyError:
            shown, known = f"{way.interpret_as!r:.40}", ", ".join(KINDS)
            _unsupported(at, "say-as", f"there is no interpret-as {shown}; there is {known}")
        except ValueError as error:
            shown = f"{segment.text!r:.{_SHOWN_CHARS}}"
            raise MarkupInvalid(
                f"SSML: <say-as> at {at}: {shown} is no {way.interpret_as}: {error}", field="text"
            ) from None


def _plainly(spoken: str) -> str:
    """Return words without marks at their edges, in one line."""
    return spoken.strip(" ,;:.!?\n").replace("\n", " ")


def _unsupported(at: str, element: str, advice: str) -> NoReturn:
    raise MarkupUnsupported(f"SSML: <{element}> at {at}: {advice}", field="text")
