"""Format results as Markdown, and put them between the marks of a page."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from measuring.bench import Result, median
from measuring.crowd import LISTENERS, quiet_ones
from measuring.soak import compared, means
from measuring.texts import LONGEST_WHOLE

_MS: Final = 1000


def blocks(results: Result) -> dict[str, str]:
    """Return each measured part as Markdown, by name."""
    known: dict[str, Callable[[Any], str]] = {
        "machine": _machine,
        "first_sound": _first_sound,
        "work": _work,
        "crowd": _crowd,
        "starting": _starting,
        "soak": _soak,
    }
    made = {name: known[name](results[name]) for name in known if name in results}
    return {"goals": goals(results), **made}


def fill(page: Path, texts: dict[str, str]) -> None:
    """Put each text between its marks in a page; leave the content of other marks as it is."""
    content = page.read_text(encoding="utf-8")
    for name, text in texts.items():
        pattern = rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)"
        content = re.sub(
            pattern,
            lambda found, said=text: f"{found[1]}\n{said}\n\n{found[2]}",
            content,
            flags=re.DOTALL,
        )
    page.write_text(content, encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def spread(values: Sequence[float]) -> str:
    """Format a median with the least and the greatest value."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _ms(seconds: float) -> str:
    return f"{seconds * _MS:.0f} ms"


def _busy(cores: float) -> str:
    return f"\n\nOther processes took {cores:.2f} cores meanwhile."


def goals(results: Result) -> str:
    """Return the goals beside the measured values."""
    rows: list[tuple[str, str, str]] = []
    if sound := results.get("first_sound"):
        ratios = sound["ratios"]
        rows += [
            (
                "first sound of a sentence, of streaming-vits in process",
                "<= 0.6",
                spread(ratios["streaming-vits"]),
            ),
            ("first sound of ten sentences, of one", "<= 1.15", spread(ratios["ten"])),
            ("first sound of a 15 s sentence, of one of 5 s", "<= 2.0", spread(ratios["long"])),
            (
                f"the same, of {LONGEST_WHOLE} characters",
                "",
                spread(ratios["whole"]),
            ),
        ]
    if work := results.get("work"):
        rows += [
            (
                f"{what} of a streamed response, of one-shot, {said} each",
                "<= 1.08",
                spread(work["threads"][threads]["server"][kind]["of one shot"]),
            )
            for threads, said in (("1", "one thread"), ("2", "two threads"))
            for kind, what in (("cpu", "processor time"), ("wall", "time"))
        ]
    rows += _crowd_goals(results["crowd"]) if "crowd" in results else []
    if soak := results.get("soak"):
        settled, span = (seconds / 60 for seconds in compared(soak["minutes"]))
        then = f"of that in minutes {settled:g} to {settled + span:g}"
        now = f"soak: memory in the last {span:g} of {soak['minutes']:.0f} minutes"
        rows.append((f"{now}, {then}", "<= 1.05", f"{soak['ratio']:.3f}"))
    if starting := results.get("starting"):
        rows.append(("start to ready, pieces cut", "< 3 s", f"{starting['median']:.2f} s"))
    return table(["goal", "wanted", "measured: median (least to greatest)"], rows)


def _crowd_goals(crowd: Result) -> list[tuple[str, str, str]]:
    pairs = quiet_ones(crowd["rates"])
    ratios = [pair["listeners"] / pair["loops"] for pair in pairs]
    gaps = sum(pair["heard"]["with_gaps"] for pair in pairs)
    came = quiet_ones(crowd["open"]["rows"])[0]
    most = quiet_ones([row for row in crowd["bursts"] if row["at_once"] == LISTENERS[-1]])[0]
    return [
        (
            "eight listeners: sound a second, of two 1-thread one-shot loops",
            ">= 0.90",
            spread(ratios),
        ),
        ("eight listeners: how many heard a gap", "0", str(gaps)),
        (
            "70 % of that rate, arrivals at random: first sound p95",
            "< 0.5 s",
            f"{came['first']['95']:.2f} s",
        ),
        (
            "the same: how many heard a gap, were refused",
            "0, -",
            f"{came['with_gaps']}, {came['refused']} of {came['listeners']}",
        ),
        (
            "32 at once: how many of the served heard a gap",
            "0",
            f"{most['with_gaps']} of {most['served']}",
        ),
        ("32 at once: the latest refusal", "at once", _ms(most["refusal"])),
        ("32 at once: the slowest health check", "< 50 ms", _ms(most["health_worst"])),
    ]


def _machine(machine: Result) -> str:
    rest = ", ".join(f"{key} {value}" for key, value in list(machine.items())[2:])
    return f"{machine['processor']}, {machine['cores']} cores; {rest}."


