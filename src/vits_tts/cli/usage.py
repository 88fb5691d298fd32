"""The command ``usage``: records of this machine, and its copies of other machines' records."""

import csv
import json
import sys
from collections import defaultdict
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from vits_tts.cli.options import Examples, Load, config_option
from vits_tts.errors import ConfigError
from vits_tts.telemetry.printable import printable

if TYPE_CHECKING:
    from vits_tts.usage import Amounts, Summary

_PARTS: Final = {"day": 10, "month": 7, "total": 0}
"""For each period, the number of leading characters of ``2026-11-29`` by which days are grouped."""
_DAY: Final = click.DateTime(formats=["%Y-%m-%d"])


@click.command(
    cls=Examples,
    examples=(
        "vits-tts usage",
        "vits-tts usage --by month --since 2026-01-01 --csv > usage.csv",
    ),
)
@click.option("--since", type=_DAY, metavar="DAY", help="First day; by default that of the month.")
@click.option("--until", type=_DAY, metavar="DAY", help="Last day; by default today (UTC).")
@click.option("--key", metavar="NAME", help="Only this API key.")
@click.option(
    "--by",
    type=click.Choice(list(_PARTS)),
    default="day",
    show_default=True,
    help="The period of each line; each key has lines of its own.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@config_option
def usage(
    since: datetime | None,
    until: datetime | None,
    key: str | None,
    by: str,
    as_csv: bool,
    as_json: bool,
    load: Load,
) -> None:
    """Show the use of each API key, from the folder `usage.folder`."""
    import sqlite3

    from vits_tts.usage.store import UsageStore

    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    if since and until and since > until:
        raise click.UsageError("--since is after --until")
    last = until.date() if until else datetime.now(UTC).date()
    first = since.date() if since else last.replace(day=1)
    store = UsageStore(load().usage.folder)
    try:
        rows = _rows(store.summaries(first, last, key), _PARTS[by], first, last)
    except sqlite3.Error as error:
        raise ConfigError(f"{store.folder}: the accounts cannot be read: {error}") from None
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif as_csv:
        names = list(rows[0]) if rows else _names()
        writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    else:
        _table(rows)


def _names() -> list[str]:
    from vits_tts.usage import Amounts

    return ["period", "key", *(field.name for field in fields(Amounts)), "cached_seconds"]


def _rows(found: "list[Summary]", part: int, first: date, last: date) -> list[dict[str, Any]]:
    """Return a row for each key and period, in order."""
    from vits_tts.usage import Amounts

    sums: defaultdict[tuple[str, str], Amounts] = defaultdict(Amounts)
    for each in found:
        sums[each.day[:part] or f"{first}/{last}", each.key].add(each.amounts)
    return [{"period": period, "key": key, **_shown(sums[period, key])} for period, key in sums]


def _shown(amounts: "Amounts") -> dict[str, Any]:
    values = {field.name: getattr(amounts, field.name) for field in fields(amounts)}
    values["cached_seconds"] = amounts.cached_seconds
    return {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in values.items()
    }


def _table(rows: list[dict[str, Any]]) -> None:
    """Print rows with aligned columns."""
    titles = _names()
    lines = [titles, *([_cell(row[name]) for name in titles] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        cells = [
            cell.ljust(width) if column < _TEXTS else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo(printable("  ".join(cells).rstrip()))


_TEXTS: Final = 2
"""The columns that are aligned to the left."""


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return str(value) or "-"
