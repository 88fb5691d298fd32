"""ElevenLabs' speech API, by ElevenLabs' own client."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.conftest import LocalStarter
from tests.support.decoding import DECODERS
from tests.support.local import LocalServer, Settings, serving_here
from tests.support.sound import assert_speech, decode
from tests.support.voices import install_pair
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.web.auth.api_keys import make_key

elevenlabs = pytest.importorskip("elevenlabs", reason="needs the group `clients`")

TEXT = "Xin chào các bạn. Hôm nay là 15% đẹp trời!"
RACHEL = "21m00Tcm4TlvDq8ikWAM"
ADAM = "pNInz6obpgDQGcFmaJgB"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run a server with two names of ElevenLabs' voices."""
    folder = tmp_path_factory.mktemp("elevenlabs")
    install_pair(folder / "voices")
    settings: Settings = {
        "voice": {"others": ["pair"], "noise_scale": 0, "noise_w": 0},
        "elevenlabs": {"voices": {RACHEL: EMBEDDED_VOICE, ADAM: "pair/minh"}},
    }
    with serving_here(folder, settings) as server:
        yield server


@pytest.fixture
def official(shared: LocalServer) -> Iterator[Any]:
    """Return ElevenLabs' client, connected to the server."""
    with httpx.Client(timeout=60) as connection:
        yield elevenlabs.ElevenLabs(base_url=shared.url, api_key="none", httpx_client=connection)


def test_convert(official: Any) -> None:
    """MP3 of 44.1 kHz is the default."""
    sound = b"".join(official.text_to_speech.convert(RACHEL, text=TEXT, model_id="eleven_v3"))
    decoded = DECODERS["mp3"](sound, 44100)
    assert decoded.sample_rate == 44100
    assert_speech(decoded, shortest=2, longest=8)


@pytest.mark.parametrize(
    ("output", "kind", "rate"),
    [
        ("mp3_22050_32", "mp3", 22050),
        ("pcm_16000", "pcm", 16000),
        ("pcm_24000", "pcm", 24000),
        ("wav_44100", "wav", 44100),
        ("opus_48000_64", "opus", 48000),
        ("ulaw_8000", "mulaw", 8000),
        ("alaw_8000", "alaw", 8000),
    ],
)
@pytest.mark.parametrize("path", ["convert", "stream"])
def test_formats(official: Any, output: str, kind: str, rate: int, path: str) -> None:
    """Each `output_format` gives its format, as a file and as a stream."""
    speak = getattr(official.text_to_speech, path)
    data = b"".join(speak(RACHEL, text="Một hai ba bốn.", output_format=output))
    streamed = data[40:44] == b"\xff" * 4
    sound = decode(data, streamed=streamed) if kind == "wav" else DECODERS[kind](data, rate)
    assert sound.sample_rate == rate
    assert_speech(sound, shortest=0.5, longest=4)


def test_settings_and_unknown_fields(official: Any, shared: LocalServer) -> None:
    """`speed` takes effect; settings without a meaning here are accepted."""

    def length(**asked: Any) -> int:
        data = b"".join(
            official.text_to_speech.convert(
                ADAM, text="Một hai ba bốn.", output_format="pcm_8000", **asked
            )
        )
        assert np.abs(np.frombuffer(data, "<i2")).max() / 32768 == pytest.approx(0.5, 0.02)
        return len(data)

    settings = elevenlabs.VoiceSettings(
        stability=0.5, similarity_boost=0.7, style=0.1, use_speaker_boost=True, speed=1.2
    )
    fast = length(
        voice_settings=settings,
        previous_text="Trước.",
        next_text="Sau.",
        seed=5,
        apply_text_normalization="auto",
        language_code="vi",
    )
    assert fast == pytest.approx(length() / 1.2, rel=0.02)
    body = {"text": "Một.", "something": {"new": [1]}, "voice_settings": {"unheard_of": 1}}
    url = f"{shared.url}/v1/text-to-speech/{ADAM}"
    assert httpx.post(url, json=body).status_code == 200


