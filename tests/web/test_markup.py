"""SSML and inline marks on a real server: samples, times, files, errors."""

import base64
import html
import json
import random
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.redis import redis_server
from tests.support.server import Settings, serving, until
from tests.support.sound import decode
from tests.support.voices import install_pair
from vits_tts.audio.resample import Resampler, converted_length
from vits_tts.text.phonemes.espeak import Phonemizer

JSON = {"Content-Type": "application/json"}
HELLO, DAY = "Xin chào các bạn.", "Hôm nay trời đẹp."


def samples(client: httpx.Client, text: str, **more: Any) -> NDArray[np.int16]:
    """Return the samples of a stream."""
    answer = client.post("/tts/stream", json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    return np.frombuffer(answer.content[44:], "<i2")


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ('<break time="1234ms"/>', 1.234),
        ('<break time=".25s"/><break strength="strong"/>', 1.25),
        ("<break/>", 0.5),
        ('<break strength="none"/>', 0.0),
    ],
)
def test_breaks_are_exact(client: httpx.Client, tag: str, seconds: float) -> None:
    """A break is silence, exact to the sample, and the words around it are as without it."""
    one, two = samples(client, HELLO), samples(client, DAY)
    gap = np.zeros(round(seconds * 16000), np.int16)
    for _ in range(2):  # made, and from the cache
        both = samples(client, f"<speak>{HELLO}{tag}{DAY}</speak>")
        assert np.array_equal(both, np.concatenate([one, gap, two]))


def test_breaks_before_and_after(client: httpx.Client) -> None:
    """Silence may begin and end a document, and a plain text."""
    one, gap = samples(client, HELLO), np.zeros(8000, np.int16)
    for text in (
        f"<speak><break/>{HELLO}<break/></speak>",
        f"[pause 0.5s]{HELLO}<<<sil#500>>>",
    ):
        for _ in range(2):
            assert np.array_equal(samples(client, text), np.concatenate([gap, one, gap]))


@pytest.mark.parametrize(
    "text", ["<speak><p><break time='1s'/></p></speak>", "[pause 400ms] … <<<sil#600>>>"]
)
def test_pauses_alone(client: httpx.Client, text: str) -> None:
    """A text of nothing but pauses is their silence."""
    assert np.array_equal(samples(client, text), np.zeros(16000, np.int16))
    saved = client.post("/tts", json={"text": text, "timestamps": True}).json()
    assert (saved["seconds"], saved["timestamps"]) == (1, {"sentences": []})
    part = client.get("/tts/stream", params={"text": text}, headers={"Range": "bytes=0-1"})
    assert part.headers["Content-Range"] == "bytes 0-1/32044"


@pytest.mark.parametrize(
    ("text", "shown", "words"),
    [
        (
            "<speak>Phòng R&amp;D của b&#x1EA1;n &lt;mới&gt;&#32;đây.</speak>",
            "Phòng R&D của bạn <mới> đây.",
            ["Phòng", "R&D", "của", "bạn", "mới", "đây"],
        ),
        ("Mã <spell>AB</spell> nhé.", "Mã AB nhé.", ["Mã", "AB", "nhé"]),
        (
            '<speak>Ngày <say-as interpret-as="date">5/3</say-as>, <mark name="a"/>họp.</speak>',
            "Ngày 5/3, họp.",
            ["Ngày", "5/3", "họp"],
        ),
        (
            f"<p>Phòng <a href='https://{'dai' * 15}.vn/'>R&amp;D</a><!-- --> của&nbsp;<i>bạn.",
            "Phòng R&D của bạn.",
            ["Phòng", "R&D", "của", "bạn"],
        ),
    ],
)
def test_subtitles_have_no_markup(
    client: httpx.Client, text: str, shown: str, words: list[str]
) -> None:
    """References of XML are shown as the characters that they stand for, tags not at all."""
    srt = client.post("/tts", json={"text": text, "timestamps": "srt"}).text
    assert srt.splitlines()[2] == shown
    vtt = client.post("/tts", json={"text": text, "timestamps": "vtt"}).text.splitlines()[3]
    assert html.unescape(re.sub("<[0-9:.]+>", "", vtt)) == shown
    times = client.post("/tts", json={"text": text, "timestamps": True}).json()["timestamps"]
    (sentence,) = times["sentences"]
    assert sentence["text"] == shown
    told = {(word["start"], word["end"]): word["text"] for word in sentence["words"]}
    assert list(told.values()) == words
    assert [html.unescape(text[start:end]) for start, end in told] == words


