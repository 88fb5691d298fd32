"""The key of a sentence: computed once, when the request is made, and passed on."""

import ast
import asyncio
from collections import Counter
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.support.voices import install_pair
from vits_tts.audio import formats
from vits_tts.cache import key as keys
from vits_tts.config import Config
from vits_tts.speech import RequestStats, Speech, build, keyed_request
from vits_tts.types import Level, Prosody

SOURCE = Path(keys.__file__).parent.parent
TEXT = "Một hai ba. Bốn năm sáu. Bảy tám chín."


@pytest.fixture
def speech(tmp_path: Path) -> Speech:
    """Return a pipeline with a real, fast voice."""
    install_pair(tmp_path / "voices")
    settings = {
        "voice": {"name": "pair", "folder": tmp_path / "voices"},
        "audio": {"folder": tmp_path / "audio"},
    }
    return build(Config.model_validate(settings))


def test_each_key_is_computed_once(speech: Speech, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading, streaming, saving and replaying from memory compute each sentence's key once."""
    computed: Counter[str] = Counter()
    sentence_key = keys.sentence_key

    def counting(voice: str, text: str, prosody: Prosody, level: Level) -> str:
        computed[text] += 1
        return sentence_key(voice, text, prosody, level)

    monkeypatch.setattr(keyed_request, "sentence_key", counting)

    async def story() -> None:
        speech.start()
        await speech.voices.load("pair")
        request = await speech.request(TEXT)
        async with aclosing(speech.stream(request, RequestStats())) as stream:
            assert [pcm async for pcm in stream]
        assert speech.at_hand(request, RequestStats())
        wav = formats.plain(speech.voices.find("pair").sample_rate)
        await speech.save(request, RequestStats(), wav)
        assert speech.remembered(TEXT) is request
        assert await speech.request(TEXT) is request
        await speech.close()
        assert len({part.key for part in request.sentences}) == len(request.sentences) == 3
        assert computed == {part.text: 1 for part in request.sentences}

    asyncio.run(story())


def test_one_place_computes_keys() -> None:
    """All requests are created in one place, so that no other one computes a key again."""
    calls = [
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and "sentence_key" in ast.unparse(node.func)
    ]
    assert calls == ["speech/keyed_request.py"]
