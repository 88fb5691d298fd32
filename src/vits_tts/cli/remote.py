"""Speech from a server's `/tts/stream`, with the same interface as the library."""

import json
import os
import re
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import quote, urlsplit

import numpy as np
import urllib3

from vits_tts.audio import wav
from vits_tts.catalogue.sources import fault
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
from vits_tts.markup import begins_as_ssml
from vits_tts.text.normalizer.pipeline import check
from vits_tts.text.portions import portions
from vits_tts.types import Samples, Window, silence

KEY_VARIABLE: Final = "VITS_TTS_API_KEY"
_PORTION_CHARS: Final = 1000
_VERSIONED: Final = re.compile(r".+@[0-9a-f]{24}")
_MOST_CHARS: Final = 100_000_000
_SECONDS: Final = 60
_TRIES: Final = 5
_LONGEST_WAIT: Final = 30.0
_READ_BYTES: Final = 32 * 1024
_MOST_JSON_BYTES: Final = 4 * 1024 * 1024
_BROKEN: Final = (OSError, ValueError, urllib3.exceptions.HTTPError)
"""Exceptions of a response that ends early or has unexpected content."""
_LATER: Final = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
_PAUSE: Final = float(Voice().paragraph_pause)


class Connection:
    """Requests to one server.

    An error of the server is raised as the same class of ``vits_tts.errors``. If the server is
    busy, the request is sent again after its ``Retry-After``, up to five times in all.
    """

    def __init__(self, url: str) -> None:
        """Create a client for the server at ``url``; nothing is sent yet.

        Raises:
            ConfigError: The URL cannot be used.

        """
        self._url = _checked(url)
        self._calls = Calls(self._url)
        self._stop = threading.Event()

    def close(self) -> None:
        """Abort all requests; threads that wait for a response get ``Unavailable``."""
        self._stop.set()
        self._calls.end()

    def object(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object at ``path``; with a ``body``, the answer to a POST.

        Raises:
            ConfigError: The server cannot be reached, or is another program.
            VitsTtsError: The server refused the request.

        """
        with closing(self._answer(path, body)) as answer:
            try:
                return dict(json.loads(answer.read(_MOST_JSON_BYTES)))
            except (*_BROKEN, TypeError):
                raise ConfigError(f"{self._url}: this is not a vits-tts server") from None

    def _left(self) -> Unavailable | None:
        """Return the error to raise after ``close``; None before it."""
        return Unavailable(f"{self._url}: aborted") if self._stop.is_set() else None

    def _answer(self, path: str, body: Mapping[str, Any] | None) -> urllib3.BaseHTTPResponse:
        """Return the response; repeat the request while the server is busy.

        Raises:
            Unavailable: ``close`` was called.
            VitsTtsError: The server refused the request, or is still busy.

        """
        for left in reversed(range(_TRIES)):
            answer = self._asked(path, body)
            if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                return answer
            with closing(answer):
                refused = _error(self._url, answer)
                wait = _retry_after(answer.headers.get("Retry-After"))
            if answer.status not in _LATER or not left:
                raise refused
            if self._stop.wait(wait):
                break
        raise Unavailable(f"{self._url}: aborted")

    def _asked(self, path: str, body: Mapping[str, Any] | None) -> urllib3.BaseHTTPResponse:
        headers = {"User-Agent": f"vits-tts/{version('vits-tts-vietnamese')}"}
        if key := os.environ.get(KEY_VARIABLE):
            headers["Authorization"] = f"Bearer {key}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        try:
            return self._calls.open(self._url + path, headers, data, _SECONDS)
        except urllib3.exceptions.HTTPError as error:
            raise self._left() or ConfigError(f"{self._url}: {fault(error)}") from None
        except OSError as error:
            said = error.strerror or error or type(error).__name__
            raise self._left() or ConfigError(f"{self._url}: {said}") from None


class Remote(Connection):
    """One voice of a server, which streams speech part by part."""

    def __init__(self, url: str, voice: str | None, options: Mapping[str, Any]) -> None:
        """Request the voices of the server at ``url``; ``options`` are sent with every text.

        Raises:
            ConfigError: The server cannot be reached, is another program, or has no such voice.
            VitsTtsError: The server refused the request.

        """
        super().__init__(url)
        found = self._described(voice)
        self.name = str(found["name"])
        self.licence = str(found["licence"])
        self.sample_rate = int(found["sample_rate"])
        self.dictionaries = tuple(map(self._pinned, options.get("dictionaries") or ()))
        given = {**options, "voice": voice, "dictionaries": list(self.dictionaries) or None}
        self._options = {name: value for name, value in given.items() if value is not None}

    def stream(
        self,
        text: str,
        *,
        ssml: bool = False,
        whole: bool = False,  # noqa: ARG002  # the server streams in any case
    ) -> Generator[Window, None, None]:
        """Yield the speech of a text of any length, or of an SSML document, as the server sends it.

        Raises:
            VitsTtsError: The server refused the text, or the connection failed.

        """
        check(text, _MOST_CHARS)
        spoken = False
        undivided = ssml or begins_as_ssml(text)
        for portion in portions(text, len(text) if undivided else _PORTION_CHARS):
            place = portion.start / len(text)
            windows = self._windows(portion.text, place, ssml=ssml)
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

    def _windows(self, text: str, place: float, *, ssml: bool) -> Generator[Window, None, None]:
        asked = {**self._options, "text": text, **({"input": "ssml"} if ssml else {})}
        with closing(self._answer("/tts/stream", asked)) as answer:
            try:
                answer.read(wav.HEADER_BYTES)
                for samples in _samples(answer, self._stop):
                    yield Window(samples, self.sample_rate, place)
            except _BROKEN:
                raise self._left() or VitsTtsError(
                    f"{self._url}: the response ended early"
                ) from None

    def _pinned(self, name: str) -> str:
        """Return a dictionary as ``NAME@VERSION``, with its latest version unless one is named."""
        if _VERSIONED.fullmatch(name):
            return name
        path = f"/v1/pronunciation-dictionaries/{quote(name, safe='')}"
        return f"{name}@{self.object(path).get('latest_version_id')}"

    def _described(self, voice: str | None) -> dict[str, Any]:
        listed = self.object("/voices")
        try:
            aliases = dict(listed.get("aliases", {}))  # older servers do not state it
            name = str(aliases.get(voice, voice or listed["default"])).partition("/")[0]
            found = [row for row in listed["voices"] if row["name"] == name]
            known = ", ".join([*(str(row["name"]) for row in listed["voices"]), *map(str, aliases)])
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ConfigError(f"{self._url}: this is not a vits-tts server") from None
        if not found:
            raise ConfigError(f"{self._url}: there is no voice {voice!r:.60}; there is {known}")
        return dict(found[0])


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"--url should be a URL such as http://localhost:8888, not {url!r:.80}")
    if parts.username or parts.password:
        raise ConfigError(f"--url should have no password; put the API key into {KEY_VARIABLE}")
    return url.rstrip("/")


def _samples(answer: urllib3.BaseHTTPResponse, stop: threading.Event) -> Iterator[Samples]:
    """Yield the samples of a response as they arrive.

    Raises:
        ValueError: It ends inside a sample or early, or ``stop`` is set.

    """
    rest = b""
    while data := answer.read1(_READ_BYTES):
        if stop.is_set():
            raise ValueError("aborted")
        whole = (len(rest) + len(data)) & ~1
        joined = rest + data
        rest = joined[whole:]
        if whole:
            yield np.frombuffer(joined[:whole], "<i2").astype(np.int16, copy=False)
    if rest or answer.length_remaining:
        raise ValueError("half a sample")


def _error(url: str, answer: urllib3.BaseHTTPResponse) -> VitsTtsError:
    """Return the error that the server's JSON names, or one with the status if there is no JSON."""
    status = answer.status
    try:
        told = json.loads(answer.read(_MOST_JSON_BYTES))["error"]
        code, message, field = str(told["code"]), str(told["message"]), told.get("field")
    except (*_BROKEN, KeyError, TypeError, AttributeError):
        return ConfigError(f"{url}: the server answers {status} {_phrase(status)}".rstrip())
    kind = _known(RequestError).get(code)
    if kind is not None:
        return kind(f"{url}: {message}", field=field)
    if status in _LATER:
        return Unavailable(f"{url}: {message}")
    return VitsTtsError(f"{url}: {message}")


def _known(root: type[RequestError]) -> dict[str, type[RequestError]]:
    """Return ``root`` and its subclasses by code, except those with other constructor arguments."""
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