def test_with_timestamps(official: Any) -> None:
    """Every character of the text has its time; words have the times of this server's timeline."""
    answer = official.text_to_speech.convert_with_timestamps(
        RACHEL, text=TEXT, output_format="pcm_22050"
    )
    seconds = len(base64.b64decode(answer.audio_base_64)) / 2 / 22050
    _check(answer.alignment, TEXT, seconds)
    spoken = "".join(answer.normalized_alignment.characters)
    assert "mười lăm phần trăm" in spoken
    _check(answer.normalized_alignment, spoken, seconds)


def _check(alignment: Any, text: str, seconds: float) -> None:
    starts = alignment.character_start_times_seconds
    ends = alignment.character_end_times_seconds
    assert "".join(alignment.characters) == text
    assert len(starts) == len(ends) == len(text)
    assert starts == sorted(starts)
    assert all(start <= end for start, end in zip(starts, ends, strict=True))
    assert starts[0] < 0.5
    assert ends[-1] == pytest.approx(seconds, abs=0.3)


def test_times_are_those_of_words(official: Any, shared: LocalServer) -> None:
    """A word's first character begins with the word, and its last character ends with it."""
    answer = official.text_to_speech.convert_with_timestamps(RACHEL, text=TEXT)
    body = {"text": TEXT, "timestamps": True}
    ours = httpx.post(f"{shared.url}/tts", json=body).json()["timestamps"]["sentences"]
    words = [word for sentence in ours for word in sentence["words"]]
    for word in [word for word in words if word["text"] == word["spoken"]]:
        starts = answer.alignment.character_start_times_seconds
        ends = answer.alignment.character_end_times_seconds
        assert starts[word["start"]] == pytest.approx(word["start_seconds"], abs=0.002)
        assert ends[word["end"] - 1] == pytest.approx(word["end_seconds"], abs=0.002)


def test_a_number_lasts_for_all_its_words(official: Any) -> None:
    """The time of several words that stand for one number is divided among its digits."""
    answer = official.text_to_speech.convert_with_timestamps(ADAM, text="Có 125 người.")
    starts = answer.alignment.character_start_times_seconds
    ends = answer.alignment.character_end_times_seconds
    lengths = [ends[place] - starts[place] for place in range(3, 6)]
    assert lengths == pytest.approx([sum(lengths) / 3] * 3, abs=0.001)
    spoken = "".join(answer.normalized_alignment.characters)
    first = spoken.index("một trăm hai mươi lăm")
    heard = answer.normalized_alignment.character_start_times_seconds[first]
    assert starts[3] == pytest.approx(heard, abs=0.002)


def test_stream_with_timestamps(official: Any) -> None:
    """The joined chunks are the sound of the file, and their characters are the text."""
    chunks = list(
        official.text_to_speech.stream_with_timestamps(RACHEL, text=TEXT, output_format="pcm_22050")
    )
    whole = b"".join(official.text_to_speech.convert(RACHEL, text=TEXT, output_format="pcm_22050"))
    assert len(chunks) > 2
    assert b"".join(base64.b64decode(chunk.audio_base_64) for chunk in chunks) == whole
    aligned = [chunk.alignment for chunk in chunks if chunk.alignment]
    assert "".join(letter for part in aligned for letter in part.characters) == TEXT
    starts = [start for part in aligned for start in part.character_start_times_seconds]
    assert starts == sorted(starts)


