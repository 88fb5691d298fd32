"""Chat, text without tone marks, formulae, and phrases of other languages."""

from importlib import resources

import pytest

from tests.support.reading import plain
from vits_tts.text.aligned import Text
from vits_tts.text.normalizer import abbreviations, contexts, cues, languages, restore, slips
from vits_tts.text.normalizer.foreign import said
from vits_tts.text.normalizer.letter_to_sound import pinyin
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.normalizer.restore import Restore
from vits_tts.text.normalizer.slips import ranks
from vits_tts.text.syllables import is_syllable

NORTH = Normalizer()


@pytest.mark.parametrize(
    ("how", "written", "read"),
    [
        ("off", "So du tai khoan", "So du tai khoan"),
        ("safe", "So du tai khoan cua quy khach", "Số dư tài khoản của quý khách"),
        ("always", "So du tai khoan cua quy khach", "Số dư tài khoản của quý khách"),
        ("safe", "The best way to learn", "The best way to learn"),
        ("safe", "Số dư của anh", "Số dư của anh"),
        ("safe", "May dung tot trong tam gia", "Máy dùng tốt trong tầm giá"),
        ("safe", "anh dang o dau day, bao gio ve", "anh đang ở đâu đấy, bao giờ về"),
        ("safe", "Cuoc thang 5 cua quy khach", "Cước tháng 5 của quý khách"),
        ("safe", "thằng bé duoc mua, rat vui", "thằng bé được mua, rất vui"),
    ],
)
def test_marks_are_restored(how: str, written: str, read: str) -> None:
    """Lines typed without marks get them as the setting says; English and marked ones stay."""
    assert Restore(how)(Text(written)).spoken == read  # type: ignore[arg-type]


def test_words_around_decide_which_marks_are_meant() -> None:
    """Pairs alone leave ``nha`` as it is; the words around tell that a house is meant."""
    line = "Ngan hang cho vay mua nha chi tu 6,5%/nam"
    assert Restore()(Text(line)).spoken == "Ngân hàng cho vay mua nhà chỉ từ 6,5%/năm"


def test_weights_of_words_around_are_a_whole_table() -> None:
    """The file has a check and a weight for each cell, and weights tell syllables apart."""
    data = resources.files("vits_tts.text").joinpath("data/contexts.bin").read_bytes()
    cells = int.from_bytes(data[:4], "little")
    assert len(data) == 4 + 2 * cells
    edge = [contexts.NOTHING] * contexts.REACH
    codes = [*edge, *map(contexts.code, ("so", "du", "tai", "khoan")), *edge]
    known = [ranks()[syllable] for syllable in ("số", "sổ", "sợ")]
    sums = contexts.sums(codes, contexts.REACH, known)
    assert max(sums) == sums[0]


def test_always_takes_the_likeliest() -> None:
    """``always`` restores the marks that ``safe`` leaves because it is not sure."""
    line = "xoai ngon tham goi"
    assert Restore("always")(Text(line)).spoken != line


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("north", "một trăm linh năm nghìn hai mươi tư"),
        ("central", "một trăm lẻ năm ngàn hai mươi tư"),
        ("south", "một trăm lẻ năm ngàn hai mươi bốn"),
    ],
)
def test_words_of_three_regions(region: str, said: str) -> None:
    """Each region says numbers in its own words."""
    read = Normalizer(region)  # type: ignore[arg-type]
    assert f"{read('105.000').spoken} {read('24').spoken}" == said


