"""Write the report as one HTML page that needs nothing else and loads nothing."""

import base64
import hashlib
import io
import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np
import soundfile
import soxr

from training.inspection.faults import CHECKS, Remedy

MOST_ROWS = 300
MOST_HEARD = 40
MOST_BYTES = 3_000_000  # of encoded sound
_SECONDS = 15.0  # heard of one clip
_RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000)  # that MP3 has, up to what speech needs

Load = Callable[[str], tuple[np.ndarray, int] | None]
"""Returns the samples and the rate of the clip with this name, or None if it cannot be decoded."""


def html(facts: dict[str, Any], load: Load) -> str:
    """Return the page. All texts are escaped; sound is embedded, within ``MOST_BYTES``."""
    style, script = _resource("page.css"), _resource("page.js")
    policy = (
        "default-src 'none'; media-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src 'sha256-{_hash(style)}'; script-src 'sha256-{_hash(script)}'"
    )
    title = f"Recordings of {facts['folder']}"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{style}</style></head><body>",
        f"<header><h1>{escape(title)}</h1>",
        f'<p class="soft">{facts["clips"]:,} clips, {facts["minutes"]:.1f} minutes</p></header>',
        "<main>",
        _summary(facts),
        _figures(facts),
        _plots(facts),
        _clips(facts, load),
        _coverage(facts),
        _noise(facts),
        _checks(facts),
        f"</main><script>{script}</script></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _resource(name: str) -> str:
    text = (resources.files(__package__ or "training.inspection") / name).read_text("utf-8")
    return f"\n{text}"


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _summary(facts: dict[str, Any]) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in facts["summary"])
    return f'<section class="summary" aria-label="Summary"><ul>{lines}</ul></section>'


def _figures(facts: dict[str, Any]) -> str:
    middle = facts["percentiles"]
    shown = [
        ("to record again", f"{len(facts['again']):,}"),
        ("to compare with the text", f"{len(facts['compare']):,}"),
        ("can be mended", f"{len(facts['mend']):,}"),
        ("without a fault", f"{facts['clips'] - facts['faulty']:,}"),
    ]
    if "snr_db" in middle:
        shown.append(("noise below speech, median", f"{middle['snr_db'][1]:.0f} dB"))
    if "speech_db" in middle:
        shown.append(("level of speech, median", f"{middle['speech_db'][1]:.0f} dB"))
        spread = middle["speech_db"][2] - middle["speech_db"][0]
        shown.append(("spread of levels, 90 % of clips", f"{spread:.0f} dB"))
    items = "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in shown)
    return f'<dl class="figures">{items}</dl>'


def _plots(facts: dict[str, Any]) -> str:
    limits = facts["thresholds"]
    rows = facts["rows"]
    drawn = [
        ("snr_db", "Noise below the speech, dB", [limits["snr_db"]], True),
        (
            "speech_db",
            "Level of the speech, dB",
            [limits["softest_db"], limits["loudest_db"]],
            False,
        ),
        ("fit", "Fit of the words", [limits["fit"]], True),
        ("unsaid", "Likelier without a word, by", [limits["unsaid"]], False),
        ("extra", "Likelier with more said, by", [limits["extra"]], False),
        ("lead", "Silence before the speech, s", [0.5], False),
        ("pace", "Syllables a second", [], False),
    ]
    figures = []
    for key, title, marks, below in drawn:
        values = [row[key] for row in rows if row[key] is not None]
        values = [value["gain"] if isinstance(value, dict) else value for value in values]
        if len(values) > 1:
            figures.append(
                f"<figure><h3>{escape(title)}</h3>{histogram(values, title, marks, below)}</figure>"
            )
    return (
        "<section><h2>How they are spread</h2>"
        '<p class="soft">Each bar is a number of clips. Dashed lines are thresholds; clips beyond '
        "them are listed below. Values far out are drawn at the edge.</p>"
        f'<div class="plots">{"".join(figures)}</div></section>'
    )


def histogram(
    values: Sequence[float], title: str, marks: Sequence[float], below: bool, bars: int = 30
) -> str:
    """Return an SVG picture of how values are spread, with the thresholds ``marks``.

    Bars below the only mark are drawn as bad if ``below`` is set.
    """
    wanted = [*np.percentile(values, [0.5, 99.5]), *marks]
    low, high = min(wanted), max(wanted)
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    edge = 0.03 * (high - low)
    low, high = low - edge, high + edge
    counts, edges = np.histogram(np.clip(values, low, high), bars, (low, high))
    width, height, foot = 320.0, 120.0, 18.0
    step, tall = width / bars, height / max(1, counts.max())
    drawn = []
    for i, count in enumerate(counts):
        if count:
            size = max(1.0, count * tall)
            bad = below and marks and edges[i + 1] <= marks[0]
            drawn.append(
                f'<rect class="{"bad" if bad else "bar"}" x="{i * step + 0.5:.1f}" '
                f'y="{height - size:.1f}" width="{step - 1:.1f}" height="{size:.1f}"/>'
            )
    for mark in marks:
        x = (mark - low) / (high - low) * width
        drawn.append(f'<line class="limit" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height:.0f}"/>')
    digits = max(0, 1 - math.floor(math.log10(high - low)))
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        text = f"{low + share * (high - low):.{min(digits, 2)}f}"
        drawn.append(
            f'<text x="{share * width:.0f}" y="{height + 14:.0f}" '
            f'text-anchor="{anchor}">{text}</text>'
        )
    middle = np.percentile(values, [5, 50, 95])
    label = (
        f"{title}: median {middle[1]:.1f}, nine tenths between {middle[0]:.1f} and {middle[2]:.1f}"
        + (f"; threshold {', '.join(f'{mark:.1f}' for mark in marks)}" if marks else "")
    )
    return (
        f'<svg role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {width:.0f} {height + foot:.0f}">'
        f'{"".join(drawn)}<line class="axis" x1="0" y1="{height:.0f}" x2="{width:.0f}" '
        f'y2="{height:.0f}"/></svg><figcaption>{escape(label)}</figcaption>'
    )


