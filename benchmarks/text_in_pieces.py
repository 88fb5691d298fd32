"""Measure the cost of reading a text in pieces, while it is written.

    uv run python benchmarks/text_in_pieces.py                 # less than a minute
    uv run python benchmarks/text_in_pieces.py --rounds 20

Each text is read whole, as over HTTP, and with incremental reading in pieces of several lengths.
Each round does all of them once. A ratio is the processor time of the pieces divided by that of the
whole text in the same round. Prints the medians as Markdown for docs/REALTIME.md.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measuring.texts import Texts
from benchmarks.reading import news
from tests.support.reading import cases
from vits_tts.text.incremental import IncrementalReading
from vits_tts.text.normalizer.pipeline import Normalizer
from vits_tts.text.split import split

_CHARS: Final = 5000
_PIECES: Final = (5, 20, 200)
_ANSWERS: Final = (
    "Sáng 2/9/1945, Chủ tịch Hồ Chí Minh đọc bản Tuyên ngôn Độc lập. Hơn 50.000 người có mặt, "
    "trong đó có GS. Trần Văn B. (sinh năm 1902). Anh hỏi: “Em đi TP. HCM à?” Chị gật đầu. Giá "
    "vàng tăng 1,2 triệu đồng/lượng. Nhiệt độ khoảng 30°C.\n\n- 200 g bột mì\n- 2 quả trứng\n\n"
)


def texts() -> Iterator[tuple[str, str]]:
    """Yield the texts and their names."""
    yield "sentences of ordinary words", " ".join(Texts(1).sentences(60))[:_CHARS]
    yield "news", news(list(cases()))[:_CHARS]
    yield "numbers, abbreviations, quotations, lists", (_ANSWERS * 20)[:_CHARS]


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of a call, in seconds."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def in_pieces(read: Normalizer, text: str, length: int, *, clauses: bool = False) -> int:
    """Read a text in pieces of some length; return the number of parts.

    With ``clauses`` a clause is asked for after each piece, as for a listener who has heard all.
    """
    reading = IncrementalReading(read)
    count = 0
    for start in range(0, len(text), length):
        reading.add(text[start : start + length])
        count += sum(1 for _ in reading.settled())
        if clauses and reading.clause():
            count += 1
    return count + bool(reading.flush())


def main() -> None:
    """Measure all texts and print the table."""
    parser = argparse.ArgumentParser(description="The cost of reading a text in pieces.")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    read = Normalizer()
    lengths = " | ".join(f"by {length}" for length in _PIECES)
    print(f"| {_CHARS:,} characters | whole, ms | {lengths} | by 20, with clauses |")
    print(f"|---|---:|{'---:|' * (len(_PIECES) + 1)}")
    for name, text in texts():
        split(read(text))
        wholes: list[float] = []
        ratios: list[list[float]] = []
        for _ in range(options.rounds):
            whole = seconds(lambda text=text: split(read(text)))  # type: ignore[misc]
            found = [
                seconds(lambda text=text, n=n: in_pieces(read, text, n))  # type: ignore[misc]
                for n in _PIECES
            ]
            found.append(seconds(lambda text=text: in_pieces(read, text, 20, clauses=True)))  # type: ignore[misc]
            wholes.append(whole)
            ratios.append([one / whole for one in found])
        medians = " | ".join(f"{statistics.median(each):.1f}" for each in zip(*ratios, strict=True))
        print(f"| {name} | {statistics.median(wholes) * 1000:.0f} | {medians} |", flush=True)


if __name__ == "__main__":
    main()
