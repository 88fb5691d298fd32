"""`/normalize` and the `lexicon` of a request: what would be said, and from where it comes."""

from typing import Any

import httpx
import pytest


def test_normalize(client: httpx.Client) -> None:
    """The words, the sentences with their pauses, and the place of every stretch in the text."""
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
    """Words that come with a request are read as it says, and only in that request."""
    asked = {"text": "Gọi Zyx ngay", "lexicon": {"zyx": "hoa mai"}}
    assert client.post("/normalize", json=asked).json()["text"] == "gọi hoa mai ngay"
    assert client.post("/normalize", json={"text": "Gọi Zyx"}).json()["text"] != "gọi hoa mai"


def test_lexicon_changes_what_is_said(client: httpx.Client) -> None:
    """`/tts` says the words of the request's lexicon: it is another file."""
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
    ],
)
def test_broken_lexicon(client: httpx.Client, lexicon: Any) -> None:
    """What is no lexicon is refused, and the field is named."""
    response = client.post("/normalize", json={"text": "a", "lexicon": lexicon})
    assert response.status_code == 400
    assert response.json()["error"]["field"] == "lexicon"


@pytest.mark.parametrize(
    ("query", "code"),
    [("", "text_missing"), ("text=", "text_empty"), ("text=!!", "text_unspeakable")],
)
def test_errors(client: httpx.Client, query: str, code: str) -> None:
    """A text that nobody could say is refused as by `/tts`."""
    response = client.get(f"/normalize?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
