"""Compare how well this project, espeak-ng alone and other libraries read written Vietnamese.

Prints Markdown for docs/READING.md. The libraries are a dependency group of their own:

    uv run --group benchmarks python benchmarks/reading.py

With `--nemo FOLDER` it also reads NVIDIA's test cases for Vietnamese from NeMo-text-processing,
file by file (`written~spoken`; in files named `inverse_...` the other way round). It lists the
readings that differ by more than style (linh or lẻ, tư or bốn, hai mươi mốt or hai mốt). With
`--fresh FILE...` it reads lines of `genre TAB written TAB accepted reading`, by genre.

Every reader gets the cases of tests/cases, and is right where a case accepts its reading. Readers
that write words are compared as the tests compare them. Marks that a library puts around English
are removed first. espeak-ng writes phonemes: each word of them is taken for the accepted word with
the same sound, if there is one, which favours espeak-ng.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from itertools import cycle
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.support.reading import Case, accepts, cases, pattern, plain
from vits_tts.text.normalizer.pipeline import Normalizer

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
    """Load this project's reader."""
    normaliser = Normalizer()
    return lambda case: normaliser(case.written).spoken


def sea_g2p() -> Reader:
    """Load sea-g2p's normaliser."""
    from sea_g2p import Normalizer

    normalizer: Any = Normalizer()
    return lambda case: re.sub(r"</?en>", "", normalizer.normalize(case.written))


def g2p_hamster() -> Reader:
    """Load g2p-hamster and read the words that it turns into phonemes."""
    from g2p_hamster import text_to_profile_v2_full

    return lambda case: " ".join(
        unit["word"] for unit in text_to_profile_v2_full(case.written)["units"]
    )


def vietnormalizer() -> Reader:
    """Load vietnormalizer."""
    from vietnormalizer import VietnameseNormalizer

    normalizer = VietnameseNormalizer()
    return lambda case: str(normalizer.normalize(case.written))


def donglao_g2p() -> Reader:
    """Load donglao-g2p's normaliser."""
    from donglao_g2p import normalize

    return lambda case: str(normalize(case.written))


def vinormx() -> Reader:
    """Load vinormx."""
    from vinormx import TTSnorm

    return lambda case: str(TTSnorm(case.written))


def underthesea() -> Reader:
    """Load underthesea's text normalisation."""
    from underthesea import text_normalize

    return lambda case: str(text_normalize(case.written))


def espeak() -> Reader:
    """Load espeak-ng alone; its phonemes are taken for words that the case accepts."""
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
    """Return whether the reader reads the case in an accepted way; an exception counts as wrong."""
    try:
        return accepts(case, read(case))
    except Exception:  # noqa: BLE001  # whatever another library raises
        return False


def version(name: str) -> str:
    """Return a reader's version if it is a package."""
    try:
        return f" {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return ""


def by_category(found: list[Case], readers: dict[str, Reader]) -> Iterator[str]:
    """Yield the table of shares read right, by category."""
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
    """Yield the table of cases that this project reads wrong."""
    missed = [case for case in found if not right(read, case)]
    if not missed:
        yield "None of the cases."
        return
    yield "| category | written | read |"
    yield "|---|---|---|"
    for case in missed:
        yield f"| {case.category} | {case.written} | {read(case)} |".replace("\n", " ")


_STYLE = {"lẻ": "", "linh": "", "tư": "bốn", "mốt": "một", "lăm": "năm", "bẩy": "bảy"}
_DIGIT = "một|hai|ba|bốn|năm|sáu|bảy|tám|chín"


def style(reading: str) -> str:
    """Return a reading in the form compared with NeMo's, without differences between regions."""
    said = plain(reading)
    said = re.sub(rf"mươi (?=(?:{_DIGIT}|mốt|tư|lăm|bẩy)(?!\w))", "", said)  # hai mốt
    said = re.sub(r"(?<!\w)(nghìn|triệu|tỷ) không trăm (?!nghìn|triệu)", r"\1 ", said)
    said = re.sub(r"(?<= )(?:trừ) (?=\w)|^trừ ", "âm ", said)
    return " ".join(word for word in (_STYLE.get(word, word) for word in said.split()) if word)


def nemo(folder: Path) -> Iterator[str]:
    """Yield the table of NeMo's cases by file, and the cases that differ by more than style."""
    read = Normalizer()
    different: list[str] = []
    yield "| file | cases | same but for style |"
    yield "|---|---:|---:|"
    for path in sorted(folder.glob("*.txt")):
        cases_of_file = [
            line.split("~", 1) for line in path.read_text("utf-8").splitlines() if "~" in line
        ]
        same = 0
        for first, last in cases_of_file:
            inverse = path.name.startswith("inverse")
            written, spoken = (last, first) if inverse else (first, last)
            reading = read(written).spoken
            if style(reading) == style(spoken):
                same += 1
            else:
                different.append(f"- `{written}`: {spoken} / {reading}")
        yield f"| {path.stem} | {len(cases_of_file)} | {same} |"
    yield ""
    yield from different


def fresh(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the shares read right of lines with their accepted readings, by genre."""
    read = Normalizer()
    counts: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for path in paths:
        for line in path.read_text("utf-8").splitlines():
            genre, written, accepted = line.split("\t")
            counts[genre] += 1
            hits[genre] += accepts(Case(genre, written, accepted), read(written).spoken)
    yield "| genre | lines | right |"
    yield "|---|---:|---:|"
    for genre, count in sorted(counts.items()):
        yield f"| {genre} | {count} | {hits[genre] / count:.0%} |"
    yield f"| **all** | **{counts.total()}** | **{hits.total() / counts.total():.1%}** |"


def news(found: list[Case]) -> str:
    """Return a million characters of lines that resemble a newspaper."""
    facts = cycle([case.written for case in found if case.category == "passages"])
    prose = cycle(PROSE)
    lines: list[str] = []
    size = 0
    while size < NEWS_CHARACTERS:
        lines.append(f"{next(prose)} {next(facts)} {next(prose)} {next(prose)}")
        size += len(lines[-1]) + 1
    return "\n".join(lines)[:NEWS_CHARACTERS]


def speed(found: list[Case]) -> Iterator[str]:
    """Yield the seconds for a million characters and for one sentence."""
    before = os.times()
    command = [sys.executable, "-m", "vits_tts", "normalize"]
    start = time.perf_counter()
    subprocess.run(command, input=news(found).encode(), stdout=subprocess.PIPE, check=True)
    whole = time.perf_counter() - start
    used = sum(os.times()[2:4]) - sum(before[2:4])
    normaliser = Normalizer()
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
    """Print everything, or the parts that the options name."""
    parser = argparse.ArgumentParser(description="How well written Vietnamese is read.")
    parser.add_argument("--nemo", type=Path, help="folder of NeMo's test cases")
    parser.add_argument("--fresh", type=Path, nargs="+", help="files of lines by genre")
    options = parser.parse_args()
    if options.nemo:
        print("\n".join(nemo(options.nemo)))
    if options.fresh:
        print("\n".join(fresh(options.fresh)))
    if options.nemo or options.fresh:
        return
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
