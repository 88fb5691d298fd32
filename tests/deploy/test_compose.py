"""compose.yaml: hardened; its replicas, Redis and proxy are run as processes."""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.nginx import CONFIG, nginx
from tests.support.redis import redis_server
from tests.support.server import serving
from tests.support.sound import decode

ROOT = Path(__file__).parent.parent.parent
REPLICAS = ("speech-1", "speech-2")


@pytest.fixture(name="compose")
def read_compose() -> dict[str, Any]:
    """Return the file as Docker reads it, with anchors resolved."""
    data: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return data


@pytest.fixture(name="jobs")
def read_jobs() -> dict[str, Any]:
    """Return the file that adds jobs."""
    path = ROOT / "deploy" / "compose.jobs.yaml"
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def test_containers_are_hardened(compose: dict[str, Any], jobs: dict[str, Any]) -> None:
    """Containers have no capabilities, a read-only root file system and limited logs.

    All of them restart.
    """
    added = [service for name, service in jobs["services"].items() if name not in REPLICAS]
    for service in (*compose["services"].values(), *added):
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ours = [compose["services"][name] for name in REPLICAS]
    ours += [jobs["services"][name] for name in (*REPLICAS, "worker")]
    for service in ours:
        for volume in service["volumes"]:
            assert f'"{volume.split(":")[1]}"' in dockerfile  # created there, for its user


def test_replicas_and_workers_have_one_queue(compose: dict[str, Any], jobs: dict[str, Any]) -> None:
    """They have the same database, folder of results and Redis, and the volumes exist."""
    services = jobs["services"]
    ours = [services[name] for name in (*REPLICAS, "worker")]
    (url,) = {each["environment"]["VITS_TTS__JOBS__URL"] for each in ours}
    database = services["postgres"]["environment"]
    assert url == (
        f"postgresql://{database['POSTGRES_USER']}:{database['POSTGRES_PASSWORD']}"
        f"@postgres/{database['POSTGRES_DB']}"
    )
    redis = compose["services"][REPLICAS[0]]["environment"]["VITS_TTS__CACHE__REDIS__URL"]
    assert services["worker"]["environment"]["VITS_TTS__CACHE__REDIS__URL"] == redis
    named = {volume.split(":")[0] for each in services.values() for volume in each["volumes"]}
    there = {*compose["volumes"], *jobs["volumes"]}
    assert {name for name in named if not name.startswith(".")} <= there
    assert all("jobs:/var/lib/vits-tts/jobs" in each["volumes"] for each in ours)


def test_the_proxy_finds_the_replicas_again(compose: dict[str, Any]) -> None:
    """Each upstream is a replica with its own address; only the proxy is trusted."""
    services = compose["services"]
    upstreams = re.findall(r"server ([\w-]+):8888", CONFIG.read_text(encoding="utf-8"))
    assert tuple(upstreams) == REPLICAS
    addresses = [services[name]["networks"]["inside"]["ipv4_address"] for name in REPLICAS]
    assert len(set(addresses)) == len(REPLICAS)
    proxy = services["proxy"]["networks"]["inside"]["ipv4_address"]
    for name in REPLICAS:
        assert services[name]["environment"]["VITS_TTS__SERVER__TRUSTED_PROXIES"] == proxy


def test_the_parts_together(compose: dict[str, Any], tmp_path: Path) -> None:
    """Replicas, Redis and nginx work together: one cache, no buffering, and Redis may fail."""
    program, *options = compose["services"]["redis"]["command"]
    assert program == "redis-server"
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis", *options))
        replicas = []
        for name in REPLICAS:
            settings = {
                **compose["services"][name]["environment"],
                "VITS_TTS__CACHE__REDIS__URL": redis.url,
                "VITS_TTS__SERVER__TRUSTED_PROXIES": "127.0.0.1",
            }
            assert settings.keys() == compose["services"][name]["environment"].keys()
            running = serving(tmp_path / name, environment=settings)
            replicas.append(stack.enter_context(running))
        url = stack.enter_context(nginx(tmp_path / "nginx", replicas))
        for replica in replicas:
            whole = httpx.get(f"{replica.url}/tts/stream", params={"text": "Xin chào."}, timeout=60)
            assert decode(whole.content, streamed=True).seconds > 0.3
        made, found = (
            replica.wait_for("request", route="stream")[0]["cache_hits"] for replica in replicas
        )
        assert (made, found) == (0, 1)
        answer = httpx.get(f"{url}/tts", params={"text": "Xin chào."}, timeout=60)
        assert answer.json()["audio_url"].startswith(url)
        redis.stop()
        for number in range(4):
            query = {"text": f"Số {number}."}
            assert httpx.get(f"{url}/tts/stream", params=query, timeout=60).status_code == 200
