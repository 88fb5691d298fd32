"""The forms that W3C, Google, Amazon and Microsoft print for SSML, with Vietnamese texts.

Each row has an element as one of their pages shows it, and its reading. Forms that have no effect
here are refused by name, with advice.
"""

import unicodedata

import pytest

from tests.support.plans import reading, said
from vits_tts.errors import MarkupInvalid, MarkupUnsupported, RequestError

W3C = {
    '<?xml version="1.0"?><speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.w3.org/2001/10/synthesis synthesis.xsd" xml:lang="vi-VN">'
    "<p><s>Bạn có 4 thư mới.</s><s>Thư đầu tiên của <mark name='from'/>Lan, lúc "
    "<break/>3h45.</s></p></speak>": (
        "bạn có bốn thư mới. (0.25 s) thư đầu tiên của lan, lúc (0.5 s) ba giờ bốn mươi lăm phút."
    ),
    "<speak>Hít sâu <break/>rồi nói.</speak>": "hít sâu (0.5 s) rồi nói.",
    '<speak>Bấm số 1<break time="3s"/> hoặc đợi.</speak>': "bấm số một (3 s) hoặc đợi.",
    '<speak>Giá là <prosody rate="90%">45 đồng</prosody></speak>': "giá là bốn mươi lăm đồng",
    '<speak>Theo <sub alias="Tổ chức Y tế Thế giới">WHO</sub>.</speak>': (
        "theo tổ chức y tế thế giới."
    ),
    '<speak><lang xml:lang="en">Hello</lang> các bạn.</speak>': "hê lô các bạn.",
    '<speak><token>Nha Trang</token> đẹp, <w role="x">rất</w> đẹp.</speak>': (
        "nha trang đẹp, rất đẹp."
    ),
}
GOOGLE = {
    '<speak>Bước 1, hít vào. <break time="200ms"/>Bước 2, thở ra.</speak>': (
        "bước một, hít vào. (0.2 s) bước hai, thở ra."
    ),
    '<speak>Bước 3, hít. <break strength="weak"/>Bước 4, thở.</speak>': (
        "bước ba, hít. (0.25 s) bước bốn, thở."
    ),
    '<speak><say-as interpret-as="cardinal">12345</say-as></speak>': (
        "mười hai nghìn ba trăm bốn mươi lăm"
    ),
    '<speak>Người <say-as interpret-as="ordinal">1</say-as></speak>': "người thứ nhất",
    '<speak><say-as interpret-as="characters">can</say-as></speak>': "xê a nờ",
    '<speak><say-as interpret-as="fraction">5+1/2</say-as></speak>': "năm và một phần hai",
    '<speak><say-as interpret-as="unit">10 km</say-as></speak>': "mười ki lô mét",
    '<speak><say-as interpret-as="verbatim">abc</say-as></speak>': "a bê xê",
    '<speak><say-as interpret-as="date" format="yyyymmdd" detail="1">1960-09-10</say-as></speak>': (
        "ngày mười tháng chín năm một nghìn chín trăm sáu mươi"
    ),
    '<speak><say-as interpret-as="time" format="hms12">2:30pm</say-as></speak>': (
        "hai giờ ba mươi phút chiều"
    ),
    '<speak><say-as interpret-as="currency" language="vi-VN">42.01 USD</say-as></speak>': (
        "bốn mươi hai phẩy không một đô la mỹ"
    ),
}
AMAZON = {
    '<speak>Mary có <break time="3s"/>một con cừu.</speak>': "me ri có (3 s) một con cừu.",
    '<speak><prosody volume="+6dB">To hơn</prosody> và <prosody rate="85%">chậm hơn</prosody>'
    "</speak>": "to hơn và chậm hơn",
    '<speak><say-as interpret-as="telephone">2122241555</say-as></speak>': (
        "hai một hai hai hai bốn một năm năm năm"
    ),
    '<speak><say-as interpret-as="spell-out">HN</say-as></speak>': "hát nờ",
    '<speak><say-as interpret-as="digits">1234</say-as></speak>': "một hai ba bốn",
    '<speak><say-as interpret-as="date" format="mdy">12/31/2022</say-as></speak>': (
        "ngày ba mươi mốt tháng mười hai năm hai nghìn không trăm hai mươi hai"
    ),
    '<speak><say-as interpret-as="address">12 Lê Lợi</say-as></speak>': "mười hai lê lợi",
}
MICROSOFT = {
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
    'xmlns:mstts="http://www.w3.org/2001/mstts" xml:lang="vi-VN">'
    '<voice name="vi_VN-vais1000-compact">Xin chào <bookmark mark="flower_1"/>hoa hồng.</voice>'
    "</speak>": "xin chào hoa hồng.",
    '<speak>Chào mừng <break strength="medium"/>đến, <break time="250ms"/>mời vào.</speak>': (
        "chào mừng (0.5 s) đến, (0.25 s) mời vào."
    ),
    '<speak><prosody rate="+30.00%">Nhanh hơn</prosody></speak>': "nhanh hơn",
    '<speak><prosody volume="+20.00%">To</prosody></speak>': "to",
    '<speak>Điểm: <say-as interpret-as="number">27</say-as></speak>': "điểm: hai mươi bảy",
    '<speak><say-as interpret-as="name">Ed II</say-as></speak>': "e đê đệ hai",
}