def test_marks_change_no_sample(client: httpx.Client) -> None:
    """A mark, a word and a language are heard as if they were not there."""
    text = 'Xin <mark name="a"/>chào <lang xml:lang="vi">các</lang> <w>bạn</w>.<mark name="b"/>'
    assert np.array_equal(samples(client, f"<speak>{text}</speak>"), samples(client, HELLO))


def test_rate_and_volume(client: httpx.Client) -> None:
    """A rate changes the length as the parameter does, a volume the amplitude."""
    slow = samples(client, f'<speak><prosody rate="50%">{HELLO}</prosody></speak>')
    assert np.array_equal(slow, samples(client, HELLO, speed=0.5))
    plain = samples(client, HELLO).astype(float)
    for volume, gain in (("-6dB", 10 ** (-6 / 20)), ("50", 0.5), ("silent", 0)):
        soft = samples(client, f'<speak><prosody volume="{volume}">{HELLO}</prosody></speak>')
        assert np.abs(soft - plain * gain).max() <= 0.51
    loud = samples(client, f'<speak><prosody volume="+12dB">{HELLO}</prosody></speak>')
    assert np.abs(loud.astype(float)).max() <= 32768 * 10 ** (-1 / 20)
    assert np.abs(loud.astype(float)).mean() > np.abs(plain).mean() * 2


def test_voices(client: httpx.Client) -> None:
    """Another voice speaks in the same stream, at its sample rate, to the sample."""
    main = client.get("/voices").json()["default"]
    rates = {row["name"]: row["sample_rate"] for row in client.get("/voices").json()["voices"]}
    one, own = samples(client, HELLO), samples(client, DAY, voice="pair", speaker="minh")
    converted = Resampler(rates["pair"], rates[main])(own, last=True)
    assert len(converted) == round(len(own) * rates[main] / rates["pair"])
    gap = np.zeros(rates[main], np.int16)
    both = f'<speak>{HELLO}<break time="1s"/><voice name="pair/minh">{DAY}</voice></speak>'
    for _ in range(2):  # made, and from the cache
        heard = samples(client, both)
        assert np.array_equal(heard, np.concatenate([one, gap, converted]))
    saved = client.post("/tts", json={"text": both, "timestamps": True}).json()
    assert saved["seconds"] == pytest.approx(len(heard) / rates[main], abs=6e-4)
    asked = {"text": DAY, "voice": "pair", "speaker": "minh", "timestamps": True}
    alone = client.post("/tts", json=asked).json()["timestamps"]["sentences"][0]
    told = saved["timestamps"]["sentences"][1]
    begin = (len(one) + len(gap)) / rates[main]
    assert told["end_seconds"] == pytest.approx(len(heard) / rates[main], abs=1e-4)
    for word, other in zip(told["words"], alone["words"], strict=True):
        for name in ("start_seconds", "end_seconds"):
            assert word[name] == pytest.approx(other[name] + begin, abs=2e-4)
    for name in ("pair", main):  # the request's voice has the rate, whoever speaks
        inside = f'<speak><voice name="{main}">{HELLO}</voice></speak>'
        spoken = samples(client, inside, voice=name)
        assert len(spoken) == round(len(one) * rates[name] / rates[main])


