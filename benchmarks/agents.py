"""Measure speech for agents: words go into a WebSocket as a language model writes them.

    uv run python benchmarks/agents.py                      # 40 answers, about four minutes
    uv run python benchmarks/agents.py --sockets 50         # 50 answers at the same time
    uv run python benchmarks/agents.py --soak 600           # ten minutes with interruptions

Without an option, answers are written in turn into a WebSocket (ElevenLabs' `stream-input`) and,
sentence by sentence, to HTTP. A clause is complete when its last word has been sent, a sentence
likewise. Times are from there to the first sound. With `--sockets`, all answers are written and
played at the same time; a gap is time in which a player has nothing to play though its answer has
not ended. With `--soak`, contexts of `multi-stream-input` are interrupted at random; memory,
sockets and contexts are compared at the end. No text is spoken twice. Prints Markdown.
"""

import argparse
import asyncio
import base64
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measuring.bench import median, percentile, say
from benchmarks.measuring.processes import resident
from benchmarks.measuring.texts import Texts
from tests.support.server import Server, serving
from vits_tts.config import EMBEDDED_VOICE

VOICE: Final = "agent"
RATE: Final = 22050
BYTE_RATE: Final = 2 * RATE
SENTENCES: Final = 4
"""Sentences of an answer that is played to its end."""
WARMING: Final = 10
"""Answers before those of `--sockets` that are not counted."""
SOAKING: Final = 8
"""Sockets of a soak."""
PATIENCE: Final = 120.0
SETTLING: Final = 10.0
"""Seconds that contexts and sockets may take to end after a soak."""


@dataclass
class Playback:
    """One answer as it is heard: the moment of the first sound, and the gaps after it."""

    first: float = 0.0
    ends: float = 0.0
    seconds: float = 0.0
    gaps: list[float] = field(default_factory=list)

    def hear(self, data: bytes) -> None:
        """Note sound that has come just now."""
        if not data:
            return
        now = time.perf_counter()
        if not self.first:
            self.first = self.ends = now
        if now > self.ends:
            self.gaps.append(now - self.ends)
            self.ends = now
        self.ends += len(data) / BYTE_RATE
        self.seconds += len(data) / BYTE_RATE


def address(server: Server, path: str, delay: float) -> str:
    """Return the address of a WebSocket whose clauses are spoken after ``delay`` seconds."""
    query = f"output_format=pcm_{RATE}&max_buffer_delay_ms={delay * 1000:g}&inactivity_timeout=60"
    return f"{server.url.replace('http', 'ws', 1)}/v1/text-to-speech/{VOICE}/{path}?{query}"


async def write(
    connection: ClientConnection, words: Sequence[str], pace: float, **more: object
) -> float:
    """Send words at a pace; return the moment at which the first clause was complete."""
    complete = 0.0
    for number, word in enumerate(words):
        if number:
            await asyncio.sleep(1 / pace)
        await connection.send(json.dumps({"text": f"{word} ", **more}))
        if not complete and word[-1] in ",.":
            complete = time.perf_counter()
    return complete


async def over_socket(
    server: Server, text: str, options: argparse.Namespace
) -> tuple[float, Playback]:
    """Return when the first clause of a text was complete, and how the text was heard."""
    playback = Playback()
    url = address(server, "stream-input", options.delay)
    async with connect(url, open_timeout=PATIENCE) as connection:

        async def hear() -> None:
            async for message in connection:
                told: dict[str, Any] = json.loads(message)
                if "error" in told:
                    raise RuntimeError(told)
                playback.hear(base64.b64decode(told.get("audio") or ""))

        hearing = asyncio.create_task(hear())
        complete = await write(connection, text.split(), options.words)
        await connection.send(json.dumps({"text": ""}))
        await asyncio.wait_for(hearing, PATIENCE)
    return complete, playback


