"""The manifests: valid by Kubernetes' own schemas, hardened, and matching the settings."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml

from tests.conftest import Starter
from tests.support.server import Server
from tests.support.voices import install_pair
from vits_tts.config import load
from vits_tts.web.auth.api_keys import make_key

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "kubernetes"
VERSIONS = ("1.31", "1.33", "1.35")


JOBS = FOLDER / "jobs"
"""The component of workers, which is applied only on request."""


def manifests() -> list[dict[str, Any]]:
    """Return every object that kustomize would apply, those of the component included."""
    return [
        document
        for folder in (FOLDER, JOBS)
        for name in kustomization(folder)["resources"]
        for document in yaml.safe_load_all((folder / name).read_text(encoding="utf-8"))
    ]


def kustomization(folder: Path = FOLDER) -> dict[str, Any]:
    """Return the file that kustomize reads first."""
    data: dict[str, Any] = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return data


def pods() -> Iterator[dict[str, Any]]:
    """Yield the pods of all Deployments."""
    for manifest in manifests():
        if manifest["kind"] == "Deployment":
            yield manifest["spec"]["template"]["spec"]


def found(kind: str, name: str) -> dict[str, Any]:
    """Return one object."""
    (match,) = (
        manifest
        for manifest in manifests()
        if (manifest["kind"], manifest["metadata"]["name"]) == (kind, name)
    )
    return match


@pytest.mark.parametrize("version", VERSIONS)
def test_schemas(version: str) -> None:
    """Each object is valid by Kubernetes' schemas, without unknown fields."""
    for manifest in manifests():
        if not manifest["apiVersion"].startswith("keda.sh/"):
            kubernetes_validate.validate(manifest, version, strict=True)


def test_schemas_notice_mistakes() -> None:
    """The check of schemas works: it finds a misspelt field."""
    manifest = found("Deployment", "speech")
    manifest["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


def test_every_file_is_used() -> None:
    """All manifests are used by kustomize, and every manifest that it names exists."""
    data = kustomization()
    generated = [
        name
        for kind in ("configMapGenerator", "secretGenerator")
        for generator in data[kind]
        for name in generator["files"]
    ]
    there = {path.name for path in FOLDER.iterdir()} - {"kustomization.yaml", JOBS.name}
    assert there == {*data["resources"], *generated}
    there = {path.name for path in JOBS.iterdir()} - {"kustomization.yaml"}
    assert there == {*kustomization(JOBS)["resources"]}


def test_pods_are_hardened() -> None:
    """Pods have no root, no privileges, no writable path except named folders, and no token."""
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]
            # A worker serves nothing, and ends if it cannot work.
            assert "readinessProbe" in container or container["args"] == ["work"]


def test_settings_fit_the_pod() -> None:
    """The settings load; ports, probes, keys and the time to drain match the pod."""
    config = load(FOLDER / "config.yaml")
    pod = found("Deployment", "speech")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": config.server.port, "operations": config.server.operations_port}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "operations"
    drain = config.server.drain_delay + config.server.graceful_timeout
    assert drain + 5 <= pod["terminationGracePeriodSeconds"]
    readiness = container["readinessProbe"]
    notice = readiness["periodSeconds"] * readiness["failureThreshold"]
    assert notice < config.server.drain_delay
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "settings")
    (secret,) = (
        source["secret"] for source in volume["projected"]["sources"] if "secret" in source
    )
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    (item,) = secret["items"]
    assert str(config.access.keys_file) == f"{mounts['settings']}/{item['path']}"
    redis = config.cache.redis.url
    assert redis is not None
    assert redis.get_secret_value().startswith("redis://redis:6379")
    assert found("Service", "redis")["spec"]["ports"][0]["port"] == 6379


def test_nobody_is_believed_but_who_is_named() -> None:
    """No network of pods is a trusted proxy, and links are still those of the Ingress."""
    config = load(FOLDER / "config.yaml")
    assert config.server.trusted_proxies == ()
    rule, *_ = found("Ingress", "speech")["spec"]["rules"]
    assert config.server.public_url == f"https://{rule['host']}"


def test_other_settings_reach_the_pod(start: Starter, tmp_path: Path) -> None:
    """Settings and keys are a folder that the kubelet replaces, so a reload sees the new ones.

    A file that is mounted with ``subPath`` never changes.
    """
    for pod in pods():
        for container in pod["containers"]:
            assert not any("subPath" in mount for mount in container["volumeMounts"])
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    (old, first), (new, second) = make_key("old"), make_key("new")

    def swap(name: str, line: str) -> None:
        """Replace a folder like the kubelet: write all files anew, and rename a link to them."""
        settings = {"server": {"port": 0}, "voice": {"name": "pair"}}
        settings["access"] = {"keys_file": "keys/keys.txt"}
        data = folder / name
        (data / "keys").mkdir(parents=True)
        (data / "config.yaml").write_text(yaml.safe_dump(settings))
        (data / "keys" / "keys.txt").write_text(line)
        (data / "keys" / "keys.txt").chmod(0o440)
        link = folder / "..data_tmp"
        link.symlink_to(name)
        link.replace(folder / "..data")

    swap("..1", first)
    (folder / "keys").symlink_to("..data/keys")
    with start(pair=True) as server:
        config = folder / "config.yaml"  # which the starter has written
        config.unlink()
        config.symlink_to("..data/config.yaml")
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_until(lambda: status(server, old) == 200, "the first key")
        swap("..2", second)
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_until(lambda: status(server, new) == 200, "the second key")
        server.wait_until(lambda: status(server, old) == 401, "the first key's end")
        assert not [line for line in server.lines() if "others may" in line["message"]]


def status(server: Server, key: str) -> int:
    """Return the status of a request with a key."""
    return httpx.get(f"{server.url}/voices", headers={"X-API-Key": key}).status_code


def test_the_autoscaler_and_the_budget_mean_the_deployment() -> None:
    """The autoscaler and the disruption budget select the server's Deployment."""
    labels = found("Deployment", "speech")["spec"]["template"]["metadata"]["labels"]
    target = found("HorizontalPodAutoscaler", "speech")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "speech")
    for kind in ("PodDisruptionBudget", "Service"):
        selector = found(kind, "speech")["spec"]["selector"]
        assert selector.get("matchLabels", selector).items() <= labels.items()


def test_the_scaler_means_the_workers() -> None:
    """The scaler selects the workers' Deployment, and reads a variable that they have."""
    scaler = found("ScaledObject", "worker")["spec"]
    pod = found("Deployment", scaler["scaleTargetRef"]["name"])["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["work"]
    (trigger,) = scaler["triggers"]
    assert trigger["metadata"]["connectionFromEnv"] in {each["name"] for each in container["env"]}


def test_workers_and_servers_have_the_same_jobs() -> None:
    """Both take database and storage from one Secret, and have the folders of the image."""
    dockerfile = (FOLDER.parent.parent / "Dockerfile").read_text(encoding="utf-8")
    for name in ("speech", "worker"):
        (container,) = found("Deployment", name)["spec"]["template"]["spec"]["containers"]
        assert [source["secretRef"]["name"] for source in container["envFrom"]] == ["jobs"]
        mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
        written = {path for path in mounts if path.startswith("/var/lib/vits-tts/")}
        assert "/var/lib/vits-tts/jobs" in written
        for path in written:
            assert re.search(rf"={path}\s", dockerfile)  # the setting of a folder
