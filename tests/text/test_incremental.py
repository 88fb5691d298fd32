"""Incremental reading: the pieces of a text are spoken like the whole text."""

import random
import re
import unicodedata
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.reading import cases, remembered
from vits_tts.text.incremental import IncrementalReading, Part, beginning
from vits_tts.text.split import split

READ = remembered
PAUSES = (0.2, 0.5)
CASES = list(cases())
CATEGORIES = list(dict.fromkeys(case.category for case in CASES))
SENTENCES = [
    case.written if case.written[-1] in ".!?" else f"{case.written}."
    for case in CASES
    if case.category in {"passages", "news", "everyday", "medicine", "sport", "shops", "unmarked"}
]
UNLIKE = [
    case.written
    for case in CASES
    if case.category
    in {
        "chat", "comments", "everyday", "markup", "medicine", "messages", "money", "news",
        "senses", "shops", "students", "telecom", "unmarked",
    }
]  # fmt: skip
"""Lines of different kinds: adverts, chat, messages of banks and schools, news."""
JOINTS = [" ", " ", "\n", ". ", ". ", ", ", "! ", "\n\n", "? ", "; ", " - ", "... "]
UNMARKED = (
    "Chao ban, toi la tro ly ao. Hom nay toi co the giup gi cho ban? Ban cu hoi nhe. Tôi trả lời "
    "được cả tiếng Anh: the weather is nice. OK. Rất vui được gặp bạn."
)
"""A line whose beginning lacks tone marks: only its end tells whether all of it does."""
PARAGRAPHS = (
    (
        "Sáng 2/9/1945, tại Quảng trường Ba Đình, Chủ tịch Hồ Chí Minh đọc bản Tuyên ngôn Độc "
        "lập. Hơn 50.000 người có mặt, trong đó có GS. Trần Văn B. (sinh năm 1902) và ông Ng. "
        "Văn C. Buổi lễ bắt đầu lúc 14h00 và kéo dài 1 tiếng rưỡi; trời nắng, nhiệt độ khoảng "
        "30°C."
    ),
    (
        "Anh hỏi: “Em đi đâu đấy? Sao giờ này mới về?” Chị đáp: “Em đi TP. HCM. Kẹt xe quá!” "
        "Rồi chị cười. Hai người cùng vào nhà, không ai nói gì nữa…\n\nHôm sau trời mưa to. "
        "Nước ngập tới 0,5 m. Đường số 12/3 không đi được."
    ),
    (
        "Giá vàng SJC hôm nay tăng 1,2 triệu đồng/lượng, lên 84,5-86,5 triệu đồng. Theo TS. "
        "Nguyễn Trí H., chuyên gia kinh tế, nguyên nhân là USD giảm 0.35%. Người mua nên cẩn "
        "thận! Vì sao? Vì giá có thể xuống lại, như hồi tháng 3. 2 tuần nữa sẽ rõ."
    ),
    (
        "# Công thức\n\n- 200 g bột mì\n- 2 quả trứng\n- 1/2 thìa muối\n\n**Cách làm:** Trộn đều "
        "rồi nướng ở 180°C. Chờ 25 phút. Xong!\n\n| Món | Giá |\n|---|---|\n| Bánh | 15.000 đ |\n\n"
        "Xem thêm tại https://vi.wikipedia.org. Cảm ơn bạn."
    ),
    UNMARKED,
    (
        "<think>\nNgười dùng chào. Phải chào lại.\n5 < 6, x<y>z</think>\n\nXin chào<br/>bạn! "
        "Tôi <b>rất</b><i>vui</i>.<|im_end|>Giá <Thinking a='b'>tính 3 x 5</THINKING > là 15."
        "<think></think> H<sub>2</sub>O là nước, chào<break/>nhé. Thẻ `<think>` có <thin> và "
        "<thinker> lạ. </think> Hết rồi.<reasoning>Mình nghĩ mãi. Rồi thôi.</think>"
    ),
    (
        "Dạ, em chào anh chị ạ! Em là trợ lý ảo của ngân hàng. Số dư tài khoản của anh là "
        "12.345.678 đồng, tính đến 17:30 ngày 05/03. Anh có muốn chuyển 500k cho chị Lan "
        "không? Số tài khoản là 0071000123456, chi nhánh Q. 1, TP. HCM."
    ),
)


