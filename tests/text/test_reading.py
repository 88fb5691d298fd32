"""Reading: the cases, the promises that hold for any text, and what the settings change."""

import re
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.reading import accepts, cases, plain
from vits_tts.text import abbreviations, lexicon
from vits_tts.text.aligned import Text
from vits_tts.text.lexicon import Lexicon
from vits_tts.text.normalise import Normaliser
from vits_tts.text.split import MAX_CHARS, split
from vits_tts.text.syllables import is_syllable

NORTH = Normaliser()
SOUTH = Normaliser("south")
CASES = list(cases())
CATEGORIES = list(dict.fromkeys(case.category for case in CASES))
WRITTEN = st.text(
    st.sampled_from(
        "0123456789.,:;/-–()%$€đkmghKMVIXQTP'\"“”+=<>&@#*_~^°²½ \n\taăâeêioôơuưyệốẻ😀👍中Н"
    )
)


@pytest.mark.parametrize("category", CATEGORIES)
def test_cases(category: str) -> None:
    """They are read in one of the ways that readers read them."""
    said = {case: NORTH(case.written).spoken for case in CASES if case.category == category}
    assert [pair for pair in said.items() if not accepts(*pair)] == []


def test_there_are_many_cases() -> None:
    """At least 500 in at least 15 categories."""
    assert len(set(CASES)) >= 500
    assert len(CATEGORIES) >= 15


@pytest.mark.parametrize("category", CATEGORIES)
def test_everything_can_be_said(category: str) -> None:
    """Only Vietnamese syllables and marks are left, and reading them again changes nothing."""
    for case in (case for case in CASES if case.category == category):
        said = NORTH(case.written).spoken
        assert [word for word in re.findall(r"[^\W_]+", said) if not is_syllable(word)] == []
        assert NORTH(said).spoken == said


@pytest.mark.parametrize(
    ("written", "north", "south"),
    [
        ("105", "một trăm linh năm", "một trăm lẻ năm"),
        ("24.000", "hai mươi tư nghìn", "hai mươi bốn ngàn"),
        ("35k", "ba mươi lăm nghìn", "ba mươi lăm ngàn"),
        ("số 12/3A", "số mười hai trên ba a", "số mười hai xẹt ba a"),
    ],
)
def test_regions(written: str, north: str, south: str) -> None:
    """North and South say numbers in their own words."""
    assert NORTH(written).spoken == north
    assert SOUTH(written).spoken == south


@pytest.mark.parametrize(("emoji", "said"), [("drop", "vui quá"), ("read", "vui quá, lửa")])
def test_emoji(emoji: str, said: str) -> None:
    """They are dropped, or read when set."""
    assert plain(Normaliser("north", emoji)("Vui quá 🔥").spoken) == plain(said)  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=[]), max_size=60))
@example("\ud800")
@example("İ" * 9)
@settings(max_examples=300, deadline=None)
def test_any_string_is_read(written: str) -> None:
    """It never raises, whatever the string, and says the same each time."""
    said = NORTH(written)
    assert said == NORTH(written)
    said.spoken.encode()
    assert not re.search(r"[\d_]", said.spoken)


@given(WRITTEN)
@settings(max_examples=300, deadline=None)
def test_what_was_said_stays(written: str) -> None:
    """Reading again what was spelled out changes nothing."""
    said = NORTH(written).spoken
    assert NORTH(said).spoken == said


