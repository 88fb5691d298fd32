"""API keys, TLS, the port for operations, and the headers that protect browsers."""

import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tornado.httputil import HTTPHeaders

from tests.conftest import Starter
from tests.support.certificates import make_certificate
from tests.support.ports import free_port
from tests.support.server import Server, Settings, clean_environment, start_in
from tests.support.voices import install_pair
from vits_tts.config import Access
from vits_tts.errors import ConfigError, KeyInvalid, KeyMissing
from vits_tts.web.auth import tokens
from vits_tts.web.auth.api_keys import ApiKeys, make_key

PATHS = ("/tts?text=xin", "/tts/stream?text=xin", "/voices", "/audio/x.wav", "/nope")


def test_only_known_keys_may_call(start: Starter, tmp_path: Path) -> None:
    """Keys from the settings and the file work in both headers; all others get the same 401."""
    install_pair(tmp_path / "server" / "voices")
    (lan, line), (minh, other) = make_key("lan"), make_key("minh")
    (tmp_path / "server" / "keys.txt").write_text(f"# who may call\n\n{other}  # the reader\n")
    settings: Settings = {
        "voice": {"name": "pair"},
        "access": {"keys": [line], "keys_file": "keys.txt"},
    }
    with start(settings) as server, httpx.Client(base_url=server.url) as client:
        for headers in (
            {"Authorization": f"Bearer {lan}"},
            {"Authorization": f"bearer  {minh}"},
            {"X-API-Key": minh},
        ):
            assert client.get("/tts?text=xin", headers=headers).status_code == 200
        server.wait_for("request", key="lan", status=200)
        server.wait_for("request", count=2, key="minh", status=200)
        for path in PATHS:
            missing = client.get(path)
            assert missing.status_code == 401
            assert missing.json()["error"]["code"] == "key_missing"
            assert missing.headers["WWW-Authenticate"] == 'Bearer realm="vits-tts"'
        for wrong in ("", "x", lan[:-1], lan + "x", line, "ã", line.partition(":")[2]):
            sent = httpx.Headers({"X-API-Key": wrong}, encoding="utf-8")
            refused = client.post("/tts", json={"text": "xin"}, headers=sent)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_invalid")
            assert "invalid_token" in refused.headers["WWW-Authenticate"]
        assert client.options("/tts").status_code == 204  # browsers ask before they send a key
        for path in ("/healthz", "/readyz", "/metrics"):
            assert client.get(path).status_code == 200
        log = server.log.read_text(encoding="utf-8")
        assert lan not in log
        assert minh not in log


def test_a_reload_does_not_switch_keys_off(start: Starter, tmp_path: Path) -> None:
    """Settings without keys, or no settings file, are refused at a reload.

    Only settings that state `access.open` switch the keys off.
    """
    install_pair(tmp_path / "server" / "voices")
    key, line = make_key("lan")
    voice: Settings = {"voice": {"name": "pair"}}
    with start({**voice, "access": {"keys": [line]}}) as server:
        told = server.wait_for("callers need an API key", keys=1)
        assert told[0]["level"] == "info"

        def refused(count: int) -> None:
            os.kill(server.process.pid, signal.SIGHUP)
            lines = server.wait_until(
                lambda: [
                    found
                    for found in server.lines()
                    if found["message"].startswith("reload refused")
                ][count - 1 :],
                "refusal",
            )
            assert lines
            assert httpx.get(f"{server.url}/voices").status_code == 401
            assert httpx.get(f"{server.url}/voices", headers={"X-API-Key": key}).is_success

        server.configure(voice)
        refused(1)
        settings = tmp_path / "server" / "config.yaml"
        settings.unlink()
        refused(2)
        settings.mkdir()
        refused(3)
        settings.rmdir()
        settings.symlink_to("gone.yaml")
        refused(4)
        settings.unlink()
        settings.touch()
        refused(5)
        server.configure({**voice, "access": {"open": True}})
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_for("callers need no API key")
        server.wait_until(
            lambda: httpx.get(f"{server.url}/voices").status_code == 200, "open to everybody"
        )


