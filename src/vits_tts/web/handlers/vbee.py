"""Vbee's speech API: the current version (`/v1/tts`) and the older one (`/api/v1/tts`).

Reference: https://documenter.getpostman.com, collection "Vbee TTS API".

The id of a request contains the hash of its file, the format, the time of the request and the id of
a promise. So every process can determine the state of the request. If the file exists, the request
is complete. A record beside the files tells all processes of a folder which file could not be
created. The promise tells whether the process that creates the file has ended; replicas with other
folders know the end of a promise by Redis. If nothing is known, as on such a replica without Redis,
the request is in progress for an hour, and has failed afterwards.
"""

import re
import time
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from vits_tts.audio import formats, promises
from vits_tts.audio.failure_records import KEPT_SECONDS
from vits_tts.audio.formats import FORMATS, Encoding
from vits_tts.errors import FieldInvalid, NotFound, TextMissing, VitsTtsError
from vits_tts.web import failures
from vits_tts.web.background import Callback
from vits_tts.web.handlers.foreign import ForeignHandler, MappedVoice
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import Spoken, Written, number_or_none
from vits_tts.web.schema.requests import checked

_ID: Final = re.compile(rf"([0-9a-f]{{40}})-([a-z0-9]{{2,8}})-([0-9a-f]{{8}})(?:-({promises.ID}))?")
"""An id; those of older versions end with the time."""
_LONGEST_SECONDS: Final = KEPT_SECONDS
"""Seconds after which a request without a file counts as failed."""
_KILO: Final = 1000
_SLOWEST: Final = 0.25
_FIELDS: Final = {"format": "outputFormat", "bit_rate": "bitrate", "sample_rate": "sampleRate"}
_LEGACY_FIELDS: Final = {"text": "input_text", "speed": "speed_rate", "bit_rate": "bitrate"}
"""Vbee's names of fields, where they differ from this server's."""


def _in_lower_case(value: object) -> object:
    """Return a text in lower case; return other values unchanged."""
    return value.lower() if isinstance(value, str) else value


Number = Annotated[float | None, BeforeValidator(number_or_none)]
InLowerCase = BeforeValidator(_in_lower_case)


class WithDefaults(BaseModel):
    """Base of the parameters: a field that is null has its default."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Mapping[str, object]) -> Mapping[str, object]:
        return {name: value for name, value in given.items() if value is not None}


class VbeeParameters(WithDefaults):
    """The parameters of `/v1/tts`."""

    text: Spoken
    mode: Annotated[Literal["sync", "async"], InLowerCase] = "sync"
    voiceCode: Written | None = None  # noqa: N815  # Vbee's names
    outputFormat: Annotated[Literal["mp3", "wav", "pcm"], InLowerCase] = "mp3"  # noqa: N815
    bitrate: Number = None
    speed: Number = None
    sampleRate: Number = None  # noqa: N815
    webhookUrl: Written | None = None  # noqa: N815


class LegacySentence(BaseModel):
    """A part of the text, with its voice."""

    model_config = ConfigDict(frozen=True)

    input_text: Spoken
    voice_code: Written | None = None


class LegacyParameters(WithDefaults):
    """The parameters of `/api/v1/tts`."""

    input_text: Spoken | None = None
    sentences: list[LegacySentence] = []
    voice_code: Written | None = None
    response_type: Annotated[Literal["direct", "indirect"], InLowerCase] = "indirect"
    callback_url: Written | None = None
    audio_type: Annotated[Literal["mp3", "wav"], InLowerCase] = "mp3"
    bitrate: Number = None
    speed_rate: Number = None
    sample_rate: Number = None


class VbeeHandler(ForeignHandler):
    """Base of the handlers of the current version; the API key is the bearer token."""

    route_name = "vbee"

    def error_body(self, error: VitsTtsError) -> dict[str, object]:
        """Return the JSON of an error in Vbee's form."""
        message, field = failures.told(error, _FIELDS)
        return {
            "status": "FAILED",
            "error": {"code": error.code, "message": message, "field": field},
            "requestId": self.request_id,
        }

    def mapped(self, name: str | None) -> MappedVoice:
        """Return the voice for a code; the default voice if ``name`` is None or empty.

        Raises:
            VoiceUnknown: neither ``vbee.voices`` nor ``voice.aliases`` has the code.

        """
        return self.foreign_voice(name, self.config.vbee.voices) if name else MappedVoice(None)

    def encoding(
        self, voice: MappedVoice, name: str, bitrate: float | None, rate: float | None
    ) -> Encoding:
        """Return the requested encoding; a ``bitrate`` below 1000 is in kbit/s, else in bit/s."""
        bits = None if bitrate is None or name != "mp3" else bitrate
        if bits is not None and bits < _KILO:
            bits *= _KILO
        voice_rate = self.speech.voices.find(voice.voice).sample_rate
        return formats.encoding(name, rate, bits, voice_rate)

    async def standing(self, request_id: str) -> tuple[str, str | None]:
        """Return `COMPLETED`, `IN_PROGRESS` or `FAILED`, and the URL of the file if it exists.

        Raises:
            NotFound: no request can have this id.

        """
        match = _ID.fullmatch(request_id)
        since = int(match[3], 16) if match else 0
        if match is None or match[2] not in FORMATS or since > time.time() + _LONGEST_SECONDS:
            raise NotFound("there is no such request")
        if await self.speech.is_there(match[1], match[2]):
            return "COMPLETED", await self.link(match[1], match[2])
        overdue = time.time() - since > _LONGEST_SECONDS
        failed = overdue or await self.speech.failed_files.has(match[1], match[2])
        if not failed and match[4]:
            failed = await self.speech.promised_files.is_broken(match[1], match[2], match[4])
        return ("FAILED" if failed else "IN_PROGRESS"), None