def test_turns(client: httpx.Client) -> None:
    """Each turn has its voice, the pause between two is exact, times and subtitles name both."""
    main = client.get("/voices").json()["default"]
    rate = next(
        row["sample_rate"] for row in client.get("/voices").json()["voices"] if row["name"] == main
    )
    turns = [
        {"text": HELLO, "speed": 2},
        {"text": DAY, "voice": "pair", "speaker": "minh", "pause": 0.125},
        {"text": HELLO, "voice": "Minh"},
    ]
    parts = [
        samples(client, HELLO, speed=2),
        np.zeros(rate * 3 // 4, np.int16),
        Resampler(8000, rate)(samples(client, DAY, voice="Minh"), last=True),
        np.zeros(rate // 8, np.int16),
        Resampler(8000, rate)(samples(client, HELLO, voice="pair", speaker="minh"), last=True),
    ]
    asked = {"turns": turns, "turn_pause": 0.75}
    for _ in range(2):
        answer = client.post("/tts/stream", json=asked)
        assert answer.status_code == 200, answer.text
        assert np.array_equal(np.frombuffer(answer.content[44:], "<i2"), np.concatenate(parts))
    saved = client.post("/tts", json={**asked, "timestamps": True}).json()
    text = f"{HELLO}\n{DAY}\n{HELLO}"
    assert saved["text"] == text
    told = saved["timestamps"]["sentences"]
    assert [text[one["start"] : one["end"]] for one in told] == [HELLO, DAY, HELLO]
    assert [(one.get("voice"), one["turn"]) for one in told] == [
        (None, 0),
        ("pair/minh", 1),
        ("Minh", 2),
    ]
    begin = sum(map(len, parts[:2])) / rate
    assert told[1]["start_seconds"] == pytest.approx(begin, abs=1e-4)
    cues = client.post("/tts", json={**asked, "timestamps": "srt"}).text
    assert [cue.split("\n")[2] for cue in cues.strip().split("\n\n")] == [
        HELLO,
        f"pair/minh: {DAY}",
        f"Minh: {HELLO}",
    ]
    cues = client.post("/tts", json={**asked, "timestamps": "vtt"}).text
    assert "\n<v Minh>Xin" in cues
    plan = client.post("/normalize", json=asked).json()
    assert [one["turn"] for one in plan["sentences"]] == [0, 1, 2]


def test_turns_that_name_no_voice(client: httpx.Client) -> None:
    """They are spoken by the speaker of the request, and times and subtitles name no voice."""
    asked = {"turns": [{"text": HELLO}], "voice": "pair", "speaker": "minh"}
    answer = client.post("/tts/stream", json=asked)
    heard = np.frombuffer(answer.content[44:], "<i2")
    assert np.array_equal(heard, samples(client, HELLO, voice="pair", speaker="minh"))
    told = client.post("/tts", json={**asked, "timestamps": True}).json()["timestamps"]
    assert "voice" not in told["sentences"][0]
    srt = client.post("/tts", json={**asked, "timestamps": "srt"}).text
    assert srt.splitlines()[2] == HELLO


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ({"turns": []}, "field_invalid", "list of 1 to"),
        ({"turns": "a"}, "field_invalid", "JSON"),
        ({"turns": [{"voice": "pair"}]}, "field_invalid", "turns[0].text"),
        ({"turns": [{"text": "a"}, {"text": 3}]}, "field_invalid", "turns[1].text"),
        ({"turns": [{"text": "a", "pause": 61}]}, "field_invalid", "turns[0].pause"),
        ({"turns": [{"text": "a", "who": "b"}]}, "field_invalid", "turns[0].who"),
        ({"turns": [{"text": "a"}], "text": "b"}, "field_invalid", "one of them"),
        ({"turns": ["a"]}, "field_invalid", "turns[0] must be an object"),
        (
            {"turns": [{"text": "a"}, {"text": "a", "voice": "x"}]},
            "voice_unknown",
            "turns[1].voice: ",
        ),
        (
            {"turns": [{"text": "a", "voice": "pair", "speaker": "x"}]},
            "speaker_unknown",
            "turns[0].speaker: ",
        ),
        ({"turns": [{"text": "<speak>a"}]}, "markup_invalid", "turns[0].text: "),
        ({"turns": [{"text": "a", "speed": 9}]}, "speed_invalid", "turns[0].speed: "),
        (
            {"turns": [{"text": "a"}] * 3 + [{"text": "\ud800"}]},
            "encoding_invalid",
            "turns[3].text ",
        ),
        (
            {"turns": [{"text": "a\nb"}, {"text": '<speak><phoneme ph="?">a</phoneme></speak>'}]},
            "markup_invalid",
            "turns[1].text: SSML: <phoneme> before line 1, column 24",
        ),
        ({"turns": [{"text": "!"}]}, "text_unspeakable", "nothing to say"),
        ({"turns": [{"text": "a" * 1500}] * 2}, "text_too_long", "2000"),
    ],
)
def test_errors_of_turns(
    client: httpx.Client, asked: dict[str, Any], code: str, words: str
) -> None:
    """Wrong turns are refused with the number of the turn and the field."""
    for path in ("/tts", "/tts/stream"):
        answer = client.post(path, content=json.dumps(asked), headers=JSON)
        error = answer.json()["error"]
        assert error["code"] == code, error
        assert answer.status_code in {400, 404, 413}
        assert words in error["message"]