@pytest.mark.parametrize(
    ("host", "access", "level"),
    [
        ("127.0.0.1", {}, "info"),
        ("0.0.0.0", {}, "warning"),  # noqa: S104
        ("0.0.0.0", {"open": True}, "info"),  # noqa: S104
    ],
)
def test_a_start_says_whether_keys_are_needed(
    start: Starter, tmp_path: Path, host: str, access: dict[str, bool], level: str
) -> None:
    """A start logs one line about access.

    It is a warning if other machines can reach the server without a key.
    """
    install_pair(tmp_path / "server" / "voices")
    settings: Settings = {"voice": {"name": "pair"}, "server": {"host": host}, "access": access}
    with start(settings, ready=False) as server:
        lines = [
            line for line in server.lines() if line["message"].startswith("callers need no API key")
        ]
        assert [line["level"] for line in lines] == [level]


def test_a_reload_does_not_switch_https_off(start: Starter, tmp_path: Path) -> None:
    """A reload can replace certificates but not remove them; it logs the changed settings."""
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    make_certificate(folder, "one")
    tls = {"tls_certificate": "one.pem", "tls_key": "one.key"}
    settings: Settings = {"voice": {"name": "pair"}, "server": tls}
    with start(settings, ready=False) as server:
        server.configure({"voice": {"name": "pair"}})
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_for_text("switching HTTPS off needs a restart")
        alive = httpx.get(f"{server.url}/healthz", verify=False, timeout=60)  # noqa: S501
        assert alive.status_code == 200
        limits = {"requests_per_minute": 5}
        server.configure({**settings, "server": {**tls, "page": False}, "access": limits})
        os.kill(server.process.pid, signal.SIGHUP)
        changed = ["server.page", "access.requests_per_minute"]
        assert server.wait_for("reloading")[0]["changed"] == changed


def test_workers_keep_the_keys_that_were_read(start: Starter, tmp_path: Path) -> None:
    """A missing file of keys neither prevents the start of a new worker nor lets all clients in."""
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    key, line = make_key("lan")
    file = folder / "keys.txt"
    file.write_text(line)
    file.chmod(0o600)
    settings: Settings = {"voice": {"name": "pair"}, "access": {"keys_file": "keys.txt"}}
    with start(settings) as server:
        server.wait_for("worker ready")
        file.unlink()
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        server.wait_for("worker ready", count=2)
        assert httpx.get(f"{server.url}/voices").status_code == 401
        assert httpx.get(f"{server.url}/voices", headers={"X-API-Key": key}).is_success
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_for_text("keys.txt: cannot be read")
        assert httpx.get(f"{server.url}/voices").status_code == 401


def test_files_that_others_may_read_or_change(start: Starter, tmp_path: Path) -> None:
    """Files of keys, passwords and private keys that others may read are logged at every reload."""
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    make_certificate(folder, "one")
    config, keys, private = (folder / name for name in ("config.yaml", "keys.txt", "one.key"))
    keys.write_text(make_key("lan")[1])
    settings: Settings = {
        "voice": {"name": "pair"},
        "access": {"keys_file": "keys.txt"},
        "server": {"tls_certificate": "one.pem", "tls_key": "one.key"},
    }
    keys.chmod(0o644)
    private.chmod(0o604)

    def told(server: Server, message: str) -> set[str]:
        return {Path(line["file"]).name for line in server.lines(message)}

    with start(settings, ready=False) as server:
        assert told(server, "others may read this file") == {"keys.txt", "one.key"}
        assert told(server, "others may change this file") == set()  # it holds no secret
        settings["access"] = {"keys": [make_key("lan")[1]]}
        server.configure(settings)
        private.chmod(0o640)
        keys.unlink()
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_for("others may read this file", file=str(config))
        config.chmod(0o666)
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_for("others may change this file", file=str(config))
        config.chmod(0o600)
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_for("reloading", count=3)
        assert len(server.lines("others may read this file")) == 3
        assert len(server.lines("others may change this file")) == 1