@given(st.lists(st.sampled_from([case.written for case in CASES]), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_offsets(parts: list[str]) -> None:
    """Every stretch knows its place: in order, inside the text, and itself where not rewritten."""
    written = "\n".join(parts)
    text = NORTH(written)
    end = 0
    spoken = ""
    for stretch in text.stretches(0, len(text.spoken)):
        assert end <= stretch.start <= stretch.end <= len(written)
        end = stretch.start
        spoken += stretch.spoken
    assert spoken == text.spoken


def test_offsets_of_words() -> None:
    """A word that was rewritten by several steps still points at what was written."""
    written = "Giá $1,5 tỷ tại TP.HCM (Việt Nam)."
    text = NORTH(written)
    place = text.spoken.index("một phẩy năm tỷ đô la")
    start, end = text.source(place, place + len("một phẩy năm tỷ đô la"))
    assert written[start:end] == "$1,5 tỷ"
    place = text.spoken.index("thành phố hồ chí minh")
    start, end = text.source(place, place + len("thành phố hồ chí minh"))
    assert written[start:end] == "TP.HCM"
    place = text.spoken.index("việt nam")
    assert text.source(place, place + 8) == (24, 32)


@given(
    st.text("ab", min_size=1, max_size=12),
    st.lists(st.lists(st.tuples(st.integers(0, 12), st.text("xy", max_size=3)), max_size=4)),
)
def test_alignment_survives_any_edits(source: str, rounds: list[list[tuple[int, str]]]) -> None:
    """Whatever is rewritten however often, stretches cover the spoken text, left to right."""
    text = Text(source)
    for edits in rounds:
        places = sorted({min(place, len(text.spoken)) for place, _ in edits})
        ends = [*places[1:], len(text.spoken)]
        said = [words for _, words in edits]
        text = text.rewritten(
            (start, min(end, start + 2), words)
            for start, end, words in zip(places, ends, said, strict=False)
        )
    stretches = list(text.stretches(0, len(text.spoken)))
    assert "".join(stretch.spoken for stretch in stretches) == text.spoken
    assert all(0 <= stretch.start <= stretch.end <= len(source) for stretch in stretches)
    assert [stretch.start for stretch in stretches] == sorted(s.start for s in stretches)


ORDINARY = (
    "Ngày 20/11/2024, ông Nguyễn Văn A (35 tuổi) mua 3,5 kg cam giá 35k/kg ở TP.HCM lúc 8h30. "
)
HOSTILE = [
    *"a1-<[*_`&|#@/:\"“'( \n đ²😀КV$q~^",
    *["1.", "1,", "1.111", "1-", "<a ", "<!--", "[](", "**a", "&amp", "a@", "a.", "A.", "1/", "1:"],
    *[
        "...",
        "\n\n",
        "XVI",
        "TP.",
        "0 9",
        "http://",
        "a-",
        "\u0301",
        "aК",
        "ạ",
        "ngày ",
        "1h",
        "$1",
    ],
    *[
        "thứ 2, 3, ",
        "khu I, ",
        "(23', ",
        "B1/",
        "số - ",
        "5 tỷ - ",
        "nghiêng",
        "ă",
        "9704 1234 ",
        "j ",
    ],
    *["km/", "5 km/h/", "x ", "1 x ", "= ", "\u200b", "-a-", "A&", "15/2023/NĐ-", "v.v.", "1h30-"],
]


@pytest.mark.parametrize("piece", [ORDINARY, *HOSTILE])
def test_work_grows_with_the_length(piece: str) -> None:
    """Twice the text takes about twice the time, on ordinary and on hostile input."""

    def seconds(length: int) -> float:
        written = (piece * (length // len(piece) + 1))[:length]
        start = time.thread_time()
        split(NORTH(written))
        return time.thread_time() - start

    seconds(1000)
    short = min(seconds(2500) for _ in range(3))
    # Four times the length; a quadratic step would take sixteen times as long, however often tried.
    assert any(seconds(10_000) < 10 * short + 0.05 for _ in range(3))


def test_lexicon_speaks_vietnamese() -> None:
    """Every reading in the package is made of syllables, so that nothing reads it again."""
    for word, said in lexicon.built_in().words:
        assert all(map(is_syllable, said.lower().split())), (word, said)
    for word, said in abbreviations.load().words.items():
        assert all(map(is_syllable, said.lower().split())), (word, said)


def test_lexicon_of_a_request() -> None:
    """Words of a request come first: whole words only, whatever their case."""
    words = Lexicon.of({"Zalo": "lô da", "AK": "anh ca"})
    assert NORTH("Gọi ZALO, zalos", words).spoken.startswith("gọi lô da, da")
    assert NORTH("AK ak", words).spoken == "anh ca a ca"
    assert NORTH("Zalo").spoken == "da lô"


@pytest.mark.parametrize(
    "broken", [{"a": 1}, {1: "a"}, {"": "a"}, {"...": "a"}, {"/(/": "a"}, {"/a/": r"\9"}]
)
def test_broken_lexicons(broken: dict[object, object]) -> None:
    """What cannot be used is refused with a reason."""
    with pytest.raises(lexicon.LexiconInvalid, match=r"\S"):
        Lexicon.of(broken)


def test_patterns_are_for_files() -> None:
    """A request brings words, no regular expressions."""
    with pytest.raises(lexicon.LexiconInvalid, match="patterns"):
        Lexicon.of({"/a+/": "a"}, patterns=False)


def test_lexicon_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed file counts at once; a broken one leaves the last good one."""
    monkeypatch.setattr(lexicon, "_LOOK_EVERY", 0.0)
    path = tmp_path / "words.yaml"
    path.write_text("Xyzt: xi\n/K(\\d+)/: khóa \\1\n", encoding="utf-8")
    read = Normaliser("north", "drop", (path,))
    assert read("xyzt K65").spoken == "xi khóa sáu mươi lăm"
    before = read.edition
    path.write_text("xyzt: xa lạ\n", encoding="utf-8")
    assert read("xyzt").spoken == "xa lạ"
    assert read.edition != before
    path.write_text("- [broken", encoding="utf-8")
    assert read("xyzt").spoken == "xa lạ"
    path.unlink()
    assert read("xyzt").spoken == "xa lạ"


def sentences(written: str) -> list[str]:
    """Return the sentences of a text."""
    return [sentence.text for sentence in split(NORTH(written))]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Một. Hai! Ba? Bốn… Năm", ["một.", "hai!", "ba?", "bốn.", "năm"]),
        ("Thật à?! Ừ... thôi.", ["thật à?", "ừ, thôi."]),
        ("Ở TP. Hồ Chí Minh. Hết.", ["ở thành phố hồ chí minh.", "hết."]),
        ("GS.TS. Lê Văn An nói. Hết.", ["giáo sư tiến sĩ lê văn an nói.", "hết."]),
        ("J. K. Rowling viết. Hết.", ["gi ca rao linh viết.", "hết."]),
        ('Anh nói: "Đi thôi. Nhanh lên." Rồi đi.', ['anh nói: "đi thôi. nhanh lên."', "rồi đi."]),
        ("“Ai đó? Ra đây!” Im lặng.", ["“ai đó? ra đây!”", "im lặng."]),
        ('Một " dấu lẻ. Hai.', ['một " dấu lẻ.', "hai."]),
        ("Xem vnexpress.net nhé. Ừ.", ["xem vê nờ ích pờ rét chấm nét nhé.", "ừ."]),
        ("1. Mở máy\n2. Tắt máy", ["một, mở máy.", "hai, tắt máy"]),
        ("- Cam\n- Táo", ["cam.", "táo"]),
        ("Mua:\n- cam\n- táo", ["mua:", "cam.", "táo"]),
        ("Kết quả\nĐà Nẵng thắng", ["kết quả.", "đà nẵng thắng"]),
        (
            "Th.S. Lan, tr. 5, v.v. đều có. Hết.",
            ["thạc sĩ lan, trang năm, vân vân đều có.", "hết."],
        ),
        ("Tiêu đề\n\nĐoạn một. ... !!! Hai.", ["tiêu đề.", "đoạn một!", "hai."]),
        ("Dòng này dài quá nên\nxuống dòng.", ["dòng này dài quá nên xuống dòng."]),
        ("...", []),
        ("", []),
    ],
)
def test_split(written: str, expected: list[str]) -> None:
    """Sentences end where a reader pauses, and nowhere else."""
    assert sentences(written) == expected


def test_pauses_and_places() -> None:
    """After a sentence, after a paragraph, never after the last; each knows where it was."""
    written = "Anh đi. Em về.\nHết.\n\nÔng 5."
    parts = split(NORTH(written), 0.2, 0.5)
    assert [part.pause for part in parts] == [0.2, 0.2, 0.5, 0.0]
    places = [written[part.start : part.end] for part in parts]
    assert places == ["Anh đi.", "Em về.", "Hết.", "Ông 5."]


@given(st.text("ab, .;\n", max_size=2000))
@settings(max_examples=50, deadline=None)
def test_pieces_are_short_and_complete(written: str) -> None:
    """No sentence is too long, every word is in one, and none is lost or said twice."""
    text = NORTH(written)
    parts = split(text)
    assert all(0 < len(part.text) <= MAX_CHARS for part in parts)
    letters = "".join(part.text for part in parts)
    assert [c for c in letters if c.isalpha()] == [c for c in text.spoken if c.isalpha()]


@pytest.mark.parametrize("joint", [", ", " và ", " "])
def test_long_sentences_are_cut_evenly(joint: str) -> None:
    """A sentence that is too long is cut into pieces of nearly one length, without pauses."""
    parts = split(NORTH(joint.join(["một hai ba bốn năm sáu bảy"] * 20) + "."), 0.3)
    assert len(parts) > 2
    assert {part.pause for part in parts} == {0.0}
    lengths = [len(part.text) for part in parts]
    assert max(lengths) < 2 * min(lengths)


def test_endless_words_are_read_in_syllables() -> None:
    """However long a word is, nothing longer than a syllable is left for the voice."""
    for word in ("nghiêng", "ă", "x", "B"):
        assert max(map(len, NORTH(word * 5000).spoken.split())) <= len("nghiêng")


def test_one_endless_word_is_cut() -> None:
    """A word that has no end is cut all the same."""
    assert all(0 < len(part.text) <= MAX_CHARS for part in split(Text("a" * 500)))


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_forms_are_one(form: str) -> None:
    """However it is composed, a text is read the same."""
    written = unicodedata.normalize(form, "Tiếng Việt giàu và đẹp")  # type: ignore[arg-type]
    assert NORTH(written).spoken == "tiếng việt giàu và đẹp"
