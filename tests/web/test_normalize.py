"""`/normalize` and the `lexicon` of a request: the spoken text and its source."""

from typing import Any

import httpx
import pytest


def test_normalize(client: httpx.Client) -> None:
    """The answer has the words, the sentences with pauses, and the source of every stretch."""
    written = "Giá 35k/kg. Mở cửa 7h-11h30!"
    answer = client.post("/normalize", json={"text": written}).json()
    assert answer["text"] == (
        "giá ba mươi lăm nghìn một ki lô gam. mở cửa bảy giờ đến mười một giờ ba mươi phút!"
    )
    assert [written[part["start"] : part["end"]] for part in answer["sentences"]] == [
        "Giá 35k/kg.",
        "Mở cửa 7h-11h30!",
    ]
    assert [part["pause"] for part in answer["sentences"]] == [0.25, 0]
    assert "".join(part["text"] for part in answer["stretches"]) == answer["text"]
    said = {part["text"]: written[part["start"] : part["end"]] for part in answer["stretches"]}
    assert said["bảy giờ đến mười một giờ ba mươi phút"] == "7h-11h30"


def test_normalize_from_query_and_form(client: httpx.Client) -> None:
    """The query and a form work as well."""
    assert client.get("/normalize", params={"text": "số 5"}).json()["text"] == "số năm"
    assert client.post("/normalize", data={"text": "số 5"}).json()["text"] == "số năm"


def test_lexicon(client: httpx.Client) -> None:
    """The lexicon of a request is used for its words, and only in that request."""
    asked = {"text": "Gọi Zyx ngay", "lexicon": {"zyx": "hoa mai"}}
    assert client.post("/normalize", json=asked).json()["text"] == "gọi hoa mai ngay"
    assert client.post("/normalize", json={"text": "Gọi Zyx"}).json()["text"] != "gọi hoa mai"


def test_lexicon_changes_what_is_said(client: httpx.Client) -> None:
    """`/tts` uses the lexicon of the request, which makes another file."""
    plain = client.post("/tts", json={"text": "Zyx"}).json()
    other = client.post("/tts", json={"text": "Zyx", "lexicon": {"zyx": "hoa mai"}}).json()
    same = client.post("/tts", json={"text": "hoa mai"}).json()
    assert plain["hash"] != other["hash"] == same["hash"]


@pytest.mark.parametrize(
    "lexicon",
    [
        "a",
        5,
        ["a"],
        {"a": 5},
        {"": "a"},
        {"/a/": "a"},
        {str(i): "a" for i in range(1001)},
        {"a": "b" * 201},
        {"a" * 101: "b"},
    ],
)
def test_broken_lexicon(client: httpx.Client, lexicon: Any) -> None:
    """An invalid lexicon is refused, and the field is named."""
    response = client.post("/normalize", json={"text": "a", "lexicon": lexicon})
    assert response.status_code == 400
    assert response.json()["error"]["field"] == "lexicon"


@pytest.mark.parametrize(
    ("query", "code"),
    [("", "text_missing"), ("text=", "text_empty"), ("text=!!", "text_unspeakable")],
)
def test_errors(client: httpx.Client, query: str, code: str) -> None:
    """A text without speakable content is refused as by `/tts`."""
    response = client.get(f"/normalize?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)


def test_a_text_that_is_too_long_when_spoken(client: httpx.Client) -> None:
    """A short text and a lexicon may grow to at most 4 times `server.max_text_chars` (2000)."""
    lexicon = {"a": "mưa " * 50}
    fits = client.post("/normalize", json={"text": "a " * 39, "lexicon": lexicon})
    assert len(fits.json()["text"]) > 7700
    for path in ("/normalize", "/tts", "/tts/stream"):
        refused = client.post(path, json={"text": "a " * 1000, "lexicon": lexicon})
        problem = refused.json()["error"]
        assert (refused.status_code, problem["code"]) == (400, "text_too_long")
        assert "8000" in problem["message"]
    digits = client.post("/normalize", json={"text": "0" * 2000})
    assert digits.json()["error"]["code"] == "text_too_long"


HUGE = "1" + "0" * 309
BEYOND_INT = "9" * 5000
"""More digits than Python accepts in an integer."""


@pytest.mark.parametrize("value", [HUGE, f"-{HUGE}", "1e400", "-1e400", "NaN", "Infinity"])
@pytest.mark.parametrize(
    "field", ["sample_rate", "bit_rate", "speed", "speaker", "voice", "format"]
)
def test_numbers_beyond_all_bounds(client: httpx.Client, field: str, value: str) -> None:
    """A number too large for a float is a wrong parameter, in JSON, a query and a form."""
    body = f'{{"text": "a", "format": "mp3", "{field}": {value}}}'
    query = {"text": "a", "format": "mp3", field: value}
    for answer in (
        client.post("/tts", content=body, headers={"Content-Type": "application/json"}),
        client.get("/tts/stream", params=query),
        client.post("/tts", data=query),
    ):
        assert answer.status_code in {400, 404}, answer.text


@pytest.mark.parametrize("field", ["sample_rate", "bit_rate", "speed", "speaker"])
def test_more_digits_than_an_integer_takes(client: httpx.Client, field: str) -> None:
    """A number with thousands of digits is a wrong parameter at every place."""
    query = {"text": "a", "format": "mp3", field: BEYOND_INT}
    for answer in (
        client.post("/tts", json=query),
        client.get("/tts/stream", params=query),
        client.post("/tts", data=query),
    ):
        assert answer.status_code == 400, answer.text