def test_a_start_with_an_empty_variable_for_keys(tmp_path: Path) -> None:
    """An empty variable for keys ends the start, because the secret was not filled in."""
    done = start_in(tmp_path, VITS_TTS__ACCESS__KEYS="")
    assert done.returncode == 2
    assert "VITS_TTS__ACCESS__KEYS" in done.stderr


def test_operations_may_need_a_key_too(start: Starter, tmp_path: Path) -> None:
    """With `open_operations` off, health and metrics require a key."""
    install_pair(tmp_path / "server" / "voices")
    key, line = make_key("monitor")
    settings: Settings = {
        "voice": {"name": "pair"},
        "access": {"keys": [line], "open_operations": False},
    }
    with start(settings, ready=False) as server, httpx.Client(timeout=60) as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert client.get(f"{server.url}{path}").status_code == 401
        known = client.get(f"{server.url}/metrics", headers={"X-API-Key": key})
        assert known.status_code == 200


def test_operations_on_a_port_of_their_own(start: Starter, tmp_path: Path) -> None:
    """Health and metrics are served only at the port for operations, and nothing else is there."""
    install_pair(tmp_path / "server" / "voices")
    port = free_port()
    settings: Settings = {
        "server": {"operations_port": port},
        "voice": {"name": "pair"},
        "access": {"keys": [make_key("x")[1]], "open_operations": False},
    }
    with start(settings, ready=False) as server, httpx.Client(timeout=60) as client:
        there = f"http://127.0.0.1:{port}"
        for path in ("/healthz", "/readyz", "/metrics"):
            assert client.get(f"{there}{path}").status_code in {200, 503}
            assert client.get(f"{server.url}{path}").status_code == 404
        for path in PATHS:
            assert client.get(f"{there}{path}").status_code == 404
            assert client.get(f"{server.url}{path}").status_code == 401


def test_a_key_that_is_made_is_let_in(tmp_path: Path) -> None:
    """A key from `vits-tts keys make` works.

    The command prints the server's line on stdout and the key, once, on stderr.
    """
    done = subprocess.run(
        [sys.executable, "-m", "vits_tts", "keys", "make", "my.reader-1"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    line, key = done.stdout.strip(), done.stderr.strip().removeprefix("key: ")
    assert line.startswith("my.reader-1:")
    assert key not in line
    keys = ApiKeys(Access(keys=(line,)))
    assert keys.owner(HTTPHeaders({"X-API-Key": key})) == "my.reader-1"
    assert make_key("a") != make_key("a")


@pytest.mark.parametrize("form", ["KEY", "Bearer KEY", "bearer  KEY ", " KEY"])
def test_forms_of_a_key(form: str) -> None:
    """A key is the same with and without `Bearer`, in any field that carries keys."""
    key, line = make_key("lan")
    keys = ApiKeys(Access(keys=(line,)))
    given = form.replace("KEY", key)
    assert keys.owner(HTTPHeaders({"X-API-Key": given})) == "lan"
    if form.lower().startswith("bearer"):
        assert keys.owner(HTTPHeaders({"Authorization": given})) == "lan"


@pytest.mark.parametrize("key", ["\ud800", "vtts_\udfff", "Bearer \ud800"])
def test_a_key_that_is_not_unicode_is_unknown(key: str) -> None:
    """A lone surrogate, which JSON can contain, is no error of the server."""
    keys = ApiKeys(Access(keys=(make_key("lan")[1],)))
    with pytest.raises(KeyInvalid):
        keys.owner({"X-API-Key": key})
    with pytest.raises(KeyInvalid):
        tokens.verified("secret", f"{tokens.PREFIX}{key}.{key}", 0.0)


@pytest.mark.parametrize("key", ["", " ", "Bearer "])
def test_an_empty_key_is_unknown(key: str) -> None:
    """An empty `X-API-Key` is an unknown key; an `Authorization` without a key is none."""
    keys = ApiKeys(Access(keys=(make_key("lan")[1],)))
    with pytest.raises(KeyInvalid):
        keys.owner({"X-API-Key": key})
    with pytest.raises(KeyMissing):
        keys.owner({"Authorization": key})


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("name:short", r"keys.txt: line 1: should be NAME:HASH"),
        ("# only\n\n", r"keys.txt: holds no key"),
        ("", r"keys.txt: holds no key"),
        (f"a:{'0' * 64}\nb b:{'0' * 64}", r"line 2: should be NAME:HASH"),
        (f"a:{'0' * 64}\na:{'1' * 64}", r"line 2: there are two keys named a"),
        (None, r"keys.txt: cannot be read: No such file"),
    ],
)
def test_keys_that_cannot_be_used(tmp_path: Path, lines: str | None, complaint: str) -> None:
    """A broken, empty or missing file of keys stops the start; its lines are not shown."""
    path = tmp_path / "keys.txt"
    if lines is not None:
        path.write_text(lines)
    with pytest.raises(ConfigError, match=complaint) as raised:
        ApiKeys(Access(keys_file=path))
    assert "short" not in raised.value.message


