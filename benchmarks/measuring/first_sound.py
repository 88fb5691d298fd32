"""Measure first sound and real-time factor for texts of several lengths, beside all others."""

from typing import Final

from measuring import processes
from measuring.bench import Bench, Result, free_port, median, rest, say, wait_for
from measuring.contenders import OURS, STREAMING, Contender, Spoken, known, piper_server
from measuring.processes import Others
from measuring.texts import LONG, LONGEST_WHOLE

ONE: Final = "1 sentence"
TEN: Final = "10 sentences"
LONG_ONE: Final = "1 long sentence (15 s)"
WHOLE_ONE: Final = f"1 sentence of {LONGEST_WHOLE} characters"
TEXTS: Final = (ONE, "3 sentences", TEN, LONG_ONE, WHOLE_ONE)

Runs = dict[tuple[str, str], list[Spoken]]


def measure(bench: Bench) -> Result:
    """Let all contenders speak the same texts, in turn."""
    port = free_port()
    with piper_server(bench.voice.model, port) as piper:
        wait_for("127.0.0.1", port, "/info")
        people = known(bench.voice, bench.address, ("127.0.0.1", port), bench.folder)
        others = Others([bench.server.process.pid, piper.pid])
        runs = _rounds(bench, people)
        busy = others.cores()
        memory = {"piper's HTTP server": processes.memory(piper.pid)}
    return {
        "rows": [_row(text, name, runs) for text in TEXTS for name in people],
        "ratios": _ratios(runs),
        "memory": memory,
        "others": busy,
    }


def _said(bench: Bench, text: str) -> list[str]:
    texts = bench.texts
    if text == LONG_ONE:
        return [texts.sentence(LONG)]
    if text == WHOLE_ONE:
        return [texts.sentence(LONGEST_WHOLE)]
    return texts.sentences(int(text.split(maxsplit=1)[0]))


def _rounds(bench: Bench, people: dict[str, Contender]) -> Runs:
    runs: Runs = {}
    for number in range(-1, bench.sizes.rounds):  # the first one warms up
        say(f"first sound: round {number + 1} of {bench.sizes.rounds}")
        for text in TEXTS:
            bench.calm()
            said = _said(bench, text)
            for name in bench.shuffled(people):
                rest()
                spoken = people[name](said)
                if number >= 0:
                    runs.setdefault((text, name), []).append(spoken)
    return runs


def _row(text: str, name: str, runs: Runs) -> Result:
    mine = runs[text, name]
    ours = runs[text, OURS]
    first = [its.first / own.first for its, own in zip(mine, ours, strict=True)]
    return {
        "text": text,
        "name": name,
        "first": median([spoken.first for spoken in mine]),
        "first_best": min(spoken.first for spoken in mine),
        "rtf": median([spoken.total / spoken.audio for spoken in mine]),
        "audio": median([spoken.audio for spoken in mine]),
        "first_of_ours": median(first),
    }


def _ratios(runs: Runs) -> Result:
    """Return the ratios within rounds, as lists."""

    def first(text: str, name: str = OURS) -> list[float]:
        return [spoken.first for spoken in runs[text, name]]

    def over(upper: list[float], lower: list[float]) -> list[float]:
        return [a / b for a, b in zip(upper, lower, strict=True)]

    return {
        "streaming-vits": over(first(ONE), first(ONE, STREAMING)),
        "ten": over(first(TEN), first(ONE)),
        "long": over(first(LONG_ONE), first(ONE)),
        "whole": over(first(WHOLE_ONE), first(ONE)),
    }
