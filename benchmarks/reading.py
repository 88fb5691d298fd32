"""How well written Vietnamese is read: by this project, by espeak-ng alone, by other libraries.

Prints Markdown for docs/READING.md. The libraries are a dependency group of their own:

    uv run --group benchmarks python benchmarks/reading.py

Every reader gets the cases of tests/cases, and is right where a case accepts its reading. What
writes words is compared as the tests compare it; English marked by a library is taken without its
marks. espeak-ng writes none: each word of its phonemes is taken for the accepted word that sounds
so, if there is one, which favours it.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import metadata
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.reading import Case, accepts, cases, pattern
from vits_tts.text.normalise import Normaliser

Reader = Callable[[Case], str]

PROSE = (
    "Sáng sớm, những con đường quanh hồ còn vắng người, chỉ có tiếng chổi quét lá.",
    "Theo các chuyên gia, việc trồng thêm cây xanh giúp giảm nhiệt độ của thành phố.",
    "Bà con trong thôn cho biết từ khi có con đường mới, việc đi lại thuận tiện hơn nhiều.",
    "Lãnh đạo nhà trường sẽ xem xét nguyện vọng của phụ huynh trước khi quyết định.",
    "Nhiều doanh nghiệp nhỏ đang tìm cách giữ chân người lao động lúc đơn hàng chưa phục hồi.",
    "Dự báo trong những ngày tới, khu vực miền Trung tiếp tục có mưa to.",
)
SENTENCE = "Ngày 20/11/2024, hơn 1.250 học sinh Hà Nội dự lễ khai giảng lúc 8h30 tại sân trường."
NEWS_CHARACTERS = 1_000_000


def ours() -> Reader:
    """Return this project's reader."""
    normaliser = Normaliser()
    return lambda case: normaliser(case.written).spoken


def sea_g2p() -> Reader:
    """Return sea-g2p's normaliser."""
    from sea_g2p import Normalizer

    normalizer: Any = Normalizer()
    return lambda case: re.sub(r"</?en>", "", normalizer.normalize(case.written))


def g2p_hamster() -> Reader:
    """Return the words that g2p-hamster makes phonemes of."""
    from g2p_hamster import text_to_profile_v2_full

    return lambda case: " ".join(
        unit["word"] for unit in text_to_profile_v2_full(case.written)["units"]
    )


def vietnormalizer() -> Reader:
    """Return vietnormalizer."""
    from vietnormalizer import VietnameseNormalizer

    normalizer = VietnameseNormalizer()
    return lambda case: str(normalizer.normalize(case.written))


def donglao_g2p() -> Reader:
    """Return donglao-g2p's normaliser."""
    from donglao_g2p import normalize

    return lambda case: str(normalize(case.written))


def vinormx() -> Reader:
    """Return vinormx."""
    from vinormx import TTSnorm

    return lambda case: str(TTSnorm(case.written))


def underthesea() -> Reader:
    """Return underthesea's text normalisation."""
    from underthesea import text_normalize

    return lambda case: str(text_normalize(case.written))


def espeak() -> Reader:
    """Return espeak-ng alone, its phonemes taken for words that the case accepts."""
    from piper.phonemize_espeak import ESPEAK_DATA_DIR, EspeakPhonemizer

    phonemizer = EspeakPhonemizer(ESPEAK_DATA_DIR)

    def sounds(text: str) -> list[str]:
        phonemes = " ".join("".join(clause) for clause in phonemizer.phonemize("vi", text))
        return re.sub(r"[ˈˌ1]|[^\w\s]", "", phonemes).split()

    def read(case: Case) -> str:
        words = re.findall(r"[^\W\d_]+", pattern(case.accepted)) + case.written.lower().split()
        known = {"".join(sounds(word)): word for word in reversed(words)}
        return " ".join(known.get(sound, sound) for sound in sounds(case.written))

    return read