def test_names_that_no_key_can_have() -> None:
    """A name that would break the line is refused when the key is made."""
    for name in ("", "a:b", "a b", "ạ", "x" * 65, "a\n"):
        with pytest.raises(ConfigError, match="no name for a key"):
            make_key(name)


def test_security_headers(client: httpx.Client) -> None:
    """Every answer, errors included, has the security headers; HTTPS adds HSTS."""
    for path in (*PATHS, "/healthz", "/metrics"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in headers
        proxied = client.get(path, headers={"X-Forwarded-Proto": "https"})
        assert "max-age=" in proxied.headers["Strict-Transport-Security"]


def test_tls(start: Starter, tmp_path: Path) -> None:
    """Certificates from the settings give HTTPS with HSTS and without TLS 1.1.

    SIGHUP loads a new certificate.
    """
    folder = tmp_path / "server"
    install_pair(folder / "voices")
    certificate, _ = make_certificate(folder, "first")
    settings: Settings = {
        "server": {"tls_certificate": "first.pem", "tls_key": "first.key"},
        "voice": {"name": "pair"},
    }
    with start(settings, ready=False) as server:
        assert server.url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(base_url=server.url, verify=trusted, timeout=30) as client:
            spoken = client.post("/tts", json={"text": "xin chào"})
            assert spoken.json()["audio_url"].startswith(server.url)
            assert "Strict-Transport-Security" in spoken.headers
            assert client.get(spoken.json()["audio_url"]).content.startswith(b"RIFF")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/healthz")
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{server.url.replace('https', 'http')}/healthz")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{server.url}/healthz", verify=old)

        before = server.workers()
        second, key = make_certificate(folder, "second")
        second.replace(certificate)
        key.replace(folder / "first.key")
        os.kill(server.process.pid, signal.SIGHUP)
        server.wait_until(lambda: set(server.workers()).isdisjoint(before), "new workers")
        renewed = ssl.create_default_context(cafile=str(certificate))
        assert httpx.get(f"{server.url}/healthz", verify=renewed).status_code == 200


def test_tls_that_cannot_be_used(tmp_path: Path) -> None:
    """A certificate without its key, or with invalid files, stops the start with one line."""
    make_certificate(tmp_path, "one")
    make_certificate(tmp_path, "two")
    (tmp_path / "none.pem").write_text("nothing")
    for settings, complaint in (
        ("tls_certificate: one.pem", "cannot be used"),
        ("tls_certificate: one.pem, tls_key: two.key", "cannot be used: KEY_VALUES_MISMATCH"),
        ("tls_certificate: none.pem", "cannot be used"),
        ("tls_certificate: gone.pem", "cannot be used: No such file"),
        ("tls_key: one.key", "server.tls_key: needs server.tls_certificate"),
    ):
        (tmp_path / "config.yaml").write_text(f"server: {{{settings}}}")
        done = start_in(tmp_path)
        assert done.returncode == 2
        (problem,) = done.stderr.splitlines()
        assert complaint in problem
