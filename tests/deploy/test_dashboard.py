"""Every panel of the dashboard, with a real Prometheus that watches real servers."""

import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.jobs.test_jobs import submit
from tests.support.load import Caller
from tests.support.monitoring import panels, prometheus
from tests.support.redis import redis_server
from tests.support.server import Settings, serving, until
from tests.support.voices import install_pair


def test_every_panel_has_something_to_show(tmp_path: Path) -> None:
    """No query is refused, and each draws a line once servers answer, refuse and limit."""
    begun = time.time()
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis"))
        common: Settings = {"voice": {"name": "pair"}, "cache": {"redis": {"url": redis.url}}}
        kinds: dict[str, Settings] = {
            "full": {**common, "limits": {"max_concurrent": 1}},
            "limited": {**common, "access": {"requests_per_minute": 20}},
        }
        servers = []
        for name, settings in kinds.items():
            install_pair(tmp_path / name / "voices")
            servers.append(stack.enter_context(serving(tmp_path / name, settings)))
        watching = stack.enter_context(prometheus(tmp_path / "prometheus", servers))
        submit(servers[0], "Một.")
        for _ in range(2):  # two, for one to be refused
            stack.callback(Caller(servers[0].url).stop)
        empty: list[str] = []

        def all_drawn() -> bool:
            answer = httpx.get(f"{servers[1].url}/tts", params={"text": "mot tep"})
            if answer.status_code == 200:
                assert httpx.get(answer.json()["audio_url"]).status_code == 200
            empty[:] = [
                f"{panel.title}: {query.legend}"
                for panel in panels()
                for query in panel.queries
                if not watching.lines(query, begun, time.time())
            ]
            return not empty

        until(all_drawn, "every panel to draw something", lambda: str(empty))