@pytest.mark.parametrize(
    ("document", "expected"),
    [pair for pairs in (W3C, GOOGLE, AMAZON, MICROSOFT) for pair in pairs.items()],
)
def test_sample(document: str, expected: str) -> None:
    """It is said as its page describes."""
    assert said(document) == expected


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ('<prosody rate="120%">', 1.2),
        ('<prosody rate="slow">', 0.75),
        ('<prosody rate="+30.00%">', 1.3),
        ('<prosody rate="0.9">', 0.9),
        ('<prosody volume="-6dB">', 10 ** (-6 / 20)),
        ('<prosody volume="loud">', 10 ** (6 / 20)),
        ('<prosody volume="+20.00%">', 1.2),
        ('<prosody volume="75">', 0.75),
    ],
)
def test_values(element: str, value: float) -> None:
    """Rates and volumes are those that the pages describe."""
    (sentence,) = reading(f"<speak>{element}Chào</prosody></speak>").sentences
    assert sentence.rate * sentence.volume == pytest.approx(value)


@pytest.mark.parametrize(
    ("element", "word"),
    [
        ('<emphasis level="strong">a</emphasis>', "emphasis"),
        ('<audio src="https://example.vn/a.mp3"/>', "audio"),
        ('<prosody pitch="+2st">a</prosody>', "pitch"),
        ('<prosody contour="(0%,+20Hz)">a</prosody>', "contour"),
        ('<amazon:effect name="whispered">a</amazon:effect>', "amazon:effect"),
        ('<mstts:express-as style="sad">a</mstts:express-as>', "mstts:express-as"),
        ("<par><media>a</media></par>", "par"),
        ('<lexicon uri="https://example.vn/a.pls"/>', "lexicon"),
        ('<lang xml:lang="fr-FR">a</lang>', "fr-FR"),
    ],
)
def test_refused(element: str, word: str) -> None:
    """A form without effect here is refused by its name; `markup.unknown: ignore` reads on."""
    document = f"<speak>{element} bạn</speak>"
    with pytest.raises(MarkupUnsupported, match=word):
        said(document)
    assert said(document, unknown="ignore").endswith("bạn")


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ('<sub alias="Liên Hợp Quốc"><b>LHQ</b></sub>', "liên hợp quốc"),
        ("<think>x</think>chào<reasoning>y</reasoning>", "chào"),
        ('<say-as interpret-as="interjection">ôi</say-as>', "ôi"),
        ('<say-as interpret-as="digits"><b>1</b>2</say-as>', "một hai"),
        ('<voice gender="female" language="vi-VN">chào</voice>', "chào"),
        ('<phoneme alphabet="x-sampa" ph="a">lan</phoneme>', "lan"),
    ],
)
def test_ignored(element: str, expected: str) -> None:
    """With `markup.unknown: ignore`, elements without effect here leave their text."""
    document = f"<speak>{element}</speak>"
    with pytest.raises(RequestError):
        said(document)
    assert said(document, unknown="ignore") == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("unit", "3 foo"),
        ("unit", "1/0 kg"),
        ("unit", "5"),
        ("unit", "5'10\""),
        ("unit", "5 /km"),
        ("duration", "1:99"),
        ("duration", "1:60:00"),
        ("duration", "1h99"),
        ("duration", "30s 1h"),
        ("time", "24:30"),
        ("date", "1/1/0"),
        ("currency", "5 km"),
        ("telephone", "1"),
        ("telephone", "84+912"),
        ("address", "..."),
        ("name", "中"),
        ("roman", "ⅣⅧ"),
        ("characters", "😀"),
        ("currency", "5 foo"),
    ],
)
def test_what_is_not_of_its_kind(kind: str, text: str) -> None:
    """A text that a reading by name does not know is refused, not read as something else."""
    with pytest.raises(MarkupInvalid, match=kind):
        said(f'<speak>Đọc <say-as interpret-as="{kind}">{text}</say-as></speak>')


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("cardinal", "12 345", "mười hai nghìn ba trăm bốn mươi lăm"),
        ("ordinal", "Ⅳ", "thứ tư"),
        ("characters", "“Ａ”\u200b…", "ngoặc kép a ngoặc kép ba chấm"),
        ("date", "ngày 5/3/2024", "ngày năm tháng ba năm hai nghìn không trăm hai mươi tư"),
        ("time", "8h30p", "tám giờ ba mươi phút"),
        ("time", "8 giờ rưỡi", "tám giờ rưỡi"),
        ("duration", "P5M", "năm tháng"),
        ("duration", "PT5M", "năm phút"),
        ("duration", "500ms", "năm trăm mi li giây"),
        ("duration", "1 tiếng rưỡi", "một giờ rưỡi"),
        ("telephone", "*100*123#", "sao một không không sao một hai ba thăng"),
        ("telephone", "(+84) 912", "cộng tám bốn chín một hai"),
        ("currency", "5tr", "năm triệu đồng"),
        ("currency", "5 Usd", "năm đô la mỹ"),
        ("currency", "5 HKD", "năm đô la hồng công"),
        ("currency", "+5 bảng Anh", "cộng năm bảng anh"),
        ("unit", "5 ms", "năm mi li giây"),
        ("unit", "5 A", "năm am pe"),
        ("unit", "5 Sv", "năm xi vơ"),
        ("unit", "− 5 m^2", "âm năm mét vuông"),
        ("unit", "5½ lít", "năm và một phần hai lít"),
        ("unit", "5-10 km", "năm đến mười ki lô mét"),
        ("score", "100-98", "một trăm, chín mươi tám"),
        ("address", "12-14 Lê Lợi", "mười hai đến mười bốn lê lợi"),
        ("address", "SN 12/3a, Q.1", "số nhà mười hai trên ba a, quận một"),
        ("name", "NGUYỄN THỊ VI", "nguyễn thị vi"),
        ("name", "ELIZABETH II", "ê li da bét đệ hai"),
        ("name", "Ng. Văn An", "nguyễn văn an"),
    ],
)
def test_readings_by_name(kind: str, text: str, expected: str) -> None:
    """A text that elsewhere would be read as something else is read as its kind."""
    text = unicodedata.normalize("NFD", text)  # as some keyboards write it
    assert said(f'<speak><say-as interpret-as="{kind}">{text}</say-as></speak>') == expected