def test_lists(official: Any, shared: LocalServer) -> None:
    """Voices, one voice, models and the subscription have the form that the client expects."""
    voices = official.voices.get_all().voices
    assert [voice.voice_id for voice in voices] == [RACHEL, ADAM, EMBEDDED_VOICE, "pair"]
    assert voices[1].name == "pair/minh"
    assert official.voices.search().voices[0].voice_id == RACHEL
    assert official.voices.get(ADAM).name == "pair/minh"
    assert all(model.can_do_text_to_speech for model in official.models.list())
    assert official.user.subscription.get().tier == "self_hosted"
    for path in ("v1/voices", "v2/voices", f"v1/voices/{ADAM}", "v1/user/subscription"):
        got, asked = (httpx.request(m, f"{shared.url}/{path}") for m in ("GET", "HEAD"))
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["Content-Length"] == got.headers["Content-Length"]
    plain = httpx.get(f"{shared.url}/v1/models").json()
    assert plain["object"] == "list"  # without the header it is OpenAI's


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"voice_settings": {"speed": "x"}}, "voice_settings.speed must be a number, not a text"),
        (
            {"pronunciation_dictionary_locators": [{"version_id": "1"}]},
            "pronunciation_dictionary_locators[0].pronunciation_dictionary_id is missing",
        ),
        (
            {"pronunciation_dictionary_locators": "x"},
            "pronunciation_dictionary_locators must be a list, not a text",
        ),
    ],
)
def test_wrong_fields(shared: LocalServer, wrong: dict[str, Any], told: str) -> None:
    """The message says which field of which parameter is wrong."""
    answer = httpx.post(f"{shared.url}/v1/text-to-speech/{ADAM}", json={"text": "a", **wrong})
    assert answer.status_code == 400
    assert answer.json()["detail"]["message"] == told


@pytest.mark.parametrize("text", [".", "---", "🙂", " \n"])
def test_nothing_to_say(official: Any, text: str) -> None:
    """A text without words is a short silence: agents that split sentences send such texts."""
    data = b"".join(official.text_to_speech.convert(RACHEL, text=text, output_format="pcm_16000"))
    assert 0 < len(data) < 16000
    assert not any(data)
    answer = official.text_to_speech.convert_with_timestamps(RACHEL, text=text)
    assert answer.audio_base_64


@pytest.mark.parametrize(
    ("voice", "asked", "refusal"),
    [
        ("nobody", {}, (404, "voice_not_found")),
        (RACHEL, {"text": ""}, (400, "text_empty")),
        (RACHEL, {"output_format": "mp3"}, (400, "format_invalid")),
        (RACHEL, {"output_format": "mp3_44100_999"}, (400, "bit_rate_invalid")),
        (RACHEL, {"voice_settings": {"speed": 9}}, (400, "speed_invalid")),
    ],
)
def test_refusals(
    official: Any, voice: str, asked: dict[str, Any], refusal: tuple[int, str]
) -> None:
    """A refusal raises the client's own error, with ElevenLabs' fields; no other voice speaks."""
    with pytest.raises(elevenlabs.core.ApiError) as caught:
        list(official.text_to_speech.convert(voice, **{"text": TEXT, **asked}))
    detail = caught.value.body["detail"]
    assert (caught.value.status_code, detail["status"]) == refusal
    assert detail["message"]
    assert detail["request_id"] == caught.value.headers["x-request-id"]


def test_keys_and_switch(start_here: LocalStarter) -> None:
    """The client's `xi-api-key` header takes an API key of the server."""
    key, line = make_key("app")
    settings: Settings = {
        "access": {"keys": [line]},
        "elevenlabs": {"voices": {RACHEL: EMBEDDED_VOICE}},
    }
    with start_here(settings) as server, httpx.Client(timeout=60) as connection:
        common = {"base_url": server.url, "httpx_client": connection}
        stranger = elevenlabs.ElevenLabs(api_key="sk_wrong", **common)
        with pytest.raises(elevenlabs.core.ApiError) as refused:
            stranger.voices.get_all()
        assert refused.value.status_code == 401
        assert refused.value.body["detail"]["status"] == "invalid_api_key"
        known = elevenlabs.ElevenLabs(api_key=key, **common)
        assert b"".join(known.text_to_speech.convert(RACHEL, text="Một."))
        assert server.wait_for("request", route="elevenlabs", status=200, key="app")


def test_switched_off(client: httpx.Client) -> None:
    """Without a map of voices these paths do not exist."""
    answer = client.post(f"/v1/text-to-speech/{RACHEL}", json={"text": "a"})
    assert answer.status_code == 404
