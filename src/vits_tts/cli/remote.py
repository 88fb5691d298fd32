"""A server's voice: the same speech as the library's, from `/tts/stream`."""

import http.client
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from importlib.metadata import version
from typing import IO, Any, Final
from urllib.parse import urlsplit

import numpy as np

from vits_tts.audio import wav
from vits_tts.cli.calling import Calls
from vits_tts.config import Voice
from vits_tts.errors import (
    ConfigError,
    RequestError,
    TextEmpty,
    TextUnspeakable,
    Unavailable,
    VitsTtsError,
)
from vits_tts.text.normalise import check
from vits_tts.text.portions import portions
from vits_tts.types import Samples, Window, silence

KEY_VARIABLE: Final = "VITS_TTS_API_KEY"
_PORTION_CHARS: Final = 1000
_MOST_CHARS: Final = 100_000_000
_SECONDS: Final = 60
_TRIES: Final = 5
_LONGEST_WAIT: Final = 30.0
_READ_BYTES: Final = 32 * 1024
_MOST_JSON_BYTES: Final = 4 * 1024 * 1024
_LATER: Final = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
_PAUSE: Final = float(Voice().paragraph_pause)


class Remote:
    """One voice of a server, as the library's voices are: it streams windows of speech.

    What the server answers as an error is raised as the error of ours that it is there. Where it
    is busy, it is asked again when it said, a few times.
    """

    def __init__(self, url: str, voice: str | None, options: Mapping[str, Any]) -> None:
        """Ask the server at ``url`` for its voices; ``options`` go along with every text.

        Raises:
            ConfigError: it cannot be reached, or is no server of ours.
            VitsTtsError: it refuses.

        """
        self._url = _checked(url)
        self._calls = Calls()
        self._stop = threading.Event()
        found = self._described(voice)
        self.name = str(found["name"])
        self.licence = str(found["licence"])
        self.sample_rate = int(found["sample_rate"])
        given = {**options, "voice": voice}
        self._options = {name: value for name, value in given.items() if value is not None}

    def close(self) -> None:
        """Wait for no answer any more; threads that do are told that it was left."""
        self._stop.set()
        self._calls.end()

    def stream(self, text: str) -> Generator[Window, None, None]:
        """Yield the speech of a text of any length as the server sends it."""
        check(text, _MOST_CHARS)
        spoken = False
        for portion in portions(text, _PORTION_CHARS):
            place = portion.start / len(text)
            windows = self._windows(portion.text, place)
            try:
                first = next(windows)
            except (TextEmpty, TextUnspeakable):
                continue
            if spoken:
                pause = silence(_PAUSE, self.sample_rate)
                yield Window(pause.samples, pause.sample_rate, place)
            spoken = True
            yield first
            yield from windows
        if not spoken:
            raise TextUnspeakable("the text has nothing to say", field="text")

    def _windows(self, text: str, place: float) -> Generator[Window, None, None]:
        with closing(self._answer("/tts/stream", {**self._options, "text": text})) as answer:
            try:
                answer.read(wav.HEADER_BYTES)
                for samples in _samples(answer, self._stop):
                    yield Window(samples, self.sample_rate, place)
            except (OSError, ValueError, http.client.HTTPException):
                raise self._left() or VitsTtsError(f"{self._url}: the answer broke off") from None

    def _left(self) -> Unavailable | None:
        """Return what to raise after ``close``, which is why nothing comes any more."""
        return Unavailable(f"{self._url}: left") if self._stop.is_set() else None

    def _described(self, voice: str | None) -> dict[str, Any]:
        with closing(self._answer("/voices", None)) as answer:
            try:
                listed = json.loads(answer.read(_MOST_JSON_BYTES))
                found = [
                    row for row in listed["voices"] if row["name"] == (voice or listed["default"])
                ]
                known = ", ".join(str(row["name"]) for row in listed["voices"])
            except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
                raise ConfigError(f"{self._url}: this is no vits-tts server") from None
        if not found:
            raise ConfigError(f"{self._url}: there is no voice {voice!r:.60}; there is {known}")
        return dict(found[0])

    def _answer(self, path: str, body: Mapping[str, Any] | None) -> http.client.HTTPResponse:
        """Return the answer once the server gives one, which it may first be too busy for."""
        for left in reversed(range(_TRIES)):
            try:
                return self._asked(path, body)
            except urllib.error.HTTPError as error:
                with closing(error):
                    refused = _error(self._url, error.code, error)
                    wait = _retry_after(error.headers.get("Retry-After"))
                if error.code not in _LATER or not left:
                    raise refused from None
                if self._stop.wait(wait):
                    break
        raise Unavailable(f"{self._url}: left")

    def _asked(self, path: str, body: Mapping[str, Any] | None) -> http.client.HTTPResponse:
        headers = {"User-Agent": f"vits-tts/{version('vits-tts-vietnamese')}"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._url + path, data, headers)  # noqa: S310  # checked
        try:
            return self._calls.open(request, _SECONDS)
        except urllib.error.HTTPError:
            raise
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            said = getattr(reason, "strerror", None) or reason or type(error).__name__
            raise self._left() or ConfigError(f"{self._url}: {said}") from None


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"--url should be a URL such as http://localhost:8888, not {url!r:.80}")
    if parts.username or parts.password:
        raise ConfigError(f"--url should hold no password; a key goes into {KEY_VARIABLE}")
    return url.rstrip("/")


def _samples(answer: http.client.HTTPResponse, stop: threading.Event) -> Iterator[Samples]:
    """Yield what an answer holds, in whole samples."""
    rest = b""
    while data := answer.read1(_READ_BYTES):
        if stop.is_set():
            raise ValueError("left")
        whole = (len(rest) + len(data)) & ~1
        joined = rest + data
        rest = joined[whole:]
        if whole:
            yield np.frombuffer(joined[:whole], "<i2").astype(np.int16, copy=False)
    if rest or answer.length:
        raise ValueError("half a sample")


def _error(url: str, status: int, body: IO[bytes]) -> VitsTtsError:
    """Return the error of ours that the server raised, or one that tells the status."""
    try:
        told = json.loads(body.read(_MOST_JSON_BYTES))["error"]
        code, message, field = str(told["code"]), str(told["message"]), told.get("field")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, http.client.HTTPException):
        return ConfigError(f"{url}: the server answers {status} {_phrase(status)}".rstrip())
    kind = _known(RequestError).get(code)
    if kind is not None:
        return kind(f"{url}: {message}", field=field)
    if status in _LATER:
        return Unavailable(f"{url}: {message}")
    return VitsTtsError(f"{url}: {message}")


def _known(root: type[RequestError]) -> dict[str, type[RequestError]]:
    """Return the errors of the tree under ``root`` by their codes, but those made otherwise."""
    plain = {kind.code: kind for kind in root.__subclasses__() if "__init__" not in vars(kind)}
    return {root.code: root, **plain}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _retry_after(header: str | None) -> float:
    try:
        seconds = float(header or 1)
    except ValueError:
        return 1.0
    return min(max(seconds, 0.0), _LONGEST_WAIT)
