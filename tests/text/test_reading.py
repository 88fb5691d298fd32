"""Reading: the test cases, properties that hold for any text, and the settings."""

import gc
import re
import time
import tracemalloc
import unicodedata
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.reading import accepts, cases, plain, remembered
from vits_tts.errors import TextTooLong
from vits_tts.text.aligned import Text
from vits_tts.text.normalizer import abbreviations, lexicon, restore
from vits_tts.text.normalizer.lexicon import Lexicon
from vits_tts.text.normalizer.pipeline import Normalizer, check
from vits_tts.text.normalizer.slips import ranks
from vits_tts.text.split import MAX_CHARS, split
from vits_tts.text.syllables import is_syllable

NORTH = Normalizer()
SOUTH = Normalizer("south")
CASES = list(cases())
CATEGORIES = list(dict.fromkeys(case.category for case in CASES))
WRITTEN = st.text(
    st.sampled_from(
        "0123456789.,:;/-–()%$€đkmghKMVIXQTP'\"“”+=<>&@#*_~^°²½ \n\taăâeêioôơuưyệốẻ😀👍中Н"
    )
)


@pytest.mark.parametrize("category", CATEGORIES)
def test_cases(category: str) -> None:
    """Each case gets one of its accepted readings."""
    said = {case: remembered(case.written).spoken for case in CASES if case.category == category}
    assert [pair for pair in said.items() if not accepts(*pair)] == []


@pytest.mark.parametrize("space", ["\t", "\n", "\x0b", "\x0c", "\r", "\x85", "\u2028", "\u3000"])
def test_white_space_of_unicode_is_read_as_space(space: str) -> None:
    """All white space of Unicode separates words; no text is refused because of it."""
    text = f"xin{space}chào"
    check(text, 100)
    assert plain(NORTH(text).spoken) == "xin chào"


@pytest.mark.parametrize("symbol", [r"\sqrt ", r"\frac", r"\hat ", r"\sqrt{", "√", "(", "|a|^{"])
def test_deep_formulae(symbol: str) -> None:
    """A formula whose operands are nested a thousand times is read without an error."""
    assert "tính" in NORTH(f"Tính ${symbol * 1000}2$ nhé").spoken
    assert "tính" in NORTH(f"Tính x + {symbol * 1000}2 = 4").spoken


def test_there_are_many_cases() -> None:
    """There are at least 500 cases in at least 15 categories."""
    assert len(set(CASES)) >= 500
    assert len(CATEGORIES) >= 15


@pytest.mark.parametrize("category", CATEGORIES)
def test_everything_can_be_said(category: str) -> None:
    """Only Vietnamese syllables and marks are left, and reading them again changes nothing."""
    for case in (case for case in CASES if case.category == category):
        said = remembered(case.written).spoken
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
    """Emoji are dropped, or read if the settings say so."""
    assert plain(Normalizer("north", emoji)("Vui quá 🔥").spoken) == plain(said)  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=[]), max_size=60))
@example("\ud800")
@example("İ" * 9)
@example("âaa")
@settings(max_examples=300, deadline=None)
def test_any_string_is_read(written: str) -> None:
    """Any string is read without an exception, and the same each time."""
    said = NORTH(written)
    assert said == NORTH(written)
    said.spoken.encode()
    assert not re.search(r"[\d_]", said.spoken)


@given(WRITTEN)
@example("aơI")
@example("a-ơi")
@example("ôệeơi")
@example("e0")
@example("âđy")
@example("Adi")
@example("Edi")
@example("echờ")
@example("0Poe")
@example("aIhoM")
@settings(max_examples=300, deadline=None)
def test_what_was_said_stays(written: str) -> None:
    """Reading a result again changes nothing."""
    said = NORTH(written).spoken
    assert NORTH(said).spoken == said


@given(st.lists(st.sampled_from([case.written for case in CASES]), min_size=1, max_size=5))
@example(["chuyen khoan cho LE THI HOA tien nha nhe,", "cảm ơn bạn"])
@settings(max_examples=100, deadline=None)
def test_offsets(parts: list[str]) -> None:
    """Stretches are in order and inside the text, and equal the source where not rewritten."""
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
    """A word that was rewritten by several steps still refers to its source."""
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
    """After any edits, the stretches cover the spoken text from left to right."""
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
    *[
        "$x$",
        "\\frac{",
        "=a",
        "aA",
        "k ",
        "*1",
        "(IV)",
        "x^",
        "H2",
        "ko ",
        "thanhpho",
        "So du ",
        "|a",
    ],
    *["the ", "NaCl+", "[1]", "\\n", "a' ", "1t-", "iu0", "Ba(", "đẹppp", "x = ", "TT. "],
    *["km/", "5 km/h/", "x ", "1 x ", "= ", "\u200b", "-a-", "A&", "15/2023/NĐ-", "v.v.", "1h30-"],
]


