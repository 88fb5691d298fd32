"""Zalo AI's speech API: it answers a form with the URL of an audio file.

Reference: https://zalo.ai/docs/api/text-to-audio-converter.
"""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

from vits_tts.audio import formats
from vits_tts.errors import FieldInvalid, VitsTtsError
from vits_tts.web import failures
from vits_tts.web.handlers.foreign import ForeignHandler
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import Rate, Spoken, number_or_none
from vits_tts.web.schema.requests import checked

_FORMATS: Final = ("wav", "mp3", "aac")
"""The formats for the values 0, 1 and 2 of `encode_type`."""


class ZaloParameters(BaseModel):
    """The parameters of `/v1/tts/synthesize`."""

    model_config = ConfigDict(frozen=True)

    input: Spoken
    speaker_id: Annotated[float | None, BeforeValidator(number_or_none)] = 1
    speed: Annotated[Rate | None, BeforeValidator(number_or_none)] = None
    encode_type: Annotated[float | None, BeforeValidator(number_or_none)] = 0


class ZaloHandler(ForeignHandler):
    """`POST /v1/tts/synthesize`: creates a file, and answers when it is complete."""

    route_name = "zalo"
    key_headers = ("apikey",)

    def error_body(self, error: VitsTtsError) -> dict[str, object]:
        """Return the JSON of an error in Zalo's form."""
        message, _ = failures.told(error, {"text": "input"})
        return {
            "error_code": int(error.status),
            "error_message": message,
            "error": error.code,
            "request_id": self.request_id,
        }

    async def post(self) -> None:
        """Synthesise the text of the form, and send the URL of the file."""
        asked = checked(ZaloParameters, parameters.from_body(self.request, self.body))
        with self.place(heard=False):
            await self.while_connected(self._save(asked))

    async def _save(self, asked: ZaloParameters) -> None:
        number = asked.encode_type or 0
        if number not in range(len(_FORMATS)):
            raise FieldInvalid(
                "encode_type must be 0 (wav), 1 (mp3) or 2 (aac)", field="encode_type"
            )
        voice = self.foreign_voice(f"{asked.speaker_id or 1:g}", self.config.zalo.voices)
        request = await self.read_or_silence(asked.input, voice, asked.speed)
        rate = self.speech.plain(request).sample_rate
        encoding = formats.encoding(_FORMATS[int(number)], None, None, rate)
        saved = await self.speech.save(request, self.tally, encoding, self.context.key)
        url = await self.link(saved.audio_hash, encoding.format)
        self.write_json({"error_code": 0, "error_message": "Successful.", "data": {"url": url}})
