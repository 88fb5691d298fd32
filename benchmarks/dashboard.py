"""Draw deploy/monitoring/dashboard.json from real servers and a real Prometheus.

    uv run --group benchmarks python benchmarks/dashboard.py     # six minutes; Debian: prometheus

Two servers share a Redis, and Prometheus collects the metrics of both. Callers come and go; then
many come at once, then Redis is stopped, then one caller exceeds its rate limit. After that every
query of every panel is sent to Prometheus in the form that Grafana uses. A query that is refused or
returns no data is an error. Writes docs/pictures/dashboard.png: the panels, laid out as in the
dashboard.
"""

import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx
import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import EngFormatter, FuncFormatter
from measuring.texts import Texts
from PIL import Image

from tests.support.monitoring import Panel, Points, panels, prometheus
from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server, serving

PICTURE: Final = Path(__file__).parent.parent / "docs" / "pictures" / "dashboard.png"
SETTINGS: Final = {"voice": {"threads": 1}, "access": {"requests_per_minute": 45}}
SCRAPE: Final = 3
FILES: Final = 1 / 8
FAMILIAR: Final = 1 / 2
"""Share of requests that ask for a file, and share of texts that have been said before."""
COLUMNS: Final = 24
COLOURS: Final = 128
LONG_LEGEND: Final = 20
COLUMN_INCHES, LINE_INCHES = 0.7, 0.36
UNITS: Final[dict[str, Any]] = {
    "s": EngFormatter("s"),
    "bytes": EngFormatter("B"),
    "reqps": FuncFormatter(lambda value, _: f"{value:g} req/s"),
    "ops": FuncFormatter(lambda value, _: f"{value:g} ops/s"),
    "short": FuncFormatter(lambda value, _: f"{value:g}"),
}

Drawn = list[tuple[Panel, dict[str, Points]]]


class Caller(threading.Thread):
    """A caller with its own address that asks for new texts and for familiar ones."""

    def __init__(self, url: str, number: int, pause: float) -> None:
        """Start at once; ``pause`` is the mean number of seconds between two requests."""
        super().__init__(daemon=True)
        self._url, self._pause = url, pause
        self._texts, self._known = Texts(number), Texts(0).sentences(10)
        self._chance = random.Random(number)  # noqa: S311  # nothing secret
        self._transport = httpx.HTTPTransport(local_address=f"127.0.1.{number}")
        self._enough = threading.Event()
        self.start()

    def run(self) -> None:
        """Send requests until stopped."""
        with httpx.Client(base_url=self._url, transport=self._transport, timeout=600) as client:
            while not self._enough.wait(self._chance.uniform(0, 2 * self._pause)):
                familiar = self._chance.random() < FAMILIAR
                text = self._chance.choice(self._known) if familiar else self._texts.sentence()
                if self._chance.random() > FILES:
                    client.get("/tts/stream", params={"text": text})
                elif (made := client.get("/tts", params={"text": text})).is_success:
                    client.get(made.json()["audio_url"])

    def stop(self) -> None:
        """Stop, and wait for the last answer."""
        self._enough.set()
        self.join()


@contextmanager
def calling(servers: Sequence[Server], numbers: range, pause: float) -> Iterator[None]:
    """Run several callers for a while."""
    urls = islice(cycle(servers), len(numbers))
    callers = [
        Caller(server.url, number, pause) for server, number in zip(urls, numbers, strict=True)
    ]
    yield
    for caller in callers:
        caller.stop()


def happen(servers: Sequence[Server], redis: RedisServer) -> None:
    """Run five minutes of normal traffic with some faults."""
    wait = threading.Event().wait
    with calling(servers, range(1, 6), 2):
        wait(70)
        with calling(servers, range(10, 50), 2):
            wait(40)
        wait(40)
        redis.stop()
        wait(30)
        redis.start()
        wait(50)
        with calling(servers, range(100, 101), 0):
            wait(40)
        wait(30)


def watched(folder: Path) -> tuple[Drawn, float]:
    """Return every panel with the points it drew, by legend, and the time when they begin."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(folder / "redis"))
        settings: dict[str, dict[str, Any]] = {**SETTINGS, "cache": {"redis": {"url": redis.url}}}
        servers = [stack.enter_context(serving(folder / name, settings)) for name in ("a", "b")]
        watching = stack.enter_context(prometheus(folder / "prometheus", servers, SCRAPE))
        begun = time.time()
        happen(servers, redis)
        drawn, empty = [], []
        for panel in panels():
            lines: dict[str, Points] = {}
            for query in panel.queries:
                found = watching.lines(query, begun, time.time())
                lines.update(found)
                if not found:
                    empty.append(f"{panel.title}: {query.expression} draws nothing")
            drawn.append((panel, lines))
    if empty:
        sys.exit("\n".join(empty))
    return drawn, begun


def draw(drawn: Drawn, begun: float) -> None:
    """Write the picture."""
    mpl.use("agg")
    mpl.rcParams.update({"font.size": 7, "axes.axisbelow": True, "axes.titlesize": 9})
    height = max(panel.place["y"] + panel.place["h"] for panel, _ in drawn)
    figure = plt.figure(figsize=(COLUMNS * COLUMN_INCHES, height * LINE_INCHES))
    for panel, lines in drawn:
        left, top = panel.place["x"] / COLUMNS, 1 - panel.place["y"] / height
        width, depth = panel.place["w"] / COLUMNS, panel.place["h"] / height
        if not panel.queries:
            figure.text(left + 0.005, top - depth / 2, panel.title, size=11, weight="bold")
            continue
        axes = figure.add_axes((left + 0.2 * width, top - 0.74 * depth, 0.77 * width, 0.62 * depth))
        _panel(axes, panel, lines, begun)
    figure.savefig(PICTURE, dpi=80)
    Image.open(PICTURE).convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)


def _panel(axes: Any, panel: Panel, lines: dict[str, Points], begun: float) -> None:
    below: dict[float, float] = {}
    for name, points in sorted(lines.items()):
        moments = [(moment - begun) / 60 for moment, _ in points]
        values = [value + below.get(moment, 0) for moment, value in points]
        (line,) = axes.plot(moments, values, linewidth=1, label=name)
        if panel.stacked:
            floor = [below.get(moment, 0) for moment, _ in points]
            axes.fill_between(moments, floor, values, color=line.get_color(), alpha=0.2)
            below.update((moment, value) for (moment, _), value in zip(points, values, strict=True))
    axes.set_title(panel.title, loc="left")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(UNITS[panel.unit])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda minutes, _: f"{minutes:g} min"))
    axes.grid(alpha=0.3)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.45, -0.1),
        ncols=2 if max(map(len, lines)) > LONG_LEGEND else 4,
        frameon=False,
        fontsize=6,
    )


def main() -> None:
    """Run the traffic, collect the panels and draw them."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # also stops the servers
    with tempfile.TemporaryDirectory() as folder:
        draw(*watched(Path(folder)))
    print(f"{PICTURE.name}: {PICTURE.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
