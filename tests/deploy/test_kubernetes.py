"""The manifests: right by Kubernetes's own schemas, hardened, and fitting our settings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from vits_tts.config import load

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "kubernetes"
VERSIONS = ("1.31", "1.33", "1.35")


def manifests() -> list[dict[str, Any]]:
    """Return every object that kustomize would apply."""
    return [
        document
        for name in kustomization()["resources"]
        for document in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
    ]


def kustomization() -> dict[str, Any]:
    """Return what kustomize reads first."""
    data: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
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
    """Each object is what Kubernetes's schemas ask for, strictly: no unknown field."""
    for manifest in manifests():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_schemas_notice_mistakes() -> None:
    """The check above is one: a misspelt field is found."""
    manifest = found("Deployment", "speech")
    manifest["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


def test_every_file_is_used() -> None:
    """No manifest lies there that kustomize does not know, and it names none that is not there."""
    data = kustomization()
    generated = [
        name
        for kind in ("configMapGenerator", "secretGenerator")
        for generator in data[kind]
        for name in generator["files"]
    ]
    there = {path.name for path in FOLDER.iterdir()} - {"kustomization.yaml"}
    assert there == {*data["resources"], *generated}


def test_pods_are_hardened() -> None:
    """No root, no privileges, nothing to write but named folders, no token of the cluster's."""
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
            assert "readinessProbe" in container


def test_settings_fit_the_pod() -> None:
    """The settings load; ports, probes, keys and the time to drain are those of the pod."""
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
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert str(config.access.keys_file) == f"{mounts['keys']}/keys.txt"
    redis = config.cache.redis.url
    assert redis is not None
    assert redis.get_secret_value().startswith("redis://redis:6379")
    assert found("Service", "redis")["spec"]["ports"][0]["port"] == 6379


def test_the_autoscaler_and_the_budget_mean_the_deployment() -> None:
    """What scales and what may be taken away at once is the server."""
    labels = found("Deployment", "speech")["spec"]["template"]["metadata"]["labels"]
    target = found("HorizontalPodAutoscaler", "speech")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "speech")
    for kind in ("PodDisruptionBudget", "Service"):
        selector = found(kind, "speech")["spec"]["selector"]
        assert selector.get("matchLabels", selector).items() <= labels.items()
