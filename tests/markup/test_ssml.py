"""The parser of SSML under attack, and markup that changes nothing of what its neighbours mean."""

import contextlib
import random
import re
import sys
from collections.abc import Iterator
from types import FrameType

import pytest

from tests.support.plans import reading, said
from vits_tts.errors import MarkupInvalid, MarkupUnsupported, RequestError
from vits_tts.markup import begins_as_ssml, plan_of
from vits_tts.markup.ssml import MAX_DEPTH, MAX_ELEMENTS, parse
from vits_tts.uncollected import uncollected

GOOD = (
    '<speak>Xin <mark name="a"/>ch&#224;o &amp; bạn<break time="1s"/><p><s>Một</s> hai</p></speak>',
    '<speak><prosody rate="+20%" volume="-3dB">Giá 35k/kg</prosody>, mở 7h-11h30.</speak>',
    '<?xml version="1.0"?><speak version="1.1" xml:lang="vi"><sub alias="các bạn">cb</sub></speak>',
    '<speak><say-as interpret-as="date" format="dmy">5/3/2024</say-as><!-- x -->.</speak>',
    '<speak>Ông <phoneme alphabet="ipa" ph="ɲan˧">Nhân</phoneme>.<![CDATA[ a < b ]]></speak>',
    '<speak><voice name="vi_VN-vais1000-compact">Em <w>tên</w> là Anna?</voice></speak>',
    '<speak>Cô <lang xml:lang="en">Anna</lang> đến.</speak>',
)
SCRAPS = (
    *(
        "<",
        ">",
        "&",
        "/",
        '"',
        "'",
        "]]>",
        "<!--",
        "-->",
        "<![CDATA[",
        "<?x?>",
        "&#0;",
        "&lt;",
        "é",
    ),
    *("<break/>", "<mark name='x'/>", "<s>", "</s>", "<p>", "</p>", "</speak>", "<speak>", "\r\n"),
    *(
        "<!DOCTYPE a>",
        "<!ENTITY b 'c'>",
        "&b;",
        "ᚠ",
        "ᚡ",
        "⟦a⟧",
        "👋",
        "<break time='0s'/>",
        "\u200b",
    ),
    *(
        "<voice name='x'>",
        "</voice>",
        "<prosody rate='fast'>",
        "</prosody>",
        " 5/3 ",
        "[a](b)",
        "`",
    ),
)