@pytest.mark.slow
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
    # Four times the length; a quadratic step would take sixteen times as long in each attempt.
    assert any(seconds(10_000) < 10 * short + 0.05 for _ in range(3))


def test_stock_phrases_are_known_syllables() -> None:
    """Each syllable of a stock phrase is one that the restoration of marks knows."""
    phrases = [phrase for same in restore._stock_phrases().values() for phrase in same]
    assert len(phrases) >= 500
    for phrase in phrases:
        assert all(syllable.lower() in ranks() for syllable in phrase), phrase


def test_lexicon_speaks_vietnamese() -> None:
    """Every reading in the package consists of syllables, so it is not rewritten again."""
    for word, said in lexicon.built_in().words:
        assert all(map(is_syllable, said.lower().split())), (word, said)
    for word, said in abbreviations.load().words.items():
        assert all(map(is_syllable, said.lower().split())), (word, said)


def test_lexicon_of_a_request() -> None:
    """Words of a request take precedence: whole words only, in any case."""
    words = Lexicon.of({"Zalo": "lô da", "AK": "anh ca"})
    assert NORTH("Gọi ZALO, zalos", words).spoken.startswith("gọi lô da, da")
    assert NORTH("AK ak", words).spoken == "anh ca a ca"
    assert NORTH("Zalo").spoken == "da lô"


def test_lexicon_in_another_unicode_form() -> None:
    """A word counts however its marks are encoded, as in files that were written on a Mac."""
    for form in ("NFC", "NFD"):
        words = Lexicon.of({unicodedata.normalize(form, "Thuế"): "lô da"})
        for text in ("NFC", "NFD"):
            assert NORTH(unicodedata.normalize(text, "Thuế nhà"), words).spoken == "lô da nhà"


@pytest.mark.parametrize(
    "broken", [{"a": 1}, {1: "a"}, {"": "a"}, {"...": "a"}, {"/(/": "a"}, {"/a/": r"\9"}]
)
def test_broken_lexicons(broken: dict[object, object]) -> None:
    """An invalid lexicon is refused with a reason."""
    with pytest.raises(lexicon.LexiconInvalid, match=r"\S"):
        Lexicon.of(broken)


def test_patterns_are_for_files() -> None:
    """A request's lexicon has words, but no regular expressions."""
    with pytest.raises(lexicon.LexiconInvalid, match="patterns"):
        Lexicon.of({"/a+/": "a"}, patterns=False)


def test_lexicon_file_is_read_again(tmp_path: Path) -> None:
    """A changed file is used when it was checked; a broken one leaves the last good one in use."""
    path = tmp_path / "words.yaml"
    path.write_text("Xyzt: xi\n/K(\\d+)/: khóa \\1\n", encoding="utf-8")
    read = Normalizer("north", "drop", (path,))
    assert read("xyzt K65").spoken == "xi khóa sáu mươi lăm"
    before = read.edition
    path.write_text("xyzt: xa lạ\n", encoding="utf-8")
    read.refresh()
    assert read("xyzt").spoken == "xa lạ"
    assert read.edition != before
    path.write_text("- [broken", encoding="utf-8")
    read.refresh()
    assert read("xyzt").spoken == "xa lạ"
    path.unlink()
    read.refresh()
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


def test_a_score_of_tens_is_no_single_number() -> None:
    """A pause keeps the numbers of 10-9 apart, which would be heard as 19."""
    assert NORTH("Thắng 10-9.").spoken == "thắng mười, chín."
    assert NORTH("Thắng 3-1.").spoken == "thắng ba một."


def test_pauses_and_places() -> None:
    """Pauses follow sentences and paragraphs, but not the last one; each has its place."""
    written = "Anh đi. Em về.\nHết.\n\nÔng 5."
    parts = split(NORTH(written), 0.2, 0.5)
    assert [part.pause for part in parts] == [0.2, 0.2, 0.5, 0.0]
    places = [written[part.start : part.end] for part in parts]
    assert places == ["Anh đi.", "Em về.", "Hết.", "Ông 5."]


@given(st.text("ab, .;\n", max_size=2000))
@settings(max_examples=50, deadline=None)
def test_pieces_are_short_and_complete(written: str) -> None:
    """No sentence is too long; each word is in exactly one."""
    text = NORTH(written)
    parts = split(text)
    assert all(0 < len(part.text) <= MAX_CHARS for part in parts)
    letters = "".join(part.text for part in parts)
    assert [c for c in letters if c.isalpha()] == [c for c in text.spoken if c.isalpha()]


