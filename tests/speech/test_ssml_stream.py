"""SSML in a text that comes in pieces: it is read as the same document over HTTP is read."""

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from tests.support import plans
from tests.text.test_incremental import PARAGRAPHS, SENTENCES, pieces
from vits_tts.config import EMBEDDED_VOICE
from vits_tts.errors import MarkupInvalid, MarkupUnsupported, RequestError
from vits_tts.markup.pieces import Holder
from vits_tts.speech import SpeechOptions
from vits_tts.speech.request_builder import RequestBuilder
from vits_tts.types import Sentence

BUILDER: RequestBuilder = plans.pipeline().__dict__["_requests"].builder
ORDINARY = [text for text in (*SENTENCES, *PARAGRAPHS) if not set(text) & set("<&[\n")]
"""Texts that mean the same in XML and without it."""
WORDS = (
    '<sub alias="Liên. Hợp Quốc">L.H.Q</sub>',
    '<phoneme alphabet="ipa" ph="ɲan˧">Nhân. Vật</phoneme>',
    '<say-as interpret-as="date" format="dm">5/3</say-as>',
    '<lang xml:lang="en">Premium</lang>',
    "<w>mới. Cũ</w>",
    '<mark name="here"/>',
)
PAUSES = ("<break/>", '<break time="1.5s"/>', '<break strength="x-strong"></break>')
AROUND = (
    '<prosody rate="slow">{}</prosody>',
    '<prosody volume="-6dB" rate="+10%">{}</prosody>',
    f'<voice name="{EMBEDDED_VOICE}">{{}}</voice>',
    "<s>{}</s>",
    "<p>{}</p>",
    '<prosody rate="slow">Này, <prosody rate="fast">{}</prosody> vậy.</prosody>',
)


class Spoken(NamedTuple):
    """A sentence, with the silence before it and all that its sound and times depend on."""

    silence: float
    sentence: Sentence | None


def _of(sentence: Sentence, text: str, moved: int) -> Sentence:
    """Return a sentence that ends behind its last letter or digit, without its pause."""
    start = sentence.start - moved
    plain = re.sub("<[^>]*>", lambda tag: " " * len(tag[0]), text)
    end = len(re.sub(r"\W+$", "", plain[: sentence.end - moved]))
    way = sentence.rate, sentence.volume
    return Sentence(sentence.text, 0.0, start, end, sentence.voice, *way)


def over_http(document: str, moved: int = 0) -> list[Spoken]:
    """Return the sentences of a document, and the silence after the last."""
    reading = plans.reading(document, "ssml")
    found, silence = [], reading.lead
    for sentence in reading.sentences:
        found.append(Spoken(round(silence, 3), _of(sentence, document[moved:], moved)))
        silence = sentence.pause
    return [*found, Spoken(round(silence, 3), None)]


def in_pieces(texts: Sequence[str], builder: RequestBuilder = BUILDER) -> list[Spoken]:
    """Return the same of a text that comes in pieces."""
    _, reading = builder.incremental(SpeechOptions(input="ssml"))
    parts = []
    for number, piece in enumerate(texts):
        reading.add(piece)
        may_settle = reading.may_settle
        while part := next(reading.settled(), None):
            assert may_settle
            parts.append(part)
        assert reading.received == len("".join(texts[: number + 1]))
    parts += reading.rest(ends=True)
    assert reading.received == len("".join(texts))
    found: list[Spoken] = []
    silence = 0.0
    for part in parts:
        silence += part.silence + part.pause
        for sentence in part.sentences:
            found.append(Spoken(round(silence, 3), _of(sentence, "".join(texts), 0)))
            silence = sentence.pause
    return [*found, Spoken(round(silence, 3), None)]


def with_elements(generator: random.Random) -> str:
    """Return sentences with elements in them."""
    texts = generator.sample(ORDINARY, generator.randint(1, 3))
    for number in generator.sample(range(len(texts)), generator.randint(0, len(texts))):
        texts[number] = generator.choice(AROUND).format(texts[number])
    words = " ".join(texts).split(" ")
    for _ in range(generator.randint(1, 4)):
        place = generator.randint(0, len(words))
        before = " ".join(words[:place])
        if before.rfind("<") <= before.rfind(">"):  # not inside a tag
            words.insert(place, generator.choice(generator.choice([WORDS, PAUSES])))
    return " ".join(words)


