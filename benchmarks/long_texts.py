"""Compare the first sound of a long text over HTTP with that of one sentence.

    .venv/bin/python benchmarks/long_texts.py                  # 50,000 characters
    .venv/bin/python benchmarks/long_texts.py --characters 5000

Requests for one sentence and for a text that begins with such a sentence alternate, in an order
that changes. No text is spoken twice. The client leaves after the first sound, and waits until the
server has noticed that. Prints Markdown.
"""

import argparse
import http.client
import json
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measuring.texts import Texts
from benchmarks.versions import FIRST_BYTES
from tests.support.server import Server, serving

WARM_UP: Final = 5
IDLE: Final = re.compile(r"(?m)^vits_tts_requests_under_way 1(?:\.0)?$")
"""The line of metrics when only the request for metrics is under way."""


def first_sound(server: Server, text: str) -> float:
    """Return the seconds from a request to the first bytes of sound."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    connection.connect()
    body = json.dumps({"text": text})
    start = time.perf_counter()
    connection.request("POST", "/tts/stream", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read(FIRST_BYTES)
    seconds = time.perf_counter() - start
    connection.close()
    server.wait_until(lambda: IDLE.search(server.metrics()) is not None, "it is idle")
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--characters", type=int, default=50_000)
    parser.add_argument("--pairs", type=int, default=40)
    options = parser.parse_args()
    texts, order = Texts(7), random.Random(7)  # noqa: S311  # nothing secret
    found: dict[str, list[float]] = {"one sentence": [], "long text": []}
    limit = {"max_text_chars": options.characters + 1000, "max_body_bytes": "4MiB"}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), {"server": limit}) as server,
    ):
        for number in range(WARM_UP + options.pairs):
            long = " ".join(texts.sentences(options.characters // 92 + 1))[: options.characters]
            turns = {"one sentence": texts.sentence(), "long text": long}
            names = list(turns)
            order.shuffle(names)
            for name in names:
                seconds = first_sound(server, turns[name])
                if number >= WARM_UP:
                    found[name].append(seconds)
    print("| first sound, ms | requests | median | 90 % |")
    print("|---|---:|---:|---:|")
    for name, times in found.items():
        tenths = statistics.quantiles(times, n=10)
        median = statistics.median(times)
        print(f"| {name} | {len(times)} | {median * 1000:.1f} | {tenths[-1] * 1000:.1f} |")
    ratios = [b / a for a, b in zip(found["one sentence"], found["long text"], strict=True)]
    medians = [statistics.median(times) for times in found.values()]
    print(
        f"\n{options.characters} characters take {medians[1] / medians[0]:.2f} of one sentence "
        f"(median of pairs: {statistics.median(ratios):.2f})."
    )


if __name__ == "__main__":
    main()