@pytest.mark.parametrize("rates", [(22050, 16000), (16000, 22050), (8000, 16000), (44100, 8000)])
def test_conversion_has_an_exact_length(rates: tuple[int, int]) -> None:
    """The length is known before the sound, and does not depend on its windows."""
    noise = np.random.default_rng(0).normal(0, 3000, 5000).astype(np.int16)
    for count in (1, 2, 80, 160, 161, 440, 441, 4999):
        whole = Resampler(*rates)(noise[:count], last=True)
        assert len(whole) == converted_length(count, *rates)
        resampler = Resampler(*rates)
        parts = [resampler(noise[at : min(count, at + 77)]) for at in range(0, count, 77)]
        assert np.array_equal(np.concatenate([*parts, resampler(noise[:0], last=True)]), whole)


def test_times_point_into_the_document(client: httpx.Client) -> None:
    """Words, marks and cues have their places in what was written, and the times of the sound."""
    document = (
        '<speak><break time="1s"/>Xin <mark name="mid"/>chào <sub alias="các bạn">cb</sub>.\n'
        '<mark name="end"/><break time="2s"/><mark name="after"/>A &amp; B.</speak>'
    )
    plain = client.post("/tts", json={"text": "Xin chào các bạn.", "timestamps": True}).json()
    answer = client.post("/tts", json={"text": document, "timestamps": True}).json()
    first, second = answer["timestamps"]["sentences"]
    written = [document[word["start"] : word["end"]] for word in first["words"]]
    assert written == ["Xin", "chào", "cb", "cb"]
    (expected,) = plain["timestamps"]["sentences"]
    for word, other in zip(first["words"], expected["words"], strict=True):
        assert word["start_seconds"] == pytest.approx(other["start_seconds"] + 1, abs=2e-4)
    assert [document[word["start"] : word["end"]] for word in second["words"]] == [
        "A",
        "&amp;",
        "B",
    ]
    marks = {mark["name"]: mark for part in (first, second) for mark in part["marks"]}
    assert marks["mid"]["seconds"] == first["words"][1]["start_seconds"]
    assert marks["end"]["seconds"] == first["end_seconds"]
    assert marks["after"]["seconds"] == second["start_seconds"]
    assert second["start_seconds"] - first["end_seconds"] == pytest.approx(2, abs=2e-4)
    assert document[marks["end"]["start"] :].startswith('<mark name="end"/>')
    cues = client.post("/tts", json={"text": document, "timestamps": "srt"}).text
    assert "<" not in cues
    assert "A & B." in " ".join(cues.split())
    lines = client.post("/tts/stream", json={"text": document, "timestamps": True}).text
    told = [json.loads(line) for line in lines.splitlines()]
    assert [line["marks"] for line in told if line["type"] == "sentence"] == [
        first["marks"],
        second["marks"],
    ]
    sound = b"".join(base64.b64decode(line["data"]) for line in told if line["type"] == "audio")
    assert not np.frombuffer(sound[44:], "<i2")[:16000].any()


_CALM = ("Xin chào các bạn.", "Hôm nay là ngày 5/3.", "Giá 35k/kg, rẻ quá!", "Tạm biệt nhé.")


_RATES = (0.75, 1.25, 2.0)
_PAUSE, _PARAGRAPH = 0.25, 0.6
"""The usual pauses after a sentence and a paragraph."""


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.randoms(use_true_random=False))
def test_markup_moves_no_word(client: httpx.Client, chance: random.Random) -> None:
    """Each word is heard when it is heard without markup, plus the time that markup asks for.

    A sentence with another rate or voice is as long as it is alone with that rate or voice. The
    words that `sub`, `say-as` and `phoneme` give last as long as the same words that are written.
    """
    document, expected, now = "<speak>", [], 0.0
    paragraph = False
    for number, sentence in enumerate(_CALM):
        said, asked = _directed(sentence, chance)
        around = chance.choice(["{}", "{}", "<s>{}</s>", "<p>{}</p>", "<p><s>{}</s></p>"])
        if number:
            pause = chance.choice([None, 0, 0.25, 0.333, 2])
            document += " " if pause is None else f'<break time="{pause}s"/>'
            usual = _PARAGRAPH if paragraph or "<p>" in around else _PAUSE
            now += usual if pause is None else pause
        paragraph = "<p>" in around
        document += around.format(said)
        alone = _alone(client, sentence, **asked)
        expected.append((now, alone))
        now += alone["end_seconds"]
    plain, marked = (
        client.post("/tts", json={"text": text, "timestamps": True}).json()["timestamps"]
        for text in (" ".join(_CALM), f"{document}</speak>")
    )
    _assert_heard(marked["sentences"], expected)
    calm, now = [], 0.0
    for sentence in _CALM:
        calm.append((now, _alone(client, sentence)))
        now += calm[-1][1]["end_seconds"] + _PAUSE
    _assert_heard(plain["sentences"], calm)


