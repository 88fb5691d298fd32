"""Phonemes: one espeak-ng for all threads, and the right sound of every syllable."""

import gc
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.reading import cases
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.text import syllables
from vits_tts.text.phonemes import espeak
from vits_tts.text.phonemes.espeak import Phonemizer
from vits_tts.text.syllables import BASES, TONES, all_syllables, is_syllable, toned
from vits_tts.voice import installed, manifest

TONE_SIGNS = ("", "2", "ɜ", "4", "5", "6")
ONSETS = {
    "": "", "b": "b", "c": "k", "k": "k", "ch": "tʃ", "d": "z", "đ": "ɗ", "g": "ɣ", "gh": "ɣ",
    "gi": "z", "h": "h", "kh": "x", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ngh": "ŋ", "nh": "ɲ",
    "p": "p", "ph": "f", "qu": "kw", "r": "z", "s": "s", "t": "t̪", "th": "t", "tr": "tʃ", "v": "v",
    "x": "s",
}  # fmt: skip
WRITTEN_TWO_WAYS = {"gia", "gi", "giêng", "giêt", "giua", "quôc"}
"""Bases whose i belongs to both the onset and the rhyme, so that no other syllable rhymes."""


def test_phonemisers_share_one_espeak() -> None:
    """Phonemisers in many threads share one locked espeak-ng and get correct results."""
    texts = ["Xin chào các bạn.", "Hôm nay trời đẹp quá!", "Một hai ba, bốn năm."] * 40
    expected = [Phonemizer().espeak(text, "vi") for text in texts]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda text: Phonemizer().espeak(text, "vi"), texts)) == expected


def test_phonemes() -> None:
    """Tones are present, clauses are joined, and language marks are not spoken."""
    phonemiser = Phonemizer()
    assert "".join(phonemiser.espeak("Xin chào.", "vi")) == "sˈin tʃˈaː2w."
    assert "".join(phonemiser.espeak("má, mà. mả", "vi")).count(" ") == 2
    assert "(" not in "".join(phonemiser.espeak("Hello bạn", "vi"))
    assert phonemiser.codepoints("\u1ebf") == ["e", "\u0302", "\u0301"]


def test_as_piper_phonemises() -> None:
    """A sentence has the phonemes of piper-tts with its marks, decomposed."""
    texts = [
        "Hello world, this: is; a test!",
        "Dr. Smith went (quickly) home",
        "Déjà vu? No. 12 %",
        "...",
    ]
    story = "import sys, json; from piper.phonemize_espeak import EspeakPhonemizer as E; e = E();"
    story += "print(json.dumps([e.phonemize('en-us', text) for text in json.loads(sys.argv[1])]))"
    # in a separate process, since espeak-ng breaks when it is initialised twice
    told = subprocess.run(
        [sys.executable, "-c", story, json.dumps(texts)], check=True, capture_output=True
    )
    for text, sentences in zip(texts, json.loads(told.stdout), strict=True):
        joined = re.sub(" +", " ", " ".join("".join(sentence) for sentence in sentences))
        assert "".join(Phonemizer().espeak(text, "en-us")) == joined


BRIDGED = """
import sys, json
from piper import espeakbridge
from piper.phonemize_espeak import ESPEAK_DATA_DIR
espeakbridge.initialize(str(ESPEAK_DATA_DIR))
espeakbridge.set_voice("vi")
print(json.dumps([espeakbridge.get_phonemes(text) for text in json.load(sys.stdin)]))
"""


def test_clauses_are_those_of_the_bridge() -> None:
    """Every test case has the clauses, marks and ends that piper-tts's own bridge returns."""
    written = [case.written for case in cases()]
    written += ["", " ", "a: b; c, d? e! f... g — h", "Xin chào.\nBạn", "..."]
    told = subprocess.run(
        [sys.executable, "-c", BRIDGED],
        input=json.dumps(written).encode(),
        check=True,
        capture_output=True,
    )
    bridged = [[tuple(clause) for clause in clauses] for clauses in json.loads(told.stdout)]
    assert [espeak._ESPEAK.clauses(text, "vi") for text in written] == bridged


@pytest.mark.slow
def test_nothing_is_kept_of_what_was_said() -> None:
    """Memory does not grow with the number of sentences."""
    phonemiser = Phonemizer()

    def kept(times: int) -> int:
        """Return how many more objects exist after speaking ``sentences`` sentences."""
        gc.collect()
        before = sys.getallocatedblocks()
        for number in range(times):
            phonemiser.espeak(f"Câu số {number}, xin chào. Hello!", "vi")
        gc.collect()
        return sys.getallocatedblocks() - before

    kept(100)  # objects that are made once
    assert kept(2000) < 200


SENTENCES = """
from tests.support.heap import libc
from vits_tts.text.phonemes.espeak import Phonemizer

phonemiser = Phonemizer()
for times in (100, 2000):
    before = libc().mallinfo2().uordblks
    for number in range(times):
        phonemiser.espeak(f"Câu số {number}, xin chào. Hello!", "vi")
print(libc().mallinfo2().uordblks - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_espeak_keeps_nothing_either() -> None:
    """The memory of espeak-ng does not grow with the number of sentences."""
    told = subprocess.run(
        [sys.executable, "-c", SENTENCES], check=True, capture_output=True, text=True
    )
    assert int(told.stdout) < 200_000  # a hundred bytes a sentence


def test_sentences_do_not_depend_on_those_before() -> None:
    """A sentence does not depend on the one before, nor on its language.

    A voice that does not exist changes nothing.
    """
    phonemiser = Phonemizer()
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
    """Return every valid syllable and its phonemes."""
    phonemiser = Phonemizer()
    return {syllable: phonemiser.espeak(syllable, "vi") for syllable in all_syllables()}


@pytest.fixture(scope="module")
def heard(spoken: dict[str, list[str]]) -> dict[str, str]:
    """Return every valid syllable and its phonemes, without stress."""
    return {
        syllable: re.sub("[ˈˌ]", "", "".join(phonemes)) for syllable, phonemes in spoken.items()
    }


def test_the_voice_knows_every_phoneme(spoken: dict[str, list[str]]) -> None:
    """The voice has an id for every phoneme of every valid syllable."""
    voice = manifest.read(installed.EMBEDDED_FOLDER / f"{EMBEDDED_VOICE}.onnx")
    for syllable, phonemes in spoken.items():
        assert voice.phoneme_ids(phonemes)[1] == set(), syllable


def test_every_syllable_sounds_as_it_is_built(heard: dict[str, str]) -> None:
    """An onset, a rhyme and a tone sound the same in every syllable."""
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
    assert Phonemizer().espeak(one, "vi") == Phonemizer().espeak(other, "vi")


def test_distinct_syllables_differ(heard: dict[str, str]) -> None:
    """Rhymes and tones that differ in Hà Nội get different phonemes."""
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
    """Valid Vietnamese syllables are recognised."""
    assert is_syllable(word)


@pytest.mark.parametrize("word", ["facebook", "hòaa", "gê", "cê", "bìng", "tắp̀", "", "mạcc", "là̀"])
def test_no_syllables(word: str) -> None:
    """Other words are not recognised as syllables."""
    assert not is_syllable(word)
