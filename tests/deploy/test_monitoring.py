"""Alerts and the dashboard use metrics that exist; alerts fire when they should."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from tests.support.monitoring import dashboard
from vits_tts.telemetry import metrics

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "monitoring"


def known() -> set[str]:
    """Return the names of all metrics of the server, as Prometheus knows them."""
    assert metrics.SYNTHESES
    names = set()
    for family in REGISTRY.collect():
        if family.name.startswith("vits_tts_"):
            endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
            names |= {family.name + ending for ending in endings.get(family.type, ("",))}
    return names


def expressions() -> dict[str, str]:
    """Return every query, by its place."""
    alerts = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
    found = {rule["alert"]: rule["expr"] for group in alerts["groups"] for rule in group["rules"]}
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


def test_only_metrics_that_there_are() -> None:
    """Each name in a query is a metric of the server."""
    names = known()
    for place, expression in expressions().items():
        used = set(re.findall(r"vits_tts_\w+", expression))
        assert used <= names, f"{place}: {used - names}"


def test_every_way_to_ask_for_speech_is_watched() -> None:
    """A query that counts requests for speech includes the routes of OpenAI's paths."""
    chosen = {
        place: re.findall(r'route=~?"([^"]+)"', expression)
        for place, expression in expressions().items()
    }
    assert any(chosen.values())
    for place, found in chosen.items():
        for routes in found:
            assert {"stream", "openaispeech"} <= set(routes.split("|")), place


def test_the_dashboard_shows_all() -> None:
    """Every panel has a title, a description and queries; ids differ; panels do not overlap."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + line)
            for column in range(place["w"])
            for line in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"]
            assert panel["targets"]


def promtool(*arguments: str) -> str:
    """Run Prometheus' own tool, or skip the test if it is not installed."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool (Debian: prometheus) to check queries with")
    done = subprocess.run(
        [program, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alerts_fire_when_they_should() -> None:
    """Each alert is valid and fires on bad numbers, and not on harmless ones."""
    promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts_test.yaml")
    tested = (FOLDER / "alerts_test.yaml").read_text(encoding="utf-8")
    alerts = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
    for group in alerts["groups"]:
        for rule in group["rules"]:
            assert f"alertname: {rule['alert']}" in tested


def test_the_page_shows_how_servers_are_asked(tmp_path: Path) -> None:
    """The Prometheus settings of the page are valid, and the job's name is that of the alerts."""
    page = (FOLDER.parent.parent / "docs" / "DEPLOYMENT.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(rule_files.*?)```", page, re.DOTALL)
    names = {job["job_name"] for job in yaml.safe_load(block)["scrape_configs"]}
    assert {
        job for text in expressions().values() for job in re.findall(r'job="(.*?)"', text)
    } == names
    for alert in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"][0]["rules"]:
        assert f"| `{alert['alert']}` |" in page
    (tmp_path / "alerts.yaml").write_bytes((FOLDER / "alerts.yaml").read_bytes())
    (tmp_path / "prometheus.yml").write_text(block, encoding="utf-8")
    promtool("check", "config", str(tmp_path / "prometheus.yml"))


def test_the_dashboards_queries_can_be_read(tmp_path: Path) -> None:
    """Prometheus' own parser accepts every query of the dashboard."""
    rules = [
        {"record": f"q{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions().values())
    ]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    promtool("check", "rules", str(path))
