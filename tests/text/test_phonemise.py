"""Phonemes: one espeak-ng for all threads, and every syllable as it should sound."""

import gc
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from vits_tts.config import EMBEDDED_VOICE
from vits_tts.text import syllables
from vits_tts.text.phonemise import Phonemiser
from vits_tts.text.syllables import BASES, TONES, all_syllables, is_syllable, toned
from vits_tts.voice import catalogue, manifest

TONE_SIGNS = ("", "2", "ɜ", "4", "5", "6")
ONSETS = {
    "": "", "b": "b", "c": "k", "k": "k", "ch": "tʃ", "d": "z", "đ": "ɗ", "g": "ɣ", "gh": "ɣ",
    "gi": "z", "h": "h", "kh": "x", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ngh": "ŋ", "nh": "ɲ",
    "p": "p", "ph": "f", "qu": "kw", "r": "z", "s": "s", "t": "t̪", "th": "t", "tr": "tʃ", "v": "v",
    "x": "s",
}  # fmt: skip
WRITTEN_TWO_WAYS = {"gia", "gi", "giêng", "giêt", "giua", "quôc"}
"""Bases whose i belongs to the onset and to the rhyme, so that no other syllable rhymes."""


def test_phonemisers_share_one_espeak() -> None:
    """Many phonemisers in many threads get what one gets: espeak-ng is one, and locked."""
    texts = ["Xin chào các bạn.", "Hôm nay trời đẹp quá!", "Một hai ba, bốn năm."] * 40
    expected = [Phonemiser().espeak(text, "vi") for text in texts]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda text: Phonemiser().espeak(text, "vi"), texts)) == expected


def test_phonemes() -> None:
    """Tones are there, clauses are joined, and language marks are not spoken."""
    phonemiser = Phonemiser()
    assert "".join(phonemiser.espeak("Xin chào.", "vi")) == "sˈin tʃˈaː2w."
    assert "".join(phonemiser.espeak("má, mà. mả", "vi")).count(" ") == 2
    assert "(" not in "".join(phonemiser.espeak("Hello bạn", "vi"))
    assert phonemiser.codepoints("\u1ebf") == ["e", "\u0302", "\u0301"]


def test_as_piper_phonemises() -> None:
    """A sentence has the phonemes that piper-tts makes of it, with its marks, decomposed."""
    texts = [
        "Hello world, this: is; a test!",
        "Dr. Smith went (quickly) home",
        "Déjà vu? No. 12 %",
        "...",
    ]
    story = "import sys, json; from piper.phonemize_espeak import EspeakPhonemizer as E; e = E();"
    story += "print(json.dumps([e.phonemize('en-us', text) for text in json.loads(sys.argv[1])]))"
    # in a process of its own, since espeak-ng breaks when it is initialised twice
    told = subprocess.run(
        [sys.executable, "-c", story, json.dumps(texts)], check=True, capture_output=True
    )
    for text, sentences in zip(texts, json.loads(told.stdout), strict=True):
        joined = re.sub(" +", " ", " ".join("".join(sentence) for sentence in sentences))
        assert "".join(Phonemiser().espeak(text, "en-us")) == joined


def test_nothing_is_kept_of_what_was_said() -> None:
    """A server that speaks for months holds no more than one that spoke for a day."""
    phonemiser = Phonemiser()

    def kept(times: int) -> int:
        """Return how many objects there are more after saying so many sentences."""
        gc.collect()
        before = sys.getallocatedblocks()
        for number in range(times):
            phonemiser.espeak(f"Câu số {number}, xin chào. Hello!", "vi")
        gc.collect()
        return sys.getallocatedblocks() - before

    kept(100)  # what is made once
    assert kept(2000) < 200