def _worst(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the faulty rows in turn by kind of fault, so that each kind is near the top."""
    kinds: dict[str, list[dict[str, Any]]] = {code: [] for code in CHECKS}
    for row in rows:
        if row["faults"]:
            kinds[next(iter(row["faults"]))].append(row)
    for code, found in kinds.items():
        found.sort(key=_badness(code))
    result = []
    while any(kinds.values()):
        result += [found.pop(0) for found in kinds.values() if found]
    return result


def _badness(code: str) -> Callable[[dict[str, Any]], float]:
    """Return a key that sorts the worst rows of a kind of fault to the front."""
    keys: dict[str, Callable[[dict[str, Any]], float]] = {
        "clipped": lambda row: -row["clipped"],
        "noisy": lambda row: row["snr_db"],
        "narrow": lambda row: row["bandwidth"],
        "words": lambda row: row["fit"],
        "unsaid": lambda row: -row["unsaid"]["gain"],
        "extra": lambda row: -row["extra"]["gain"],
        "replaced": lambda row: -row["replaced"]["gain"],
        "offset": lambda row: -row["offset"],
        "hum": lambda row: -row["hum_db"],
        "silence": lambda row: -max(row["lead"], row["tail"]),
        "pause": lambda row: -row["pause"],
    }
    return keys.get(code, lambda _: 0.0)


def mp3(samples: np.ndarray, rate: int) -> bytes:
    """Return the beginning of a clip as MP3, which every browser plays from a data URI."""
    if rate not in _RATES:
        target = max((r for r in _RATES if r <= rate), default=_RATES[0])
        samples, rate = soxr.resample(samples, rate, target), target
    samples = np.clip(samples[: int(_SECONDS * rate)], -1.0, 1.0)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()


def _clips(facts: dict[str, Any], load: Load) -> str:
    worst = _worst(facts["rows"])
    if not worst:
        return "<section><h2>The worst clips</h2><p>None has a fault.</p></section>"
    spent, heard, lines = 0, 0, []
    for row in worst[:MOST_ROWS]:
        player = ""
        if heard < MOST_HEARD and row["seconds"] and (loaded := load(row["name"])):
            sound = base64.b64encode(mp3(*loaded)).decode()
            if spent + len(sound) <= MOST_BYTES:
                spent, heard = spent + len(sound), heard + 1
                player = (
                    f'<audio controls preload="none" aria-label="Clip {escape(row["name"])}" '
                    f'src="data:audio/mpeg;base64,{sound}"></audio>'
                )
        lines.append(_line(row, player))
    options = "".join(
        f'<option value="{check["code"]}">{escape(check["title"])} ({check["clips"]:,})</option>'
        for check in facts["checks"]
        if check["clips"]
    )
    heads = ["Clip", "Text", "Faults", "Listen", "Length s", "Speech dB", "Noise below dB", "Fit"]
    head = "".join(
        f'<th scope="col">{name if name == "Listen" else f"<button>{name}</button>"}</th>'
        for name in heads
    )
    more = f" The first {MOST_ROWS} of {len(worst):,} are here." if len(worst) > MOST_ROWS else ""
    return (
        "<section><h2>The worst clips</h2>"
        f"<p>{len(worst):,} clips have a fault.{more} The JSON report has all. "
        f"{heard} can be heard here, as they were recorded.</p>"
        f'<label>Show <select id="filter"><option value="">every fault</option>{options}</select>'
        '</label> <span id="shown" class="soft" role="status"></span>'
        '<div class="wide" tabindex="0" role="region" aria-label="The worst clips">'
        f'<table id="clips" class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
        f"{_names('To record again', facts, 'again')}{_names('To compare', facts, 'compare')}"
        "</section>"
    )


def _line(row: dict[str, Any], player: str) -> str:
    found = "".join(
        f'<span class="fault{" record" if CHECKS[code].remedy == Remedy.RECORD else ""}">'
        f"{escape(CHECKS[code].title)}: {escape(figure)}</span>"
        for code, figure in row["faults"].items()
    )
    numbers = "".join(
        f'<td class="number" data-value="{"" if row[key] is None else row[key]}">'
        f"{'' if row[key] is None else f'{row[key]:.{digits}f}'}</td>"
        for key, digits in (("seconds", 2), ("speech_db", 0), ("snr_db", 0), ("fit", 1))
    )
    return (
        f'<tr data-faults="{" ".join(row["faults"])}"><th scope="row">{escape(row["name"])}</th>'
        f'<td class="text" lang="vi">{escape(row["text"])}</td><td>{found}</td>'
        f"<td>{player}</td>{numbers}</tr>"
    )


def _names(title: str, facts: dict[str, Any], key: str) -> str:
    if not facts[key]:
        return ""
    texts = {row["name"]: row["text"] for row in facts["rows"]}
    shown = facts[key][:MOST_ROWS]
    items = "".join(f'<li lang="vi">{escape(name)}: {escape(texts[name])}</li>' for name in shown)
    more = f"<li>and {len(facts[key]) - len(shown):,} more</li>" if facts[key][MOST_ROWS:] else ""
    count = f"{len(facts[key]):,}"
    return f"<details><summary>{title} ({count})</summary><ul>{items}{more}</ul></details>"


def _coverage(facts: dict[str, Any]) -> str:
    found = facts["coverage"]
    different = f"{found['different']:,} different, {found['once']:,} of them once"
    joins = f"{found['joins']:,} of {found['all_joins']:,} pairs of a final and the next initial"
    shown = [f"{found['syllables']:,} syllables, {different}; {joins}."]
    if found["foreign"]:
        words = ", ".join(f"{word} ({times})" for word, times in found["foreign"][:20])
        shown.append(f"Words that are no Vietnamese syllables: {words}.")
    tables = []
    for kind, counts in found["counts"].items():
        items = ", ".join(f"{name} {times:,}" for name, times in counts.items())
        tables.append(
            f"<details><summary>{escape(kind)}: {len(counts)}</summary>"
            f'<p lang="vi">{escape(items)}</p></details>'
        )
    rare = "".join(
        f'<tr><td>{escape(one["kind"])}</td><th scope="row" lang="vi">{escape(one["name"])}</th>'
        f'<td class="number">{one["count"]}</td><td class="number">{one["least"]}</td>'
        f'<td lang="vi">{escape(one["examples"])}</td></tr>'
        for one in found["rare"]
    )
    heads = "".join(
        f'<th scope="col"><button>{name}</button></th>'
        for name in ("Kind", "Sound", "There", "Wanted", "For example")
    )
    table = (
        '<div class="wide" tabindex="0" role="region" aria-label="Sounds that are too rare">'
        '<table class="sortable"><caption>Sounds that are too rare</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rare}</tbody></table></div>"
        if rare
        else "<p>No sound is too rare.</p>"
    )
    prompts = "".join(f"<li>{escape(prompt)}</li>" for prompt in facts["prompts"])
    if prompts:
        prompts = f'<h3>Sentences that have them</h3><ol lang="vi">{prompts}</ol>'
    text = "".join(f"<p>{escape(line)}</p>" for line in shown)
    return f"<section><h2>What the texts have</h2>{text}{table}{prompts}{''.join(tables)}</section>"


def _noise(facts: dict[str, Any]) -> str:
    trial = facts["noise_reduction"]
    if not trial:
        return ""
    keys = list(trial["before"])
    names = {
        "noise_db": "noise below speech, dB",
        "overall": "DNSMOS, overall",
        "signal": "DNSMOS, speech alone",
        "background": "DNSMOS, background",
        "p808": "P.808",
    }
    head = "".join(f'<th scope="col">{escape(names.get(key, key))}</th>' for key in keys)
    lines = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(f'<td class="number">{trial[stage][key]:.2f}</td>' for key in keys)
        + "</tr>"
        for stage, name in (
            ("before", "as recorded"),
            ("even", "levels evened, low frequencies cut"),
            ("reduced", "noise reduced too"),
        )
    )
    verdict = "It helps, and is used" if trial["helps"] else "It does not help enough: left out"
    return (
        "<section><h2>Is noise reduction worth it?</h2>"
        f"<p>Tried on {trial['clips']} noisy clips. {verdict} ({escape(trial['reason'])}).</p>"
        '<div class="wide" tabindex="0" role="region" aria-label="Trial of noise reduction"><table>'
        f'<thead><tr><th scope="col">means</th>{head}</tr></thead><tbody>{lines}</tbody></table>'
        "</div></section>"
    )


def _checks(facts: dict[str, Any]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{escape(check["title"])}</th>'
        f'<td class="number" data-value="{check["clips"]}">{check["clips"]:,}</td>'
        f"<td>{escape(check['remedy'])}</td><td>{escape(check['threshold'])}</td>"
        f"<td>{escape(check['why'])}</td></tr>"
        for check in facts["checks"]
    )
    heads = "".join(
        f'<th scope="col"><button>{name}</button></th>'
        for name in ("Fault", "Clips", "Remedy", "Found when", "Because")
    )
    return (
        "<section><h2>What was looked for</h2>"
        '<div class="wide" tabindex="0" role="region" aria-label="Checks">'
        f'<table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>'
        "</div></section>"
    )
