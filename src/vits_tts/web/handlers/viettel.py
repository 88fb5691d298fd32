"""Viettel AI's speech API: it answers JSON with audio.

Reference: https://viettelai.vn/tai-lieu/chuyen-van-ban-thanh-giong-noi. The API key may be in the
body, as ``token``.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from vits_tts.audio import formats
from vits_tts.audio.formats import Encoding
from vits_tts.errors import (
    Busy,
    KeyInvalid,
    KeyMissing,
    RateLimited,
    TextEmpty,
    TextTooLong,
    VitsTtsError,
    VoiceUnknown,
)
from vits_tts.web.handlers import streaming
from vits_tts.web.handlers.foreign import ForeignHandler, MappedVoice
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import Rate, Spoken, Written
from vits_tts.web.schema.requests import checked

_STREAM: Final = 1
_MP3: Final = 3
"""The value of `tts_return_option` for MP3; 2 is WAV."""
_MESSAGES: Final[Mapping[type[VitsTtsError], str]] = {
    KeyMissing: "Thiếu token",
    KeyInvalid: "Token không hợp lệ",
    VoiceUnknown: "Giọng đọc không tồn tại",
    TextEmpty: "Văn bản rỗng",
    TextTooLong: "Văn bản quá dài",
    RateLimited: "Vượt quá số lượng yêu cầu cho phép",
    Busy: "Hệ thống đang bận",
}


def _number(value: object) -> object:
    """Return a text of digits as a number; return other values unchanged."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class ViettelParameters(BaseModel):
    """The parameters of `/tts/speech_synthesis`."""

    model_config = ConfigDict(frozen=True)

    text: Spoken
    voice: Written | None = None
    speed: Rate | None = None
    tts_return_option: Annotated[Literal[1, 2, 3], BeforeValidator(_number)] = 2
    token: Written | None = None


class ViettelHandler(ForeignHandler):
    """Base of the handlers of Viettel's API: the key as `token`, and Viettel's form of errors."""

    route_name = "viettel"
    key_headers = ("token",)

    def error_body(self, error: VitsTtsError) -> dict[str, object]:
        """Return the JSON of an error in Viettel's form, in Vietnamese and English."""
        return {
            "code": int(error.status),
            "vi_message": _MESSAGES.get(type(error), error.message),
            "en_message": error.message,
            "error": error.code,
            "request_id": self.request_id,
        }


class ViettelSpeechHandler(ViettelHandler):
    """`POST /tts/speech_synthesis`: returns the speech of a text."""

    @property
    def _needs_no_key(self) -> bool:
        """True, so that the key is checked later, in :meth:`post`: it may be in the body."""
        return True

    async def post(self) -> None:
        """Check the API key, synthesise the text of the JSON body, and send the speech."""
        given = parameters.from_json(self.body)
        if isinstance(token := given.get("token"), str) and token:
            self.take_key(token)
        self.say(await self.context.admit(self.request.headers))
        asked = checked(ViettelParameters, given)
        with self.place(heard=True):
            await self.while_connected(self._speak(asked))

    async def _speak(self, asked: ViettelParameters) -> None:
        voices = self.config.viettel.voices
        voice = self.foreign_voice(asked.voice, voices) if asked.voice else MappedVoice(None)
        name = "mp3" if asked.tts_return_option == _MP3 else "wav"
        rate = self.speech.voices.find(voice.voice).sample_rate
        encoding = formats.encoding(name, None, None, rate)
        await self.speak_or_silence(self._answer(asked, voice, encoding), voice, encoding)

    async def _answer(
        self, asked: ViettelParameters, voice: MappedVoice, encoding: Encoding
    ) -> None:
        request = await self.read(asked.text, voice, asked.speed)
        if asked.tts_return_option == _STREAM:
            await streaming.audio(self, request, encoding)
        else:
            await self.send_speech(request, encoding)


class ViettelVoicesHandler(ViettelHandler):
    """`GET /tts/voices`: lists the names of voices in ``viettel.voices``."""

    linkable = True

    def get(self) -> None:
        """List the voices, each with its region."""
        regions = {"hn": "Miền Bắc", "hue": "Miền Trung", "hcm": "Miền Nam"}
        voices = [
            {
                "name": name,
                "code": name,
                "description": mapped,
                "location": regions.get(name.partition("-")[0], ""),
            }
            for name, mapped in self.config.viettel.voices.items()
        ]
        self.write_array(voices)

    head = get