def _assert_heard(
    sentences: list[dict[str, Any]], expected: list[tuple[float, dict[str, Any]]]
) -> None:
    """Assert that sentences have the words of those that are expected at these moments."""
    assert len(sentences) == len(expected)
    for sentence, (begin, alone) in zip(sentences, expected, strict=True):
        for word, same in zip(sentence["words"], alone["words"], strict=True):
            assert word["spoken"] == same["spoken"] or word["text"] == "x"
            for name in ("start_seconds", "end_seconds"):
                assert word[name] == pytest.approx(begin + same[name], abs=3e-4)


def _alone(client: httpx.Client, sentence: str, **asked: Any) -> dict[str, Any]:
    """Return a plain sentence that is said alone, with its times."""
    given = {"text": sentence, "timestamps": True, **asked}
    (said,) = client.post("/tts", json=given).json()["timestamps"]["sentences"]
    return dict(said)


def _directed(sentence: str, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """Return a sentence with markup, and the parameters that have the same effect as all of it."""
    kind = chance.choice(["words", "words", "phonemes", "rate", "voice"])
    if kind == "phonemes" and not any(map(str.isdigit, sentence)):
        return _by_phonemes(sentence), {}
    said = " ".join(_marked(word, chance) for word in sentence.split())
    if chance.random() < 0.3:
        said = f'<prosody volume="-3dB">{said}</prosody>'
    if kind == "rate":
        rate = chance.choice(_RATES)
        return f'<prosody rate="{rate:.0%}">{said}</prosody>', {"speed": rate}
    if kind == "voice":
        return f'<voice name="Minh">{said}</voice>', {"voice": "pair", "speaker": "minh"}
    return said, {}


def _by_phonemes(sentence: str) -> str:
    """Return a sentence that gives the voice the phonemes of its words, and none of its letters."""
    phonemes = "".join(Phonemizer().espeak(sentence.lower(), "vi")).rstrip(".")
    words = (f'<phoneme alphabet="x-voice" ph="{one}">x</phoneme>' for one in phonemes.split())
    return f"{' '.join(words)}."


def _marked(word: str, chance: random.Random) -> str:
    """Return a word with markup that asks for no time, or without."""
    core = word.rstrip(".,!")
    end = word[len(core) :]
    date = f'<say-as interpret-as="date" format="dm">{core}</say-as>{end}'
    forms = [
        word,
        word,
        f'<mark name="m"/>{word}',
        f"<w>{word}</w>",
        f'<lang xml:lang="vi">{word}</lang>',
        date if core == "5/3" else f'<sub alias="{core}">a. b</sub>{end}',
    ]
    return chance.choice(forms)


def test_normalize_shows_the_plan(client: httpx.Client) -> None:
    """The segments, and the sentences with what markup gives them."""
    document = (
        '<speak>Số <say-as interpret-as="digits">12</say-as><break time="1s"/>'
        '<prosody rate="slow">nhé</prosody></speak>'
    )
    answer = client.post("/normalize", json={"text": document}).json()
    assert [part["text"] for part in answer["sentences"]] == ["số một hai", "nhé"]
    assert answer["sentences"][0]["pause"] == 1
    assert answer["sentences"][1]["rate"] == 0.75
    assert [part.get("say_as") or part.get("pause") for part in answer["plan"]] == [
        None,
        "digits",
        1.0,
        None,
    ]
    stretches = [part["text"] for part in answer["stretches"]]
    assert "".join(stretches) == answer["text"]
    plain = client.post("/normalize", json={"text": "số 12"}).json()
    assert set(plain) == {"text", "sentences", "stretches"}
    assert set(plain["sentences"][0]) == {"text", "pause", "start", "end"}


def test_input_says_whether_it_is_ssml(client: httpx.Client) -> None:
    """`input` decides; without it the beginning does."""
    text = "<speak>chào</speak>"
    assert client.get("/normalize", params={"text": text}).json()["text"] == "chào"
    asked = {"text": text, "input": "text"}
    assert "plan" not in client.get("/normalize", params=asked).json()
    answer = client.get("/normalize", params={"text": "chào", "input": "ssml"})
    assert answer.json()["error"]["code"] == "markup_invalid"
    answer = client.get("/normalize", params={"text": "chào", "input": "xml"})
    assert answer.json()["error"] | {"message": "", "request_id": ""} == {
        "code": "field_invalid",
        "field": "input",
        "message": "",
        "request_id": "",
    }


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        ("<speak>a", "markup_invalid", "line 1, column 9"),
        ("<speak>a\n<prosody pitch='x'>b</prosody></speak>", "markup_unsupported", "pitch"),
        ("<speak>a <brake/></speak>", "markup_unsupported", "did you mean <break>"),
        ("<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>", "markup_invalid", "DOCTYPE"),
        ("<speak><voice name='x'>a</voice></speak>", "markup_invalid", "there is no voice"),
        ("<speak><phoneme ph='☃'>a</phoneme></speak>", "markup_invalid", "no phoneme"),
        ("<speak><say-as interpret-as='x'>a</say-as></speak>", "markup_unsupported", "cardinal"),
        ("<speak><say-as interpret-as='date'>31/2</say-as></speak>", "markup_invalid", "no such"),
        ("<speak><break time='61s'/>a</speak>", "markup_invalid", "60 s"),
        ("<speak>a" + "<break time='40s'/>" * 2 + "b</speak>", "markup_invalid", "60 s"),
        ("a [pause 61s] b", "markup_invalid", "line 1, column 3"),
        ("a [pause 60s] " * 11, "markup_invalid", "line 1, column 143"),
        ("<speak><break time='0s'/></speak>", "text_unspeakable", "nothing to say"),
        ("[pause 0s] <br>", "text_unspeakable", "nothing to say"),
    ],
)
def test_errors(client: httpx.Client, document: str, code: str, words: str) -> None:
    """Broken markup is refused with its place and advice, also in OpenAI's shape."""
    for path in ("/tts", "/tts/stream"):
        answer = client.post(path, json={"text": document})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["field"]) == (400, code, "text")
        assert words in error["message"]
    if code != "text_unspeakable":  # which is a short silence there
        answer = client.post("/v1/audio/speech", json={"model": "tts-1", "input": document})
        assert answer.json()["error"]["code"] == code
        assert answer.json()["error"]["param"] == "input"