@pytest.mark.parametrize(
    ("written", "stretch", "spoken"),
    [
        ("Giải $x^2 = 4$ nhé", "$x^2 = 4$", "ích bình phương bằng bốn"),
        ("Bạn ko đi à", "ko", "không"),
        ("Mua 500 CP của VNM", "CP", "cổ phiếu"),
        ("Bấm *101# để xem", "*101#", "sao một không một thăng"),
        ("Chip i5-12400F mạnh", "i5-12400F", "ai năm mười hai nghìn bốn trăm ép"),
        ("So tien da duoc chuyen", "duoc", "được"),
        ("thànhphố đẹp", "thànhphố", "thành phố"),
        ("Hòa tan Mg(OH)2 vào", "Mg(OH)2", "mờ giê o hát hai lần"),
        ("Xem The Voice đi", "The", "đờ"),
        ("Thắng 2-1 sân nhà", "2-1", "hai một"),
    ],
)
def test_new_readings_know_their_place(written: str, stretch: str, spoken: str) -> None:
    """A reading refers to the exact characters of its source."""
    text = NORTH(written)
    place = text.spoken.index(spoken)
    start, end = text.source(place, place + len(spoken))
    assert written[start:end].strip() == stretch


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("nguời", "người"),
        ("truờng", "trường"),
        ("cũg", "cũng"),
        ("khuyếch", "khuếch"),
        ("xyz", ""),
    ],
)
def test_one_slip_is_mended(wrong: str, right: str) -> None:
    """A typing error with one likely correction is corrected; all other words stay."""
    assert slips.mend(wrong) == right


@pytest.mark.parametrize(
    ("word", "language", "reading"),
    [
        ("nakamura", "ja", "na ca mu ra"),
        ("müller", "de", "mi lơ"),
        ("bordeaux", "fr", "bô đô"),
        ("guadalajara", "es", "goa đa la ha ra"),
        ("giuseppe", "it", "giu xê pê"),
        ("medvedev", "ru", "mết vê đếp"),
        ("seong", "ko", "xâng"),
        ("zhang", "zh", "trang"),
        ("eindhoven", "nl", "ai đờ hô vơn"),
    ],
)
def test_letters_sound_as_in_their_language(word: str, language: str, reading: str) -> None:
    """Names are read by the spelling of their own language."""
    assert said(word, language) == reading


def test_phrases_have_one_language() -> None:
    """The words around a name decide its language."""
    assert languages.of_phrase(["yimou", "zhang"]) == "zh"
    assert languages.of_phrase(["shinzo", "nakamura"]) == "ja"
    assert languages.of_phrase(["machine", "learning"]) == "en"
    assert pinyin("shenzhen") == "sân trân"
    assert pinyin("tokyo") == ""


def test_lexicons_are_large() -> None:
    """The lexicons hold at least 3,000 abbreviations and 20,000 foreign words, all readable."""
    known = abbreviations.load().words
    senses = cues.table("senses.tsv")
    assert len(known.keys() | senses.keys()) >= 3000
    table = languages._table()
    assert len(table) >= 20_000
    for word in table:
        entry = languages.known(word)
        assert entry is not None
        assert all(map(is_syllable, entry[1].split())), word


def test_tables_of_cues_speak_vietnamese() -> None:
    """Every reading of a shortening or an abbreviation consists of syllables."""
    for name in ("chat.tsv", "senses.tsv"):
        for form, readings in cues.table(name).items():
            for reading in readings:
                assert all(map(is_syllable, reading.said.split())), (form, reading)
                cues.fits(reading, "", "")  # its patterns are valid


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Dòng một\\nDòng hai", "dòng một. dòng hai"),
        ("Xem [1] và [2, 3].", "xem và."),
        ("## Mục\n\n| A | B |\n|---|---|\n| 1 | 2 |", "mục a bê một hai"),
        ("```python\nprint(1)\n```", "pờ rin một"),
    ],
)
def test_output_of_models(written: str, read: str) -> None:
    """Headings, tables, fences, citations and escaped line ends are layout, not words."""
    assert plain(NORTH(written).spoken) == plain(read)


def test_a_very_long_line_is_not_remembered() -> None:
    """The results that are remembered for texts in pieces are those of short lines only."""
    long = " ".join(["đã", *("khong biet" for _ in range(500))])
    restore.likeliest.cache_clear()
    assert "không biết" in Restore()(Text(long)).spoken
    assert restore.likeliest.cache_info().currsize == 0
    Restore()(Text(long[:500]))
    assert restore.likeliest.cache_info().currsize