async def over_http(
    server: Server, client: httpx.AsyncClient, text: str, words: float
) -> tuple[float, float, float]:
    """Write a sentence, then ask for it; return its clause's end, its own end, its first sound."""
    clause = 0.0
    for number, word in enumerate(text.split()):
        if number:
            await asyncio.sleep(1 / words)
        if not clause and word[-1] in ",.":
            clause = time.perf_counter()
    asked = time.perf_counter()
    body = {"text": text, "format": "pcm"}
    async with client.stream("POST", f"{server.url}/tts/stream", json=body) as answer:
        answer.raise_for_status()
        first = 0.0
        async for _ in answer.aiter_bytes():
            first = first or time.perf_counter()
    return clause, asked, first


async def in_turn(server: Server, options: argparse.Namespace) -> str:
    """Return the table of first sounds, of a socket and of HTTP in turn."""
    texts = Texts(options.seed)
    columns: dict[str, list[float]] = {
        "WebSocket, from the last word of the first clause": [],
        "HTTP, from the last word of the first clause": [],
        "HTTP, from the last word of the sentence": [],
    }
    socket, clauses, sentences = columns.values()
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        for number in range(options.answers + 1):
            complete, playback = await over_socket(server, texts.sentence(), options)
            clause, asked, first = await over_http(server, client, texts.sentence(), options.words)
            if number:  # the first one warms up
                socket.append(playback.first - complete)
                clauses.append(first - clause)
                sentences.append(first - asked)
    return table("first sound, ms", columns, 1000)


async def at_once(server: Server, options: argparse.Namespace) -> str:
    """Return the table of first sounds and gaps of many sockets at the same time."""
    texts = Texts(options.seed)

    async def answer(text: str, after: float) -> tuple[float, Playback]:
        await asyncio.sleep(after)
        return await over_socket(server, text, options)

    async def answers(count: int) -> list[tuple[float, Playback] | BaseException]:
        written = [" ".join(texts.sentences(SENTENCES)) for _ in range(count)]
        begun = (answer(text, number / count) for number, text in enumerate(written))
        return await asyncio.gather(*begun, return_exceptions=True)

    await answers(WARMING)  # a server that has just started assumes a slower processor
    heard = await answers(options.sockets)
    told = [one for one in heard if not isinstance(one, BaseException)]
    refused = Counter(repr(one)[:100] for one in heard if isinstance(one, BaseException))
    columns = {
        "first sound": [playback.first - complete for complete, playback in told],
        "gaps of a socket": [sum(playback.gaps) for _, playback in told],
        "longest gap of a socket": [max(playback.gaps, default=0.0) for _, playback in told],
    }
    seconds = sum(playback.seconds for _, playback in told)
    without = sum(not playback.gaps for _, playback in told)
    summary = f"{without} of {options.sockets} sockets without a gap, {seconds:.0f} s of sound"
    errors = "".join(f"\n{number} failed: {error}" for error, number in refused.items())
    return f"{table(f'{options.sockets} sockets, ms', columns, 1000)}\n\n{summary}{errors}"


async def interrupted(
    server: Server, options: argparse.Namespace, number: int, until: float, ends: Counter[str]
) -> None:
    """Hold conversations on one socket until a moment; most answers are interrupted."""
    texts = Texts(options.seed * 1000 + number)
    chance = random.Random(number)  # noqa: S311
    while time.perf_counter() < until:
        url = address(server, "multi-stream-input", options.delay)
        async with connect(url, open_timeout=PATIENCE) as connection:
            for turn in range(chance.randint(1, 10)):
                if time.perf_counter() > until:
                    break
                words = " ".join(texts.sentences(chance.randint(1, SENTENCES))).split()
                await conversation(connection, f"turn-{turn}", words, chance, options, ends)


