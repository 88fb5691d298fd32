"""Rules act on the plan of a text; PLS files are read strictly."""

from itertools import pairwise
from time import process_time
from typing import Literal
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vits_tts.dictionaries import pls
from vits_tts.dictionaries.rules import Rule, Rules, applied
from vits_tts.errors import DictionaryInvalid
from vits_tts.markup.plan import Plan, Segment, plan_of

ZALO = Rule("Zalo", alias="da lô")


def said(text: str, *rules: Rule, speaks: bool = True) -> str:
    """Return a text as rules change it, with phonemes in brackets."""
    plan = applied(plan_of(text, None), text, (Rules("v", rules),), lambda *_: speaks)
    parts = plan.segments if plan else (Segment(text, 0, len(text)),)
    return "".join(f"[{part.phonemes.symbols}]" if part.phonemes else part.text for part in parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Gọi Zalo nhé", "Gọi da lô nhé"),
        ("Zalo", "da lô"),
        ("Zalo Zalo-Zalo", "da lô da lô-da lô"),
        ("zalo Zaloo xZalo Zalo1", "zalo Zaloo xZalo Zalo1"),
        ("(Zalo),Zalo.", "(da lô),da lô."),
        (
            "https://Zalo.vn a@Zalo.vn www.Zalo.vn Zalo",
            "https://Zalo.vn a@Zalo.vn www.Zalo.vn da lô",
        ),
        ("không có gì", "không có gì"),
    ],
)
def test_words(text: str, expected: str) -> None:
    """A string is replaced where it stands as a word, and not in addresses."""
    assert said(text, ZALO) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Zalo](http://Zalo.vn) và Zalo", "[da lô](http://Zalo.vn) và da lô"),
        ("<think>Zalo?</think> Zalo", "<think>Zalo?</think> da lô"),
        ("<!-- Zalo --> Zalo <!-- Zalo", "<!-- Zalo --> da lô <!-- da lô"),
        ("<script>Zalo</script>Zalo", "<script>Zalo</script>da lô"),
        ('<a title="Zalo">Zalo</a>', '<a title="Zalo">da lô</a>'),
    ],
)
def test_words_that_are_not_spoken(text: str, expected: str) -> None:
    """No rule acts where nothing is spoken, and each acts in the words of a link."""
    assert said(text, ZALO) == expected


@pytest.mark.parametrize("rule", ["NFC", "NFD"])
@pytest.mark.parametrize("text", ["NFC", "NFD"])
def test_composed_and_decomposed(rule: Literal["NFC", "NFD"], text: Literal["NFC", "NFD"]) -> None:
    """Letters are the same however their marks are encoded, and all others stay in place."""
    tax = Rule(normalize(rule, "Thuế"), alias="x")
    written = normalize(text, "Có Thuế ở thuế, Thuế.")
    assert said(written, tax) == normalize(text, "Có x ở thuế, x.")
    plan = applied(None, written, (Rules("v", (tax,)),), lambda *_: True)
    assert plan is not None
    places = [written[part.start : part.end] for part in plan.segments if part.text == "x"]
    assert places == [normalize(text, "Thuế")] * 2


@pytest.mark.parametrize("piece", ["a", "www", "a(", "<a ", "<!--", "<script", "@", "ệ"])
def test_long_words_take_no_time(piece: str) -> None:
    """A text without a space, as long as a request may have, is searched at once."""
    text = normalize("NFD", piece) * 5000
    began = process_time()
    said(text, ZALO)
    assert process_time() - began < 1


def test_case_and_boundaries() -> None:
    """A rule may ignore case and boundaries of words; an exact one comes first."""
    free = Rule("ab", alias="X", case_sensitive=False, word_boundaries=False)
    assert said("abc AB cab", free) == "Xc X cX"
    assert said("Ab ab", free, Rule("Ab", alias="Y")) == "Y X"


def test_the_longest_string_counts() -> None:
    """A longer string comes before a shorter one that begins with it."""
    assert said("TP Hồ Chí Minh", Rule("TP", alias="x"), Rule("TP Hồ Chí Minh", alias="y")) == "y"


def test_phonemes_that_the_voice_lacks() -> None:
    """Phonemes are given to the voice, unless it does not know them."""
    rule = Rule("Nhân", phonemes="ɲan˧")
    assert said("Anh Nhân đến", rule) == "Anh [ɲan˧] đến"
    assert said("Anh Nhân đến", rule, speaks=False) == "Anh Nhân đến"


def test_markup_keeps_its_places() -> None:
    """In SSML, rules act on plain words only, and places are those of the document."""
    held = '<say-as interpret-as="characters">Zalo</say-as>'
    text = f'<speak>Zalo <sub alias="Zalo">x</sub> {held}</speak>'
    plan = applied(plan_of(text, None), text, (Rules("v", (ZALO,)),), lambda *_: True)
    assert isinstance(plan, Plan)
    first = next(part for part in plan.segments if part.text == "da lô")
    assert text[first.start : first.end] == "Zalo"
    assert [part.text for part in plan.segments if part.say_as] == ["Zalo"]