def test_openai(client: httpx.Client) -> None:
    """OpenAI's path takes SSML by its beginning."""
    asked = {"model": "tts-1", "response_format": "wav"}
    document = f"<speak>{HELLO}<break/>{DAY}</speak>"
    answer = client.post("/v1/audio/speech", json={**asked, "input": document})
    spoken = decode(answer.content).samples
    assert len(spoken) == len(samples(client, document))


def test_another_replica_makes_the_same_file(tmp_path: Path) -> None:
    """A file of marked-up text is made again from its recipe in Redis, to the same bytes."""
    document = (
        f'<speak><break/><prosody rate="fast" volume="-3dB">{HELLO}</prosody><break time="30s"/>'
        f'<voice name="pair/minh">{DAY}</voice></speak>'
    )
    with redis_server(tmp_path / "redis") as redis:
        settings: Settings = {
            "voice": {"name": "pair", "noise_scale": 0, "noise_w": 0},
            "cache": {"redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2}},
        }
        for name in ("one", "two"):
            install_pair(tmp_path / name / "voices")
        with (
            serving(tmp_path / "one", settings) as one,
            serving(tmp_path / "two", settings) as two,
        ):
            saved = httpx.post(f"{one.url}/tts", json={"text": document}, timeout=60).json()
            until(lambda: redis.keys("vits-tts:r*"), "the recipe")
            path = httpx.URL(saved["audio_url"]).raw_path.decode()
            first, second = (httpx.get(f"{at.url}{path}", timeout=60) for at in (one, two))
    assert second.status_code == 200
    assert first.content == second.content
    assert decode(first.content).seconds == pytest.approx(saved["seconds"], abs=0.01)
    assert saved["seconds"] > 30.5