class VbeeSpeechHandler(VbeeHandler):
    """`POST /v1/tts`: returns the audio, or the id of a request in mode `async`."""

    async def post(self) -> None:
        """Synthesise the text of the JSON body."""
        asked = checked(VbeeParameters, parameters.from_json(self.body))
        if asked.mode == "async":
            await self.while_connected(self._begin(asked))
            return
        with self.place(heard=True):
            await self.while_connected(self._speak(asked))

    def _wanted(self, asked: VbeeParameters) -> tuple[MappedVoice, Encoding]:
        voice = self.mapped(asked.voiceCode)
        return voice, self.encoding(voice, asked.outputFormat, asked.bitrate, asked.sampleRate)

    async def _speak(self, asked: VbeeParameters) -> None:
        voice, encoding = self._wanted(asked)
        await self.speak_or_silence(self._answer(asked, voice, encoding), voice, encoding)

    async def _answer(self, asked: VbeeParameters, voice: MappedVoice, encoding: Encoding) -> None:
        request = await self.read(asked.text, voice, _rate(asked.speed))
        await self.send_speech(request, encoding)

    async def _begin(self, asked: VbeeParameters) -> None:
        webhook = self.callbacks.check(asked.webhookUrl) if asked.webhookUrl else None
        voice, encoding = self._wanted(asked)
        request = await self.read_or_silence(asked.text, voice, _rate(asked.speed))
        audio_hash = await self.speech.file_hash(request, encoding, self.context.key)
        promise_id = promises.new_id()
        request_id = _request_id(audio_hash, encoding, promise_id)
        link = await self.link(audio_hash, encoding.format)
        results = self._callback(webhook, request_id, link) if webhook else None
        await self.start_file(request, encoding, promise_id, results)
        self.write_json({"requestId": request_id, "status": "IN_PROGRESS"})

    def _callback(self, webhook: str, request_id: str, link: str) -> Callback:
        """Return the results to be posted to ``webhook``."""
        named = {"requestId": request_id}
        return Callback(
            webhook,
            self.request_id,
            done=named | {"status": "COMPLETED", "audioLink": link},
            failed=lambda message: named | {"status": "FAILED", "error": message},
        )


class VbeeRequestHandler(VbeeHandler):
    """`GET /v1/tts/requests/{id}`: returns the state of a request."""

    async def get(self, request_id: str) -> None:
        """Send the state of the request, and the URL of its file if it is complete."""
        status, link = await self.standing(request_id)
        answer: dict[str, object] = {"requestId": request_id, "status": status}
        self.write_json(answer | ({"audioLink": link} if link else {}))

    head = get