@pytest.mark.parametrize("seed", range(25))
def test_elements_in_a_text_are_read_as_in_a_document(seed: int) -> None:
    """However a text is cut, its sentences, voices, rates, pauses and places are the same."""
    generator = random.Random(seed)  # noqa: S311
    text = with_elements(generator)
    try:
        expected = over_http(f"<speak>{text}</speak>", len("<speak>"))
    except MarkupUnsupported:  # an element inside a link
        return
    assert in_pieces(pieces(text, seed)) == expected


@pytest.mark.parametrize("seed", range(5))
def test_documents_in_pieces(seed: int) -> None:
    """A document is read as over HTTP, wherever it is cut; text around it is spoken as well."""
    generator = random.Random(seed)  # noqa: S311
    document = f"<speak>{with_elements(generator)}</speak>".replace("\n", " ")
    expected = over_http(document)
    for number in range(3):
        assert in_pieces(pieces(document, number)) == expected
    both = f'<?xml version="1.0"?>\n<!-- <speak> -->\n{document} Xin chào. {document}'
    found = in_pieces(pieces(both, seed))
    said = [one.sentence.text for one in expected if one.sentence]
    assert [one.sentence.text for one in found if one.sentence] == [*said, "xin chào.", *said]


def passages(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the passages of a text that comes in pieces, with neighbouring texts joined."""
    holder = Holder()
    found: list[tuple[str, str]] = []
    for kind, text in [one for piece in texts for one in holder.add(piece)] + [*holder.end()]:
        if found and found[-1][0] == kind == "text":
            found[-1] = kind, found[-1][1] + text
        else:
            found.append((kind, text))
    return found


TAGGED = (
    'Ba <b>là</b> <sub alias="a. >b">L</sub>. <break time="1s"> </break>Rồi <think>x <p> <s',
    "<?xml version='1.0'?> <!-- <break/> --><speak>A <![CDATA[</speak>]]><!--</speak>--></speak>.",
    '<prosody rate="slow">A <break/><p>hai</p></prosody > <break time="1s"> x <mstts:a>b</mstts:a>',
    "x < y & z <p và <s>1.</s><!--<s>--><thinking a='<p>'>b</thinking><br/><spe <spx>",
    "Xin <think>a <break/> b</think> “<think>”<break/>” <prosodi>c</prosodi> x <voice",
)


@pytest.mark.parametrize("text", TAGGED)
def test_elements_are_found_wherever_the_text_is_cut(text: str) -> None:
    """One by one, in two pieces, in three, and whole."""
    expected = passages([text])
    assert "".join(part for _, part in expected) == text
    assert passages(list(text)) == expected
    for cut in range(len(text)):
        assert passages([text[:cut], text[cut:]]) == expected
        assert passages([text[:cut], text[cut : cut + 3], text[cut + 3 :]]) == expected


BROKEN = (
    "<prosody rate='slow'>Xin chào.",
    "Xin chào.</prosody>",
    "<prosody>Xin <voice name='x'>chào.</prosody></voice>",
    "Xin <break time=1s/>chào.",
    "Xin <break time='1x'/>chào.",
    "Xin <break time='1s' time='2s'/>chào.",
    "Xin <break time='999s'/>chào.",
    "<sub>Xin</sub> chào.",
    "<sub alias='a'>Xin<break/></sub> chào.",
    "<say-as interpret-as='date'>Xin</say-as> chào.",
    "<say-as interpret-as='x'>5</say-as> chào.",
    "<phoneme ph='☃'>Xin</phoneme> chào.",
    "<voice name='nobody'>Xin chào.</voice>",
    "<emphasis>Xin</emphasis> chào.",
    "<prosody pitch='high'>Xin</prosody> chào.",
    "<amazon:effect name='whispered'>Xin</amazon:effect> chào.",
    "<prosody>Xin <think>a</think> chào.</prosody>",
    "<prosody>Xin <speak>a</speak> chào.</prosody>",
    "<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>",
    "<!-- Xin chào.",
    "Xin <break",
    "</speak>",
    "<speak>Xin chào.",
    "<speak>Xin <b>chào</b>.</speak>",
    "<speak>Xin & chào.</speak>",
    "<speak>Xin <prosody>chào.</speak>",
    "<speak><!DOCTYPE x>a</speak>",
    "<p>" * 40 + "a" + "</p>" * 40,
    "<lang xml:lang='vi'>" * 40 + "a" + "</lang>" * 40,
)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_element_is_an_error(broken: str) -> None:
    """The error has the line and column in all that was sent, wherever the text was cut."""
    text = f"Câu đầu.\nRồi {broken}"
    messages = set()
    for texts in ([text], list(text), pieces(text, 1)):
        with pytest.raises((MarkupInvalid, MarkupUnsupported)) as raised:
            in_pieces(texts)
        messages.add(raised.value.message)
    (message,) = messages
    assert "line 2, column" in message


def test_random_changes_are_right_or_refused() -> None:
    """Random changes of good texts: an error or a reading, the same for every way of cutting."""
    generator = random.Random(1)  # noqa: S311
    marks = ["<", ">", "/", '"', "'", "&", "=", ". ", "\n", "<speak>", "</speak>", "<p>", "</s>"]
    marks += ["<!--", "-->", "<think>", "</think>", "[pause 1s]", "<spell>A1</spell>", ""]

    def outcome(texts: Sequence[str]) -> list[Spoken] | tuple[str, str]:
        try:
            return in_pieces(texts)
        except RequestError as error:
            return error.code, error.message

    refused = 0
    for number in range(100):
        text = generator.choice([*TAGGED, *BROKEN, with_elements(generator)[:300]])
        for _ in range(generator.randint(0, 3)):
            place = generator.randint(0, len(text))
            text = text[:place] + generator.choice(marks) + text[place + generator.randint(0, 1) :]
        found = outcome([text])
        assert outcome(pieces(text, number)) == found
        refused += isinstance(found, tuple)
    assert 25 < refused < 95


def test_elements_do_not_hold_other_sentences_back() -> None:
    """A sentence with an element is spoken when it is certain, and text before an open element."""
    _, reading = BUILDER.incremental(SpeechOptions(input="ssml"))
    said = []
    for piece in (
        "Cuộc họp của <sub alias='Liên Hợp Quốc'>LHQ</sub> rất dài. ",
        "Mời các bạn <break time='1s'/>",
        "<s>Xin chào các bạn.</s>",
        "Hôm nay trời đẹp lắm. <prosody rate='slow'>Câu một. Câu hai",
    ):
        reading.add(piece)
        said.append([one.text for part in reading.settled() for one in part.sentences])
    assert said == [
        ["cuộc họp của liên hợp quốc rất dài."],
        ["mời các bạn"],
        ["xin chào các bạn."],
        ["hôm nay trời đẹp lắm."],
    ]
    assert [*reading.rest(ends=False), *reading.settled()] == []  # a flush breaks no element
    reading.add(".</prosody>")
    (part,) = [*reading.settled(), *reading.rest(ends=False)]
    assert [(one.text, one.rate) for one in part.sentences] == [
        ("câu một.", 0.75),
        ("câu hai.", 0.75),
    ]


def test_unknown_elements_may_be_ignored() -> None:
    """With `markup.unknown: ignore` their text is said, as in a document."""
    text = "<emphasis>Xin</emphasis> chào <amazon:effect>các</amazon:effect> bạn. <desc>x</desc>"
    lenient = plans.pipeline("ignore").__dict__["_requests"].builder
    found = in_pieces(list(text), lenient)
    reading = plans.reading(f"<speak>{text}</speak>", "ssml", unknown="ignore")
    assert [one.sentence.text for one in found if one.sentence] == ["xin chào các bạn."]
    assert [one.text for one in reading.sentences] == ["xin chào các bạn."]
    with pytest.raises(MarkupInvalid):  # broken elements are refused in any case
        in_pieces([f"{text}</p>"], lenient)