@settings(max_examples=200, deadline=None)
@given(
    st.text("aAbBZz .1ê\n", max_size=40),
    st.lists(
        st.builds(
            Rule,
            st.text("aAbê", min_size=1, max_size=3),
            st.text("xy ", min_size=1, max_size=4),
            case_sensitive=st.booleans(),
            word_boundaries=st.booleans(),
        ),
        max_size=4,
    ),
)
def test_nothing_is_lost(text: str, rules: list[Rule]) -> None:
    """The parts of a text cover it in order; parts without a rule are the text itself."""
    plan = applied(None, text, (Rules("v", tuple(rules)),), lambda *_: True)
    if plan is None:
        return
    places = [(part.start, part.end) for part in plan.segments]
    assert places[0][0] == 0
    assert places[-1][1] == len(text)
    assert all(one[1] == two[0] for one, two in pairwise(places))
    aliases = {rule.alias for rule in rules}
    assert all(
        part.text in aliases or part.text == text[part.start : part.end] for part in plan.segments
    )


PLS = """<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"
  alphabet="ipa" xml:lang="vi">
  <lexeme><grapheme>W3C</grapheme><alias>vê kép ba xê</alias></lexeme>
  <lexeme><grapheme>Nhân</grapheme><grapheme>nhân</grapheme><phoneme>ɲan˧</phoneme>
    <example>anh Nhân</example></lexeme>
  <lexeme><grapheme>A &amp; B</grapheme><alias>a và bê</alias><alias>khác</alias></lexeme>
</lexicon>"""


def test_reading_a_file() -> None:
    """Each grapheme has its first alias or phoneme; writing and reading keeps the rules."""
    rules = pls.read(PLS.encode(), 10)
    assert rules == [
        Rule("W3C", alias="vê kép ba xê"),
        Rule("Nhân", phonemes="ɲan˧"),
        Rule("nhân", phonemes="ɲan˧"),
        Rule("A & B", alias="a và bê"),
    ]
    assert pls.read(pls.written(rules).encode(), 10) == rules


def test_a_file_keeps_all_fields_of_a_rule() -> None:
    """Also those that PLS has no word for; a file without them is plain PLS."""
    rules = [
        Rule("ABC", alias="a bê xê", case_sensitive=False),
        Rule("ing", phonemes="iŋ", word_boundaries=False),
        Rule("x", phonemes="sən1", alphabet="x-voice", case_sensitive=False, word_boundaries=False),
        Rule("Zalo", alias="da lô"),
    ]
    assert pls.read(pls.written(rules).encode(), 10) == rules
    assert "urn:" not in pls.written(rules[3:])


def test_the_preferred_reading_counts() -> None:
    """Of several readings of a word, the first with `prefer` is taken, else the first."""
    said = '<alias>một</alias><phoneme prefer="true">hai</phoneme><alias prefer="true">ba</alias>'
    file = f"<lexicon><lexeme><grapheme>a</grapheme>{said}</lexeme></lexicon>"
    assert pls.read(file.encode(), 1) == [Rule("a", phonemes="hai")]


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("", "no element found"),
        ("Zalo: da lô", "syntax error"),
        ("<speak/>", "begins with <lexicon>"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><lexicon/>', "document types"),
        ("<lexicon><lexeme><grapheme>a</grapheme></lexeme></lexicon>", "needs a <grapheme>"),
        ("<lexicon><lexeme><alias>a</alias></lexeme></lexicon>", "needs a <grapheme>"),
        ("<lexicon alphabet='sampa'><lexeme><grapheme>a</grapheme><phoneme>a</phoneme>", "sampa"),
        ("<lexicon>" + "<a>" * 20, "deep"),
        (f"<lexicon><lexeme><grapheme>{'a' * 2000}", "characters"),
        ("<lexicon>&x;</lexicon>", "undefined entity"),
        ("<lexicon>" + "<lexeme><grapheme>a</grapheme><alias>b</alias></lexeme>" * 9, "up to 3"),
        ('<?xml version="1.0" encoding="klingon"?><lexicon/>', "encoding"),
        ("<lexicon></lexeme>", "mismatched tag"),
        ("<lexicon xmlns:v='urn:vits-tts:dictionary'><lexeme v:word-boundaries='1'/>", "true or"),
    ],
)
def test_broken_files(file: str, reason: str) -> None:
    """A file that is no lexicon is refused, with the place."""
    with pytest.raises(DictionaryInvalid, match=r"PLS, line \d+, column \d+: ") as refused:
        pls.read(file.encode(), 3)
    assert reason in refused.value.message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text("<>/&;aelxicon ='\"!-?[]", max_size=60).map(str.encode))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    """Any bytes are read or refused."""
    for content in (data, b"<lexicon>" + data, b"<lexicon><lexeme><grapheme>" + data):
        try:
            pls.read(content, 5)
        except DictionaryInvalid:
            continue