class LegacyHandler(VbeeHandler):
    """Base of the handlers of the older version."""

    def error_body(self, error: VitsTtsError) -> dict[str, object]:
        """Return the JSON of an error in the form of the older version."""
        message, _ = failures.told(error, _LEGACY_FIELDS)
        return {
            "status": 0,
            "error_code": int(error.status),
            "error_message": message,
            "error": error.code,
            "request_id": self.request_id,
        }


class VbeeLegacyHandler(LegacyHandler):
    """`POST /api/v1/tts`: creates a file; answers at once, or when it is complete."""

    async def post(self) -> None:
        """Synthesise the text of the JSON body."""
        asked = checked(LegacyParameters, parameters.from_json(self.body))
        await self.while_connected(self._answer(asked))

    async def _answer(self, asked: LegacyParameters) -> None:
        """Create the file: now for ``direct``, else in the background, with a callback."""
        text, code = _joined(asked)
        callback = self.callbacks.check(asked.callback_url) if asked.callback_url else None
        voice = self.mapped(code)
        encoding = self.encoding(voice, asked.audio_type, asked.bitrate, asked.sample_rate)
        request = await self.read_or_silence(text, voice, _rate(asked.speed_rate))
        audio_hash = await self.speech.file_hash(request, encoding, self.context.key)
        promise_id = promises.new_id()
        result: dict[str, object] = {
            "request_id": _request_id(audio_hash, encoding, promise_id),
            "characters": len(text),
            "voice_code": code,
            "audio_type": asked.audio_type,
            "speed_rate": asked.speed_rate,
            "sample_rate": encoding.sample_rate,
            "bitrate": encoding.bit_rate,
            "progress": 0,
            "status": "IN_PROGRESS",
        }
        done = {"progress": 100, "status": "SUCCESS"}
        done |= {"audio_link": await self.link(audio_hash, encoding.format)}
        if asked.response_type == "direct":
            with self.place(heard=False):
                await self.speech.save(request, self.tally, encoding, self.context.key)
            self.write_json({"status": 1, "result": result | done})
            return
        results = self._callback(callback, result, done) if callback else None
        await self.start_file(request, encoding, promise_id, results)
        self.write_json({"status": 1, "result": result})

    def _callback(self, url: str, result: dict[str, object], done: dict[str, object]) -> Callback:
        """Return the results to be posted to ``url``."""
        return Callback(
            url,
            self.request_id,
            done=result | done,
            failed=lambda message: result | {"status": "FAILURE", "error_message": message},
        )


class VbeeLegacyRequestHandler(LegacyHandler):
    """`GET /api/v1/tts/{id}`: returns the state of a request."""

    async def get(self, request_id: str) -> None:
        """Send the state of the request, and the URL of its file if it is complete."""
        status, link = await self.standing(request_id)
        names = {"COMPLETED": "SUCCESS", "FAILED": "FAILURE"}
        result = {"request_id": request_id, "status": names.get(status, status)}
        result |= {"audio_link": link} if link else {}
        self.write_json({"status": 1, "result": result})

    head = get


def _joined(asked: LegacyParameters) -> tuple[str, str | None]:
    """Return the whole text and the code of its voice.

    Raises:
        FieldInvalid: the sentences have several voices.
        TextMissing: there is no text.

    """
    if not asked.sentences:
        if asked.input_text is None:
            raise TextMissing("input_text is missing", field="input_text")
        return asked.input_text, asked.voice_code
    codes = {sentence.voice_code or asked.voice_code for sentence in asked.sentences}
    if len(codes) > 1:
        raise FieldInvalid(
            "all sentences of a request must have the same voice_code", field="sentences"
        )
    return "\n".join(sentence.input_text for sentence in asked.sentences), codes.pop()


def _request_id(audio_hash: str, encoding: Encoding, promise_id: str) -> str:
    return f"{audio_hash}-{encoding.format}-{int(time.time()):08x}-{promise_id}"


def _rate(speed: float | None) -> float | None:
    """Return the rate for Vbee's speed, at least 0.25: Vbee allows 0.1, this server does not."""
    return None if speed is None else max(speed, _SLOWEST)