SENTENCES = """
from tests.support.heap import libc
from vits_tts.text.phonemise import Phonemiser

phonemiser = Phonemiser()
for times in (100, 2000):
    before = libc().mallinfo2().uordblks
    for number in range(times):
        phonemiser.espeak(f"Câu số {number}, xin chào. Hello!", "vi")
print(libc().mallinfo2().uordblks - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_espeak_keeps_nothing_either() -> None:
    """What it takes of the heap does not grow with the sentences."""
    told = subprocess.run(
        [sys.executable, "-c", SENTENCES], check=True, capture_output=True, text=True
    )
    assert int(told.stdout) < 200_000  # a hundred bytes a sentence


def test_sentences_do_not_depend_on_those_before() -> None:
    """Nor on the language of the one before; a voice that is not there changes nothing."""
    phonemiser = Phonemiser()
    texts = [
        "Xin chào các bạn.", "Facebook và YouTube, okay?", "北京 và Привет!", "Hello (world)",
        "một hai, ba", "", "ŋ ʔ", "ĐHQG 12 abc...",
    ]  # fmt: skip
    apart = []
    for text in texts:
        phonemiser.espeak("another one", "en-us")
        apart.append(phonemiser.espeak(text, "vi"))
    for _ in range(2):
        assert [phonemiser.espeak(text, "vi") for text in texts] == apart
    with pytest.raises(RuntimeError):
        phonemiser.espeak("xin chào", "no-such-voice")
    assert [phonemiser.espeak(text, "vi") for text in texts] == apart


@pytest.fixture(scope="module")
def spoken() -> dict[str, list[str]]:
    """Every valid syllable and its phonemes."""
    phonemiser = Phonemiser()
    return {syllable: phonemiser.espeak(syllable, "vi") for syllable in all_syllables()}


@pytest.fixture(scope="module")
def heard(spoken: dict[str, list[str]]) -> dict[str, str]:
    """Every valid syllable and its phonemes, stress left out."""
    return {
        syllable: re.sub("[ˈˌ]", "", "".join(phonemes)) for syllable, phonemes in spoken.items()
    }


def test_the_voice_knows_every_phoneme(spoken: dict[str, list[str]]) -> None:
    """No valid syllable has a phoneme that the voice has no id for."""
    voice = manifest.read(catalogue.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx")
    for syllable, phonemes in spoken.items():
        assert voice.phoneme_ids(phonemes)[1] == set(), syllable


def test_every_syllable_sounds_as_it_is_built(heard: dict[str, str]) -> None:
    """An onset, a rhyme and a tone sound the same in whatever syllable they stand."""
    tails: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    spoken = []
    for base, (onset, rhyme) in BASES.items():
        first = "z" if onset == "g" and rhyme[0] == "i" else ONSETS[onset]
        for tone, sign in zip(TONES, TONE_SIGNS, strict=True):
            syllable = toned(base, onset, tone)
            if syllable not in heard or base in WRITTEN_TWO_WAYS or base[:3] == "gia":
                continue
            sounds = heard[syllable]
            assert sounds.startswith(first), (syllable, sounds)
            assert sounds.count(sign) == 1 or not sign, (syllable, sounds)
            key = ("qu" * (onset == "qu") + rhyme, tone)
            tail = sounds.removeprefix(first)
            tails[key][tail] += 1
            spoken.append((syllable, key, tail))
    wrong = [(word, tail) for word, key, tail in spoken if tails[key].most_common(1)[0][0] != tail]
    assert not wrong


@pytest.mark.parametrize(
    ("one", "other"),
    [("hòa", "hoà"), ("thúy", "thuý"), ("khỏe", "khoẻ"), ("họa", "hoạ"), ("ủy", "uỷ")],
)
def test_both_places_of_a_tone_sound_the_same(one: str, other: str) -> None:
    """Old and new tone placement are one word."""
    assert Phonemiser().espeak(one, "vi") == Phonemiser().espeak(other, "vi")


def test_distinct_syllables_differ(heard: dict[str, str]) -> None:
    """Two rhymes or tones that sound different in Hà Nội do not come out as one."""
    northern = {
        frozenset(pair)
        for pair in (["ong", "oong"], ["iu", "ưu"], ["i", "y"], ["oc", "ooc"], ["uyn", "uynh"])
    }
    for tone in TONES:
        rhymes: defaultdict[str, set[str]] = defaultdict(set)
        for rhyme in syllables.RHYMES:
            syllable = toned(f"l{rhyme}", "l", tone)
            if syllable in heard:
                rhymes[heard[syllable]].add(rhyme)
        merged = {frozenset(same) for same in rhymes.values() if len(same) > 1}
        assert merged <= northern


@pytest.mark.parametrize("word", ["nghiêng", "khuỷu", "quốc", "giếng", "gì", "oan", "yêu", "ỷ"])
def test_syllables(word: str) -> None:
    """What is a Vietnamese syllable is known as one."""
    assert is_syllable(word)


@pytest.mark.parametrize(
    "word", ["facebook", "hòaa", "gê", "cê", "bìng", "tắp̀", "", "mạcc", "là̀"]
)
def test_no_syllables(word: str) -> None:
    """What is none is not."""
    assert not is_syllable(word)