def broken(count: int, seed: int = 1, most: int = 4) -> Iterator[str]:
    """Yield documents with something put in, taken out, doubled or moved."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    for _ in range(count):
        document = chance.choice(GOOD)
        for _ in range(chance.randint(1, most)):
            start = chance.randrange(len(document) + 1)
            end = min(len(document), start + chance.choice((0, 0, 1, 1, 5, 20)))
            put = chance.choice((*SCRAPS, "", document[end : end + 9]))
            document = document[:start] + put + document[end:]
        yield document


def test_ten_thousand_broken_documents() -> None:
    """Each is refused as markup, with a place, or makes a plan whose places are those of it."""
    refused = 0
    messages: list[str] = []
    for lenient in (False, True):
        for document in broken(5000, seed=lenient):
            try:
                plan = parse(document, lenient=lenient)
            except (MarkupInvalid, MarkupUnsupported) as error:
                refused += 1
                messages.append(error.message)
                continue
            assert len(plan.shown) == len(document)
            places = [(part.start, part.end) for part in plan.segments]
            assert places == sorted(places)
            assert all(0 <= start <= end <= len(document) for start, end in places)
    assert 3000 < refused < 10_000
    assert all(re.search(r"line \d+, column \d+", message) for message in messages)


def test_broken_documents_are_read_or_refused() -> None:
    """A reader never fails on a plan; no marker of its own is left in the words."""
    spoken = 0
    for document in broken(300, seed=7, most=1):
        try:
            words = said(document, "ssml")
        except RequestError:
            continue
        spoken += 1
        assert not set(words) & set("ᚠᚡ<>")
    assert spoken > 20


@pytest.mark.parametrize(
    "document",
    [
        "<speak>" + "<s>" * 40 + "a" + "</s>" * 40 + "</speak>",
        "<speak>" + "<prosody rate='fast'>" * MAX_DEPTH + "a",
        "<speak>" + "<w/>" * MAX_ELEMENTS + "</speak>",
        '<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><speak>&b;</speak>',
        '<!DOCTYPE s SYSTEM "file:///etc/passwd"><speak>a</speak>',
        '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><speak>&x;</speak>',
    ],
)
def test_bounds(document: str) -> None:
    """Depth, elements and everything of a document type are refused."""
    with pytest.raises(MarkupInvalid):
        parse(document)


@pytest.mark.parametrize("piece", ["<mark name='a'/>a ", "&amp;", "a\n", "<s>", "<!-- -->", "é"])
def test_time_is_linear(piece: str) -> None:
    """Eight times the length takes eight times as many calls, and characters decoded."""

    def work(count: int) -> tuple[int, int]:
        document = f"<speak>{piece * count}</speak>"
        calls = characters = 0

        def count_calls(frame: FrameType, event: str, argument: object) -> None:
            nonlocal calls, characters
            calls += event in {"call", "c_call"}
            if event == "call" and frame.f_code.co_name == "_place":
                characters += max(0, frame.f_locals["byte"] - frame.f_locals["self"]._byte)
            del argument

        with uncollected():  # the end of other tests' objects would be counted too
            sys.setprofile(count_calls)
            try:
                with contextlib.suppress(MarkupInvalid):
                    parse(document)
            finally:
                sys.setprofile(None)
        return calls, characters

    few, many = work(1000), work(8000)
    assert many[0] <= 8 * few[0]
    assert many[1] <= len(piece.encode()) * 8000 + 100  # each byte is passed once


TEXTS = (
    "Xin chào các bạn. Hôm nay là ngày 5/3/2024, lúc 7h30!",
    "Giá 35k/kg, tăng 15,2% so với tháng trước; TP.HCM nắng to.",
    "Ông Nguyễn Văn A đi Mỹ ngày 2-9 cùng 3 người bạn…",
)


@pytest.mark.parametrize("text", TEXTS)
def test_marks_change_no_word(text: str) -> None:
    """Marks between words leave sentences, and the place of each word, as they are."""
    words = text.split(" ")
    plain = reading(text, "text")
    tag = '<mark name="m"/>'
    for count in range(1, len(words)):
        document = f"<speak>{' '.join(words[:count])} {tag}{' '.join(words[count:])}</speak>"
        marked = reading(document)
        assert marked.text.spoken == plain.text.spoken
        cut = len(" ".join(words[:count])) + 1
        for old, new in zip(plain.sentences, marked.sentences, strict=True):
            assert (old.text, old.pause) == (new.text, new.pause)
            moved = 7 + (len(tag) if old.start >= cut else 0)
            assert new.start == old.start + moved
        assert sum(len(part.marks) for part in marked.sentences) == 1


@pytest.mark.parametrize("text", TEXTS)
def test_breaks_change_no_word(text: str) -> None:
    """A break between two words keeps both as they are read without it."""
    words = text.split(" ")
    plain = re.findall(r"\w+", reading(text, "text").text.spoken)
    for count in range(1, len(words)):
        document = f"<speak>{' '.join(words[:count])} <break/>{' '.join(words[count:])}</speak>"
        assert re.findall(r"\w+", reading(document).text.spoken) == plain
        pauses = [part.pause for part in reading(document).sentences]
        assert 0.5 in pauses


def test_lenient() -> None:
    """Unknown elements are left out with `markup.unknown: ignore`, broken XML is not."""
    document = '<speak>Xin<emphasis level="x">chào</emphasis><desc>không</desc> bạn</speak>'
    with pytest.raises(MarkupUnsupported):
        said(document)
    assert said(document, unknown="ignore") == "xin chào bạn"
    with pytest.raises(MarkupInvalid):
        said("<speak>a<b></speak>", unknown="ignore")


def test_thoughts_have_no_pauses() -> None:
    """Marks inside a thought are dropped with it, those around it count."""
    text = "Một [pause 1s]<think>x [pause 2s] </think>hai<think>[pause 3s]"
    assert said(text) == "một (1 s) hai."
    assert said("<speak>Xin<think>không</think>chào</speak>", unknown="ignore") == "xin chào"


@pytest.mark.parametrize(
    "unspoken",
    ["<!-- x [pause 2s] -->", "<script>x [pause 2s] y</script>", '<b title="[pause 2s]">'],
)
def test_what_is_not_spoken_has_no_pauses(unspoken: str) -> None:
    """A pause in a comment, a script or a tag is left out with it, and no error."""
    assert said(f"Một [pause 1s] hai {unspoken} ba") == "một (1 s) hai ba"


def test_inline_can_be_off() -> None:
    """Without `markup.inline` no text has pauses of its own."""
    assert said("Xin [pause 1s] chào") == "xin (1 s) chào"
    assert "(1 s)" not in said("Xin [pause 1s] chào", inline=False)
    for plain in ("[pause]", "a < b", "[1] tạm dừng", "<b>đậm</b>"):
        assert plan_of(plain, None) is None


@pytest.mark.parametrize("text", ["<speak>a", "<speak/>", "<speak\nx='1.1'>a", "\n <speak >"])
def test_texts_that_are_ssml(text: str) -> None:
    """A text is SSML if it begins with the tag, with attributes or without."""
    assert begins_as_ssml(text)
    assert begins_as_ssml(f"\ufeff<?xml version='1.0'?><!-- x -->{text}")


@pytest.mark.parametrize(
    "text", ["<speak-up>a", "<speaker>", "<speak", "<speak.x>", "a<speak>", "<p>"]
)
def test_texts_that_are_not_ssml(text: str) -> None:
    """Other names that begin with the same letters are tags in a plain text."""
    assert not begins_as_ssml(text)
    assert not begins_as_ssml(f"<!-- x -->{text}")
