"""Compare this checkout with another one: cached sentences and first sound, in one run.

    uv run python benchmarks/versions.py ../before            # twelve rounds, about three minutes
    uv run python benchmarks/versions.py ../before --rounds 20

The other checkout needs an environment of its own (`scripts/install` in it). One server of each
version runs with the same settings and voice. In each round every measure is taken from both, in an
order that changes from round to round. A process may be some percent faster or slower than another
one of the same program for its whole life, and the one that started last tends to be faster. So all
servers are started anew every few rounds, in an order that changes too. A ratio is the other
version's time divided by this version's time. Ratios are taken within a round. 1.00 means equally
fast, and less than 1 means slower than before. Prints Markdown.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.cache import SHORT, Address, address, burst, one_by_one, said
from tests.support.redis import redis_server
from tests.support.server import Settings, serving

HITS = 300
MISSES = 30
FIRST_BYTES = 400
"""Bytes of an answer's body that hold some sound after a WAV header, however it is split into
chunks."""

KINDS = ("hit in memory", "hit in Redis", "first sound", "hits of 16 callers")
ROUNDS_OF_A_START = 3

Samples = dict[str, list[float]]


async def first_sounds(server: Address, messages: list[bytes]) -> list[float]:
    """Return the seconds from each request to its first sound, one request after the other."""
    seconds = []
    loop = asyncio.get_running_loop()
    for message in messages:
        reader, writer = await asyncio.open_connection(*server)
        start = loop.time()
        writer.write(message)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(FIRST_BYTES)
        seconds.append(loop.time() - start)
        await reader.read()
        writer.close()
    return seconds


def main() -> None:
    """Measure both versions in turn and print a table of ratios."""
    options = _options()
    python = {"this": sys.executable, "other": str(options.other / ".venv/bin/python")}
    samples: dict[str, Samples] = {kind: {name: [] for name in python} for kind in KINDS}
    numbers = count()
    for start in range(-(-options.rounds // ROUNDS_OF_A_START)):
        order = sorted(python, reverse=start % 2 == 1)
        rounds = min(ROUNDS_OF_A_START, options.rounds - start * ROUNDS_OF_A_START)
        with _servers({name: python[name] for name in order}) as servers:
            _measure(servers, rounds, samples, numbers)
        print(f"{len(samples[KINDS[0]]['this'])} of {options.rounds} rounds", file=sys.stderr)
    print(_table(samples))


@contextmanager
def _servers(python: dict[str, str]) -> Iterator[dict[str, tuple[Address, Address]]]:
    """Start two servers of each version: one with a cache in memory, one with a cache in Redis."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = stack.enter_context(redis_server(folder / "redis"))
        shared: Settings = {
            "cache": {
                "redis": {"url": redis.url, "command_timeout": 2, "connect_timeout": 2},
                "memory": {"max_bytes": 0},
            }
        }
        servers: dict[str, tuple[Address, Address]] = {}
        for name, program in python.items():
            started = [
                stack.enter_context(
                    serving(
                        folder / name / kind, settings, command=[program, "-m", "vits_tts", "serve"]
                    )
                )
                for kind, settings in (("memory", {}), ("redis", shared))
            ]
            servers[name] = address(started[0].url), address(started[1].url)
        yield servers


def _measure(
    servers: dict[str, tuple[Address, Address]],
    rounds: int,
    samples: dict[str, Samples],
    numbers: Iterator[int],
) -> None:
    """Add the medians of each version to ``samples``, round by round."""
    hit = said(SHORT)
    for pair in servers.values():
        for server in pair:
            asyncio.run(one_by_one(server, [hit] * HITS))
    for number in range(rounds):
        order = list(servers.items())
        if number % 2:
            order.reverse()
        texts = [f"Hôm nay trời đẹp, đây là câu số {next(numbers)}." for _ in range(MISSES)]
        # The server closes the connection, so the end of the answer is the end of the stream.
        misses = [
            said(text).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") for text in texts
        ]
        for kind in KINDS:
            for name, (memory, redis) in order:
                if kind == "hit in memory":
                    value = statistics.median(asyncio.run(one_by_one(memory, [hit] * HITS)))
                elif kind == "hit in Redis":
                    value = statistics.median(asyncio.run(one_by_one(redis, [hit] * HITS)))
                elif kind == "first sound":
                    value = statistics.median(asyncio.run(first_sounds(memory, misses)))
                else:
                    value = 1 / burst(memory, hit)
                samples[kind][name].append(value)


def _table(samples: dict[str, Samples]) -> str:
    """Return Markdown: the median time of each version and the ratio's median and range."""
    lines = ["| measure | other, ms | this, ms | ratio: median (10th to 90th percentile) |"]
    lines.append("|---|---|---|---|")
    for kind, values in samples.items():
        ratios = [o / t for o, t in zip(values["other"], values["this"], strict=True)]
        tenths = statistics.quantiles(ratios, n=10)
        lines.append(
            f"| {kind} | {statistics.median(values['other']) * 1e3:.3f} "
            f"| {statistics.median(values['this']) * 1e3:.3f} "
            f"| {statistics.median(ratios):.2f} ({tenths[0]:.2f} to {tenths[-1]:.2f}) |"
        )
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("other", type=Path, help="checkout of the version to compare with")
    parser.add_argument("--rounds", type=int, default=12)
    return parser.parse_args()


if __name__ == "__main__":
    main()