READERS: dict[str, Callable[[], Reader]] = {
    "vits-tts": ours,
    "sea-g2p": sea_g2p,
    "g2p-hamster": g2p_hamster,
    "vietnormalizer": vietnormalizer,
    "donglao-g2p": donglao_g2p,
    "vinormx": vinormx,
    "underthesea": underthesea,
    "espeak-ng": espeak,
}


def right(read: Reader, case: Case) -> bool:
    """Whether the reader reads the case in an accepted way; one that raises does not."""
    try:
        return accepts(case, read(case))
    except Exception:  # noqa: BLE001  # whatever another library raises
        return False


def version(name: str) -> str:
    """Return a reader's version, where it is a package."""
    try:
        return f" {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return ""


def by_category(found: list[Case], readers: dict[str, Reader]) -> Iterator[str]:
    """Yield the table of shares read right."""
    counts = Counter(case.category for case in found)
    hits = {
        name: Counter(case.category for case in found if right(read, case))
        for name, read in readers.items()
    }
    yield f"| category | cases | {' | '.join(name + version(name) for name in readers)} |"
    yield f"|---|---:|{'---:|' * len(readers)}"
    for category, count in sorted(counts.items()):
        shares = (f"{hits[name][category] / count:.0%}" for name in readers)
        yield f"| {category} | {count} | {' | '.join(shares)} |"
    shares = (f"**{sum(hits[name].values()) / len(found):.1%}**" for name in readers)
    yield f"| **all** | **{len(found)}** | {' | '.join(shares)} |"


def wrong(found: list[Case], read: Reader) -> Iterator[str]:
    """Yield the table of what this project reads wrong."""
    missed = [case for case in found if not right(read, case)]
    if not missed:
        yield "None of the cases."
        return
    yield "| category | written | read |"
    yield "|---|---|---|"
    for case in missed:
        yield f"| {case.category} | {case.written} | {read(case)} |".replace("\n", " ")


def news(found: list[Case]) -> str:
    """Return a million characters of lines such as newspapers print."""
    facts = cycle([case.written for case in found if case.category == "passages"])
    prose = cycle(PROSE)
    lines: list[str] = []
    size = 0
    while size < NEWS_CHARACTERS:
        lines.append(f"{next(prose)} {next(facts)} {next(prose)} {next(prose)}")
        size += len(lines[-1]) + 1
    return "\n".join(lines)[:NEWS_CHARACTERS]


def speed(found: list[Case]) -> Iterator[str]:
    """Yield how long a million characters and one sentence take."""
    before = os.times()
    command = [sys.executable, "-m", "vits_tts", "normalize"]
    start = time.perf_counter()
    subprocess.run(command, input=news(found).encode(), stdout=subprocess.PIPE, check=True)
    whole = time.perf_counter() - start
    used = sum(os.times()[2:4]) - sum(before[2:4])
    normaliser = Normaliser()
    normaliser(SENTENCE)
    times = []
    for _ in range(300):
        start = time.perf_counter()
        normaliser(SENTENCE)
        times.append(time.perf_counter() - start)
    median = sorted(times)[150] * 1000
    yield (
        f"- `vits-tts normalize` on 1,000,000 characters of news, on one core: {used:.1f} s of "
        f"processor time, {whole:.1f} s on the clock."
    )
    yield f"- An ordinary sentence ({len(SENTENCE)} characters): {median:.2f} ms."


def main() -> None:
    """Print everything."""
    found = list(cases())
    readers = {}
    for name, make in READERS.items():
        try:
            readers[name] = make()
        except ImportError as error:
            print(f"{name}: not installed ({error})", file=sys.stderr)
    print("\n".join(by_category(found, readers)))
    print("\n### Still wrong\n")
    print("\n".join(wrong(found, readers["vits-tts"])))
    print("\n### Speed\n")
    print("\n".join(speed(found)))


if __name__ == "__main__":
    main()