async def conversation(
    connection: ClientConnection,
    name: str,
    words: Sequence[str],
    chance: random.Random,
    options: argparse.Namespace,
    ends: Counter[str],
) -> None:
    """Write one answer, interrupt it at a random moment or not, and hear it to its last message."""
    stop = chance.random() * 5 if chance.random() < 0.8 else None  # noqa: PLR2004

    async def speak() -> None:
        await write(connection, words, options.words, context_id=name)
        last = {"context_id": name, "close_context": True, "flush": True}
        await connection.send(json.dumps(last))

    async def stopped(after: float) -> None:
        await asyncio.sleep(after)
        writing.cancel()
        await connection.send(json.dumps({"context_id": name, "cancel": True}))

    writing = asyncio.create_task(speak())
    stopping = asyncio.create_task(stopped(stop)) if stop is not None else None
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                told = json.loads(await connection.recv())
                if "error" in told:
                    ends[f"error {told['error']}"] += 1
                    return
                if told.get("isFinal"):
                    ends["interrupted" if "sent" in told else "finished"] += 1
                    return
    except TimeoutError:
        ends["stuck"] += 1
    finally:
        for task in (writing, stopping):
            if task:
                task.cancel()


async def soak(server: Server, options: argparse.Namespace) -> str:
    """Return how contexts ended, and how many requests and sockets the server kept."""
    ends: Counter[str] = Counter()
    until = time.perf_counter() + options.soak
    talking = [
        asyncio.create_task(interrupted(server, options, number, until, ends))
        for number in range(SOAKING)
    ]
    memory = []
    while not all(task.done() for task in talking):
        memory.append(sum(map(resident, server.workers())))
        await asyncio.wait(talking, timeout=max(1.0, options.soak / 20))
    failed = Counter(repr(task.exception())[:100] for task in talking if task.exception())
    deadline = time.perf_counter() + SETTLING
    while (left := await asyncio.to_thread(_left, server)) != (0, 1):
        if time.perf_counter() > deadline:
            break
        await asyncio.sleep(0.2)
    sockets, requests = left
    memory.append(sum(map(resident, server.workers())))
    quarter = memory[len(memory) // 4]
    rows = [
        *(f"| contexts, {end} | {count} |" for end, count in sorted(ends.items())),
        *(f"| conversations that broke: {error} | {count} |" for error, count in failed.items()),
        f"| sockets left | {sockets} |",
        f"| requests left | {requests - 1} |",
        f"| memory of all workers after a quarter of the time, MiB | {quarter:.0f} |",
        f"| memory of all workers at the end, MiB | {memory[-1]:.0f} |",
    ]
    return "\n".join([f"| soak of {options.soak:g} s | |", "|---|---:|", *rows])


def _left(server: Server) -> tuple[int, int]:
    """Return the open sockets and the requests under way, with the one that asks."""
    found = re.findall(r"(?m)^vits_tts_sockets (\d+)", server.metrics())
    return int(found[0]) if found else 0, server.under_way()


def table(name: str, columns: dict[str, list[float]], factor: float) -> str:
    """Return medians and percentiles as Markdown."""
    lines = [f"| {name} | answers | median | 90 % | 99 % | longest |", f"|---|{'---:|' * 5}"]
    for column, values in columns.items():
        numbers = [median(values), *(percentile(values, at) for at in (90, 99, 100))]
        told = " | ".join(f"{number * factor:.0f}" for number in numbers)
        lines.append(f"| {column} | {len(values)} | {told} |")
    return "\n".join(lines)


def main() -> None:
    """Start a server, measure as the options say, and print the results."""
    parser = argparse.ArgumentParser(description="Speech for agents, over WebSockets.")
    parser.add_argument("--answers", type=int, default=40)
    parser.add_argument("--words", type=float, default=20, help="words a second")
    parser.add_argument("--delay", type=float, default=0.0, help="max_buffer_delay, in seconds")
    parser.add_argument("--sockets", type=int, help="answers at the same time")
    parser.add_argument("--soak", type=float, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    settings = {"elevenlabs": {"voices": {VOICE: EMBEDDED_VOICE}}}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), settings) as server:
        say("the server is ready")
        if options.soak:
            print(asyncio.run(soak(server, options)))
        elif options.sockets:
            print(asyncio.run(at_once(server, options)))
        else:
            print(asyncio.run(in_turn(server, options)))


if __name__ == "__main__":
    main()