def _first_sound(result: Result) -> str:
    rows = [
        (
            row["text"],
            f"{row['audio']:.1f} s",
            row["name"],
            _ms(row["first"]),
            _ms(row["first_best"]),
            f"{row['first_of_ours']:.1f}",
            f"{row['rtf']:.3f}",
        )
        for row in result["rows"]
    ]
    head = ["text", "sound", "made by", "first sound", "best", "of this server's", "RTF"]
    return table(head, rows) + _busy(result["others"])


def _work(result: Result) -> str:
    names = {"server": "this server", "engine": "its engine alone", "one shot": "one-shot"}
    floor = result["floor"]
    rows = [
        (
            threads,
            said,
            *(f"{made[name][kind]['seconds']:.3f}" for kind in ("cpu", "wall")),
            *(spread(made[name][kind]["of one shot"]) for kind in ("cpu", "wall")),
            f"{made[name]['cpu']['seconds'] / floor['rtf']:.2f}",
        )
        for threads, made in result["threads"].items()
        for name, said in names.items()
    ]
    head = ["threads", "one sentence at a time", "processor, s per s", "clock, s per s"]
    head += ["processor, of one-shot", "clock, of one-shot", "processor, of floor"]
    return (
        table([*head], rows)
        + f"\n\nThe floor: {floor['gflop_per_second_of_sound']:.2f} GFLOP for a second of sound; "
        f"a matrix product reaches {floor['gflops_of_a_product']:.0f} GFLOP/s on one core, so no "
        f"less than {floor['rtf']:.3f} s of one core." + _busy(result["others"])
    )


def _listeners(name: object, row: Result) -> list[object]:
    first = (f"{row['first'][percent]:.2f}" for percent in ("50", "95", "99"))
    gaps = f"{row['gaps']} for {row['with_gaps']}, {row['gap_seconds'] * _MS:.0f} ms"
    health = f"{_ms(row['health']['99'])}, {_ms(row['health_worst'])}"
    served = f"{row['served']} of {row['listeners']}"
    rate = f"{row['audio_a_second']:.1f}"
    rounds = f"{row['rounds']} {'quiet' if row['quiet'] else 'disturbed'}"
    return [
        name,
        rounds,
        served,
        *first,
        gaps,
        rate,
        _ms(row["refusal"]),
        health,
        f"{row['others']:.2f}",
    ]


def _crowd(result: Result) -> str:
    head = [
        "at once",
        "rounds",
        "served",
        "first sound p50, s",
        "p95",
        "p99",
        "gaps",
        "sound, s a s",
    ]
    head += ["latest 503", "health p99, worst", "cores of others"]
    rows = [_listeners(row["at_once"], row) for row in result["bursts"]]
    offered = f"random, {result['open']['offered']:.1f} s a s"
    rows += [_listeners(offered, row) for row in result["open"]["rows"]]
    rates = [
        (
            f"{pair['loops']:.1f}",
            f"{pair['listeners']:.1f}",
            f"{pair['listeners'] / pair['loops']:.2f}",
            f"{pair['heard']['with_gaps']}, {pair['heard']['refused']}",
            " / ".join(f"{cores:.2f}" for cores in pair["others"]),
        )
        for pair in result["rates"]
    ]
    rate_head = ["two loops, s a s", "eight listeners, s a s", "ratio", "with gaps, refused"]
    return table(head, rows) + "\n\n" + table([*rate_head, "cores of others"], rates)


def _starting(result: Result) -> str:
    rows = [
        (when, name, f"{size['Rss']:.0f} MiB", f"{size['Pss']:.0f} MiB")
        for when, key in (("ready", "memory_ready"), ("after all of this", "memory_used"))
        for name, size in result[key].items()
    ]
    seconds = ", ".join(f"{value:.2f}" for value in result["seconds"])
    head = ["when", "process", "resident", "shared pages divided"]
    return (
        f"Start to ready, pieces cut already: {seconds} s, of which {result['work']:.2f} s are "
        f"processor time of all processes. {_busy(result['others']).strip()}\n\n"
        + table(head, rows)
    )


def _soak(result: Result) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in result["counts"].items())
    streams, minutes = result["streams"], result["minutes"]
    _, span = compared(minutes)
    told = ", ".join(f"{mean:.0f}" for mean in means(result["points"], minutes))
    return (
        f"{minutes:.0f} minutes: {counts}; {streams['refused']} refused, "
        f"{streams['failed']} failed, {streams['with_gaps']} heard a gap, first sound p95 "
        f"{streams['first']['95']:.2f} s, {result['errors_logged']} errors logged."
        + _busy(result["others"])
        + f" Memory, {span / 60:g} minutes each: {told} MiB on average."
    )