@pytest.mark.parametrize("joint", [", ", " và ", " "])
def test_long_sentences_are_cut_evenly(joint: str) -> None:
    """A sentence that is too long is split into parts of similar length, without pauses."""
    parts = split(NORTH(joint.join(["một hai ba bốn năm sáu bảy"] * 20) + "."), 0.3)
    assert len(parts) > 2
    assert {part.pause for part in parts} == {0.0}
    lengths = [len(part.text) for part in parts]
    assert max(lengths) < 2 * min(lengths)


def test_endless_words_are_read_in_syllables() -> None:
    """However long a word is, the voice gets no part longer than a syllable."""
    for word in ("nghiêng", "ă", "x", "B"):
        assert max(map(len, NORTH(word * 5000).spoken.split())) <= len("nghiêng")


def test_one_endless_word_is_cut() -> None:
    """A word without spaces is split even if it is endless."""
    assert all(0 < len(part.text) <= MAX_CHARS for part in split(Text("a" * 500)))


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_forms_are_one(form: str) -> None:
    """All Unicode forms of a text are read the same."""
    written = unicodedata.normalize(form, "Tiếng Việt giàu và đẹp")  # type: ignore[arg-type]
    assert NORTH(written).spoken == "tiếng việt giàu và đẹp"


def test_a_lexicon_of_words_that_begin_alike() -> None:
    """A place of the text is compared with few words of a lexicon, not with a thousand others."""
    readings: dict[object, object] = {f"a {number}": f"b{number}" for number in range(1000)}
    words = Lexicon.of(readings | {"a 7 c": "d"})
    candidates = words._index.at("a 77 a", 0, "a")
    assert list(candidates) == [("a 77", "b77"), ("a 7", "b7")]
    assert words(Text("a 77, a 7 c, A 8")).spoken == "b77, d, b8"


def test_a_lexicon_of_one_word_in_many_cases() -> None:
    """Words that differ only by case are one candidate at a place, and the first one counts."""
    both = zip("bcdefghijk", "BCDEFGHIJK", strict=True)
    variants = ["".join(letters) for letters in product(*both)]
    readings: dict[object, object] = {f"a {word}": f"x{n}" for n, word in enumerate(variants)}
    words = Lexicon.of(readings)
    candidates = list(words._index.at("a bcdefghijk", 0, "a"))
    assert candidates == [("a bcdefghijk", "x0")]
    assert words(Text("a BCdefghijk, a bcdefghijkx")).spoken == "x0, a bcdefghijkx"
    assert Lexicon.of({"AI": "y", "ai": "x"})(Text("AI ai")).spoken == "y x"
    assert Lexicon.of({"ai": "x", "AI": "y"})(Text("AI ai")).spoken == "x x"


def test_the_limit_holds_to_the_last_step() -> None:
    """The limit also holds for the last step, which makes letters small."""
    for written in ("a(b" * 100, "a.b" * 300, "a!b" * 100, "A)b" * 50):
        spoken = len(NORTH(written).spoken)
        assert len(NORTH(written, max_chars=spoken).spoken) == spoken
        with pytest.raises(TextTooLong):
            NORTH(written, max_chars=spoken - 1)


def test_an_endless_word_takes_little_memory() -> None:
    """The memory for each place of a word does not grow with the word."""
    NORTH("đơ" * 50)  # fills the permanent caches
    tracemalloc.start()
    try:
        NORTH("đ" * 8000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 * 1024 * 1024


def test_no_more_is_spoken_than_allowed() -> None:
    """The limit applies to the spoken text, for all reasons why it may become long."""
    reading: dict[object, object] = {"a": ("mưa " * 50).strip()}
    words = Lexicon.of(reading)
    assert len(NORTH("a a", words, 399).spoken) == 399
    for written in ("a a a", "0" * 200, "12345 " * 30, "AAAAA" * 30):
        with pytest.raises(TextTooLong):
            NORTH(written, words, 398)


def test_a_large_lexicon_is_little_to_look_through_for_the_collector() -> None:
    """Words of a lexicon add no objects that the garbage collector visits.

    Each of its passes stops all threads.
    """
    words = Lexicon.of({f"tu{number}": "a" for number in range(1000)})
    gc.collect()
    before = len(gc.get_objects())
    assert words(Text("tu7")).spoken == "a"
    gc.collect()
    assert len(gc.get_objects()) - before < 50


def test_a_lexicon_is_read_with_rests(tmp_path: Path) -> None:
    """A changed file leaves time to other threads after each word, in each part of the work."""
    path = tmp_path / "words.yaml"
    path.write_text("".join(f"từ{number}: một\n" for number in range(100)), encoding="utf-8")
    rests: list[None] = []
    words = lexicon.read(path, lambda: rests.append(None))
    assert words == lexicon.read(path)
    assert len(rests) > 4 * len(words.words)  # two events, a check and a place for each
