"""A real Prometheus that watches real servers, and the dashboard's queries in Grafana's form."""

import json
import math
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from tests.support.ports import free_port
from tests.support.server import Server, until

DASHBOARD: Final = Path(__file__).parent.parent.parent / "deploy" / "monitoring" / "dashboard.json"
Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Query:
    """One of a panel's queries."""

    expression: str
    legend: str

    def label(self, labels: Mapping[str, str]) -> str:
        """Return the legend that Grafana shows for a line with these labels."""
        text = self.legend
        for name, value in labels.items():
            text = text.replace("{{" + name + "}}", value)
        return text


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel, or the title of a row of panels, which has no queries."""

    title: str
    unit: str
    place: Mapping[str, int]
    stacked: bool
    queries: Sequence[Query]


def dashboard() -> dict[str, Any]:
    """Return the dashboard that is shipped."""
    data: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return data


def panels() -> list[Panel]:
    """Return the panels of the dashboard, from top to bottom."""
    found = []
    for panel in dashboard()["panels"]:
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        stacking = defaults.get("custom", {}).get("stacking", {}).get("mode", "none")
        queries = [
            Query(target["expr"], target.get("legendFormat", ""))
            for target in panel.get("targets", [])
        ]
        unit = defaults.get("unit", "short")
        found.append(Panel(panel["title"], unit, panel["gridPos"], stacking != "none", queries))
    return found


class Prometheus:
    """A Prometheus that is running."""

    def __init__(self, url: str, scrape: int) -> None:
        """Keep its address, and the seconds between two scrapes."""
        self.url = url
        self.scrape = scrape

    def lines(self, query: Query, start: float, end: float) -> dict[str, Points]:
        """Return each line that a query draws from ``start`` to ``end``, by its legend.

        The variables are replaced as Grafana would: by all servers, and by four scrapes as the
        interval. Moments without a number (no requests, no quantile) are left out.
        """
        expression = query.expression.replace("$instance", ".*")
        expression = expression.replace("$__rate_interval", f"{4 * self.scrape}s")
        assert "$" not in expression
        answer = httpx.get(
            f"{self.url}/api/v1/query_range",
            params={"query": expression, "start": start, "end": end, "step": self.scrape},
            timeout=30,
        )
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        lines = {}
        for line in answer.json()["data"]["result"]:
            points = [(float(moment), float(value)) for moment, value in line["values"]]
            if points := [point for point in points if math.isfinite(point[1])]:
                lines[query.label(line["metric"])] = points
        return lines

    def watching(self) -> int:
        """Return how many servers it scrapes with success; 0 while it is starting."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": "sum(up)"})
        result = answer.json()["data"]["result"] if answer.is_success else []
        return int(result[0]["value"][1]) if result else 0


@contextmanager
def prometheus(folder: Path, servers: Sequence[Server], scrape: int = 1) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes servers every ``scrape`` seconds.

    Skips the test if Prometheus is not installed.
    """
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no Prometheus (Debian: prometheus) to ask the dashboard's queries of")
    folder.mkdir()
    targets = [server.url.removeprefix("http://") for server in servers]
    settings = {
        "global": {"scrape_interval": f"{scrape}s"},
        "scrape_configs": [{"job_name": "vits-tts", "static_configs": [{"targets": targets}]}],
    }
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    running = Prometheus(f"http://{address}", scrape)

    def watches() -> bool:
        try:
            return running.watching() == len(servers)
        except httpx.TransportError:
            return False

    try:
        until(watches, "Prometheus to see every server", (folder / "log").read_text)
        yield running
    finally:
        process.terminate()
        process.wait(30)
