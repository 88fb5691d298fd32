"""FPT.AI's speech API, version 5: it answers at once with the URL at which the file will be.

Reference: https://docs.fpt.ai. All parameters except the text are headers. Until the file is
complete, the URL answers 404, and clients try again.
"""

from http import HTTPStatus
from typing import Final

from vits_tts.audio import formats, promises
from vits_tts.errors import EncodingInvalid, FieldInvalid, FormatInvalid, VitsTtsError
from vits_tts.web.background import Callback
from vits_tts.web.handlers.foreign import ForeignHandler, MappedVoice

_STEPS: Final = 3
_OCTAVE_STEPS: Final = 6
"""Steps of `speed` that double the rate: +3 is 1.41 times as fast, -3 0.71 times."""
_FORMATS: Final = ("mp3", "wav")


class FptHandler(ForeignHandler):
    """`POST /hmi/tts/v5`: starts to create a file; the body is the text."""

    route_name = "fpt"
    key_headers = ("api_key", "api-key")

    def error_body(self, error: VitsTtsError) -> dict[str, object]:
        """Return the JSON of an error in FPT.AI's form."""
        return {
            "async": "",
            "error": int(error.status),
            "message": error.message,
            "code": error.code,
            "request_id": self.request_id,
        }

    async def post(self) -> None:
        """Start to synthesise the body, and answer with the URL of the file."""
        await self.while_connected(self._begin())

    async def _begin(self) -> None:
        """Check the headers and the text, start to create the file, and answer."""
        headers = self.request.headers
        name = headers.get("format", "").lower() or _FORMATS[0]
        if name not in _FORMATS:
            raise FormatInvalid("format must be mp3 or wav", field="format")
        given = headers.get("voice")
        voice = self.foreign_voice(given, self.config.fpt.voices) if given else MappedVoice(None)
        callback = headers.get("callback_url") or headers.get("callback-url")
        if callback:
            callback = self.callbacks.check(callback)
        try:
            text = self.body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise EncodingInvalid("the body is not UTF-8", field="text") from None
        request = await self.read_or_silence(text, voice, _rate(headers.get("speed", "")))
        rate = self.speech.plain(request).sample_rate
        encoding = formats.encoding(name, None, None, rate)
        audio_hash = await self.speech.file_hash(request, encoding, self.context.key)
        link = await self.link(audio_hash, name)
        results = self._callback(callback, link) if callback else None
        await self.start_file(request, encoding, promises.new_id(), results)
        self.set_status(HTTPStatus.OK)
        self.write_json(
            {
                "async": link,
                "error": 0,
                "message": "The content will be returned after a few seconds under the async link.",
                "request_id": self.request_id,
            }
        )

    def _callback(self, url: str, link: str) -> Callback:
        """Return the results to be posted: the URL of the file, or the message of an error."""
        return Callback(
            url,
            self.request_id,
            done={"message": link, "success": "true"},
            failed=lambda message: {"message": message, "success": "false"},
        )


def _rate(speed: str) -> float | None:
    """Return the rate for a speed from -3 to +3; None if ``speed`` is empty.

    Raises:
        FieldInvalid: ``speed`` is not such a number.

    """
    if not speed.strip():
        return None
    try:
        step = float(speed)
    except ValueError:
        step = _STEPS + 1
    if not -_STEPS <= step <= _STEPS:
        raise FieldInvalid("speed must be a number from -3 to 3", field="speed")
    return float(2 ** (step / _OCTAVE_STEPS))