def read(pieces: list[str], clauses: frozenset[int] = frozenset()) -> list[Part]:
    """Return the parts of a text that arrives in pieces; after some pieces a clause is requested.

    The properties that tell that there is nothing to find must be right.
    """
    reading = IncrementalReading(READ, *PAUSES)
    parts: list[Part] = []
    for number, piece in enumerate(pieces):
        reading.add(piece)
        may_settle = reading.may_settle
        found = list(reading.settled())
        assert may_settle or not found
        parts += found
        if number in clauses:
            may_have_clause = reading.may_have_clause
            if part := reading.clause():
                assert may_have_clause
                parts.append(part)
    rest = reading.flush()
    return [*parts, rest] if rest else parts


def pieces(text: str, seed: int) -> list[str]:
    """Return a text cut at random."""
    generator = random.Random(seed)  # noqa: S311
    ends = [0]
    while ends[-1] < len(text):
        ends.append(min(len(text), ends[-1] + generator.choice([1, 2, 3, 5, 8, 13, 40, 200])))
    return [text[start:end] for start, end in pairwise(ends)]


def without_marks(text: str) -> str:
    """Return a text as typed without tone marks."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(character for character in bare if not unicodedata.combining(character))


def mixed(seed: int) -> str:
    """Return unlike lines in one text, some without tone marks, capitals or a mark at their end."""
    generator = random.Random(seed)  # noqa: S311
    always = generator.choice(JOINTS) if generator.random() < 0.4 else None
    text = ""
    for number in range(generator.randint(2, 6)):
        line = generator.choice(UNLIKE)
        change = generator.random()
        if change < 0.1:
            line = without_marks(line)
        elif change < 0.15:
            line = line.lower()
        if generator.random() < 0.3:
            line = line.rstrip(".!?")
        text += (always or generator.choice(JOINTS) if number else "") + line
    return text


def sentences(parts: list[Part]) -> list[tuple[str, float]]:
    """Return the sentences, each with the pause before it."""
    found: list[tuple[str, float]] = []
    for part in parts:
        pauses = [part.pause, *(sentence.pause for sentence in part.sentences)]
        texts = [sentence.text for sentence in part.sentences]
        found += zip(texts, pauses, strict=False)
    return found


def whole(text: str) -> list[tuple[str, float]]:
    """Return the expected result of :func:`sentences` for a whole text."""
    found = split(READ(text), *PAUSES)
    return [
        (sentence.text, pause)
        for sentence, pause in zip(found, [0.0, *(one.pause for one in found)], strict=False)
    ]


def words(parts: list[Part]) -> list[str]:
    """Return the words of all parts."""
    return re.findall(r"\w+", " ".join(text for text, _ in sentences(parts)))


@pytest.mark.parametrize("category", CATEGORIES)
def test_cases_are_read_as_if_they_came_whole(category: str) -> None:
    """However a case is cut, its sentences are those of the whole."""
    for number, case in enumerate(case for case in CASES if case.category == category):
        assert sentences(read(pieces(case.written, number))) == whole(case.written)


@pytest.mark.parametrize("text", PARAGRAPHS)
def test_paragraphs_are_read_as_if_they_came_whole(text: str) -> None:
    """The same sentences with the same pauses, and the same parts for all ways of cutting."""
    one_by_one = read(list(text))
    assert sentences(one_by_one) == whole(text)
    assert len(one_by_one) > (text != UNMARKED)
    assert read([text]) == one_by_one
    for seed in range(4):
        assert read(pieces(text, seed)) == one_by_one


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(SENTENCES), min_size=2, max_size=6),
    st.sampled_from([" ", " ", "\n", "\n\n", "  "]),
    st.integers(0, 2**32),
)
@example(["Truyền dd glucose 5% 500ml, TM chậm XX g/p.", "H2O và CO2."], " ", 0)
def test_texts_are_read_as_if_they_came_whole(parts: list[str], joint: str, seed: int) -> None:
    """Sentences of all kinds in a row, cut anywhere."""
    text = joint.join(parts)
    assert sentences(read(pieces(text, seed))) == whole(text)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([*SENTENCES, *PARAGRAPHS]), min_size=1, max_size=3),
    st.integers(0, 2**32),
    st.frozensets(st.integers(0, 60), min_size=1, max_size=20),
)
@example(3 * ["Vé 2 ngày 1 đêm Phú Quốc 2.990k/khách, gồm VMB + KS 4*."], 247, frozenset([0]))
def test_a_clause_that_is_said_early_changes_no_word(
    parts: list[str], seed: int, clauses: frozenset[int]
) -> None:
    """Clauses may be requested at any time; all words are spoken once and in order."""
    text = " ".join(parts)
    said = words(read(pieces(text, seed), clauses))
    assert said == re.findall(r"\w+", " ".join(sentence for sentence, _ in whole(text)))


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32).map(mixed), st.integers(0, 2**32))
@example(
    "TPBank: TK xxxx4402 PS giam 1,250,000 VND luc 18:05 02/06/2026. SD kha dung: 3,880,412 VND. "
    "(QC) Tặng 3GB dùng cả tuần! Don hang cua ban da den buu cuc Q.7. Shipper se lien he trong hom "
    "nay. Ma van don: GYX8A9KL",
    1,
).via("a line with tone marks long ago")
@example(
    "Nha truong thong bao hoc sinh nghi hoc ngay 27/11 do anh huong cua bao so 12.. Bán nhà 3 tầng "
    "45m2 ngõ ô tô, Hà Đông, 6,8 tỷ còn thương lượng, LH Mr Nam 0912 888 777. ngày 20/11/2024. ua "
    "sao nay im lang vay, gian t ha",
    2,
).via("words without tone marks long ago")
@example(
    "Huyết áp 140/90 thì có phải uống thuốc không, em bị cao HA 2 năm nay! Cho tam giác ABC vuông "
    "tại A, AB = 3cm. Tính BC.",
    3,
).via("geometry in the next sentence")
@example(
    "Giày da bò thật, sẵn sz 38-43, inb e gửi ảnh thật. Xếp loại Tốt đúng k, thiếu 1đ nữa là XS. "
    "Giải hộ: tìm m để pt x^2 - 2mx = 0 có 2 nghiệm pb x1, x2",
    4,
).via("an exam in the next sentence")
@example("Nộp đơn trước 30/11\n<a href='x' title='Ăn gì'>bốn</a> món", 5).via("a concealed letter")
@example("Em ra m < -1 hoặc m > 0\n[xem thêm](https://a.vn/x)\nXong.", 6).via("another one")
def test_unlike_lines_in_one_text_are_read_as_if_they_came_whole(text: str, seed: int) -> None:
    """Early sentences depend neither on dropped text nor on later text."""
    expected = whole(text)
    came = pieces(text, seed)
    assert sentences(read(came)) == expected
    said = words(read(came, frozenset(range(0, len(came), 3))))
    assert said == re.findall(r"\w+", " ".join(sentence for sentence, _ in expected))


def test_fixed_mixtures_are_read_as_if_they_came_whole() -> None:
    """The same for mixtures that are the same in each run."""
    for seed in range(8):
        text = mixed(seed)
        assert sentences(read(pieces(text, seed))) == whole(text)


def test_a_sentence_is_final_before_the_next_begins() -> None:
    """An ordinary sentence needs its mark and a space; a point that may be no end needs more."""
    reading = IncrementalReading(READ)
    reading.add("Xin chào các bạn.")
    assert list(reading.settled()) == []
    reading.add(" ")
    (part,) = reading.settled()
    assert [sentence.text for sentence in part.sentences] == ["xin chào các bạn."]
    reading.add("Tôi ở TP. ")
    assert list(reading.settled()) == []
    reading.add("Huế đã lâu. ")
    (part,) = reading.settled()
    assert [sentence.text for sentence in part.sentences] == ["tôi ở thành phố huế đã lâu."]


def test_a_sentence_with_marks_is_final_whatever_follows() -> None:
    """Words without marks later in the line change none of it, although quả cảm is a word."""
    reading = IncrementalReading(READ)
    reading.add("Nhìn thấy làng quê quả cam thầy giáo. Yên ")
    (part,) = reading.settled()
    assert [sentence.text for sentence in part.sentences] == [
        "nhìn thấy làng quê quả cam thầy giáo."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Xin <thi",
        "Giá là 1",
        "Ngày 5/",
        "Anh ở TP. ",
        "Anh nói: “Đi thôi. ",
        "từ 3-",
        "Xin chào",
        "5!",
        "  ",
    ],
)
def test_what_may_still_change_is_held_back(text: str) -> None:
    """Half a number, a date, an abbreviation, an open quotation: nothing of it is said."""
    reading = IncrementalReading(READ)
    for character in text:
        reading.add(character)
        assert list(reading.settled()) == []
    assert reading.unsaid == text


def test_a_clause_is_final_only_if_its_words_are() -> None:
    """A comma of a number ends no clause; half a number after it is held back."""
    reading = IncrementalReading(READ)
    reading.add("Dạ vâng, giá là 1,2")
    part = reading.clause()
    assert part
    assert [sentence.text for sentence in part.sentences] == ["dạ vâng,"]
    assert reading.clause() is None
    reading.add(" triệu đồng. ")
    (part,) = reading.settled()
    assert [sentence.text for sentence in part.sentences] == ["giá là một phẩy hai triệu đồng."]
    assert part.pause == 0


def test_a_flush_ends_the_text() -> None:
    """All is said; text after it is read as a new one, and there is a pause before it."""
    reading = IncrementalReading(READ, *PAUSES)
    reading.add("Tôi ở TP. ")
    part = reading.flush()
    assert part
    assert [sentence.text for sentence in part.sentences] == [
        s.text for s in split(READ("Tôi ở TP. "))
    ]
    assert reading.flush() is None
    reading.add("5.000")
    part = reading.flush()
    assert part
    assert (part.start, part.end, part.pause) == (10, 15, PAUSES[0])
    assert [(one.text, one.start, one.end) for one in part.sentences] == [("năm nghìn", 10, 15)]


def test_a_thought_is_dropped_while_it_comes() -> None:
    """It takes no memory, the text before it is final at once, and places count its characters."""
    reading = IncrementalReading(READ, *PAUSES)
    reading.add("Đợi chút<think>")
    (before,) = reading.settled()
    assert [(one.text, one.start, one.end) for one in before.sentences] == [("đợi chút.", 0, 8)]
    for _ in range(1000):
        reading.add("Nghĩ <b>tiếp</b> đã. " * 5)
        assert list(reading.settled()) == []
        assert not reading.unsaid
    assert len(reading.__dict__["_coming"]) < 40
    come = reading.received
    reading.add("</thi")
    assert list(reading.settled()) == []
    reading.add("nk>Xong. ")
    (after,) = reading.settled()
    assert [(one.text, one.start) for one in after.sentences] == [("xong.", come + 8)]
    assert after.pause == PAUSES[1]


def test_a_flush_ends_a_thought() -> None:
    """A thought without its end is not said; the text behind the flush is."""
    for drained in (False, True):
        reading = IncrementalReading(READ, *PAUSES)
        reading.add("Vâng <think> để xem. ")
        said = list(reading.settled()) if drained else []
        reading.add("Chưa rõ.")
        rest = reading.flush()
        words = [one.text for part in [*said, rest] if part for one in part.sentences]
        assert words == ["vâng."]
        assert not reading.unsaid
        reading.add("Rõ rồi.")
        part = reading.flush()
        assert part
        assert [(one.text, one.start) for one in part.sentences] == [("rõ rồi.", 29)]


def test_places_count_the_characters_of_the_stream() -> None:
    """Each sentence stands where it was written, long after what was before it is forgotten."""
    texts = [f"Câu số {number} có {number * 7} từ. " for number in range(60)]
    parts = read(list("".join(texts)))
    starts = [0, *accumulate(map(len, texts))]
    places = [(one.start, one.end) for part in parts for one in part.sentences]
    assert places == [
        (start, start + len(text) - 1) for start, text in zip(starts, texts, strict=False)
    ]


@pytest.mark.parametrize(
    "text",
    ["nói mãi " * 300, "a" * 2500, "TP. " * 500, "“" * 2500, "1" * 2500 + " ", "<!-- x. " * 250],
)
def test_a_text_without_ends_is_said_in_parts(text: str) -> None:
    """It is neither held back for ever nor read again and again, and is cut at the same places."""
    parts = read([text])
    assert read(pieces(text, 1)) == parts
    assert max((part.end - part.start for part in parts), default=0) <= 1001


def test_the_beginning_of_a_text_has_few_cuts() -> None:
    """So the time to find its first sentence is limited, for any text."""
    assert beginning("a.\n" * 1000, 3, 600) == ("a.\n" * 1000)[: 9 + 80]
    assert beginning("a" * 1000, 3, 600) == "a" * 600
    assert beginning("Một. Hai. Ba.", 3, 600) == "Một. Hai. Ba."