@pytest.mark.parametrize(
    ("before", "kind", "text", "expected"),
    [
        ("Ngày", "date", "5/3", "ngày năm tháng ba"),
        ("Tháng", "date", "5/2024", "tháng năm năm hai nghìn không trăm hai mươi tư"),
        ("Năm", "date", "2024", "năm hai nghìn không trăm hai mươi tư"),
        ('<sub alias="ngày">a. b</sub>', "date", "5/3", "ngày năm tháng ba"),
        ('<sub alias="năm">y</sub>', "date", "2024", "năm hai nghìn không trăm hai mươi tư"),
        ("Lớp 5", "date", "2024", "lớp năm năm hai nghìn không trăm hai mươi tư"),
        ("Thứ", "ordinal", "5", "thứ năm"),
    ],
)
def test_names_are_said_once(before: str, kind: str, text: str, expected: str) -> None:
    """A name of a part of a date that stands before the element is not said twice."""
    given = f'{before} <say-as interpret-as="{kind}">{text}</say-as>'
    assert said(f"<speak>{given}</speak>") == expected


def test_two_currencies() -> None:
    """An amount in another currency than the format says is refused."""
    amount = '<speak><say-as interpret-as="currency" format="USD">5 {}</say-as></speak>'
    assert said(amount.format("đô")) == "năm đô la mỹ"
    with pytest.raises(MarkupInvalid, match="two currencies"):
        said(amount.format("EUR"))
