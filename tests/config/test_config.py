"""Settings: one file, one environment, one frozen object, and helpful errors."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from vits_tts import config as configuration
from vits_tts.config import Config, Settings, load, reference
from vits_tts.cores import available_cores
from vits_tts.errors import ConfigError
from vits_tts.web.auth.api_keys import make_key

ROOT = Path(__file__).parent.parent.parent


def write(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_file_holds_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`config.yaml` is the settings' own template, and using it changes no default."""
    shipped = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert shipped == reference.template()
    monkeypatch.chdir(tmp_path)
    without = load()
    write(tmp_path, shipped)
    assert load() == without


def test_reference_page_is_current() -> None:
    """The reference page in the documentation is up to date (`scripts/format` makes it)."""
    page = (ROOT / "docs" / "CONFIGURATION.md").read_text(encoding="utf-8")
    assert page == reference.page()
    for name, _ in configuration.settings():
        assert name in page


def test_file_then_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment overrides the file, and the file overrides the defaults.

    Each overrides only the settings that it names.
    """
    path = write(tmp_path, "server: {port: 1234, host: 0.0.0.0}\nvoice: {speeds: {slow: 1.3}}\n")
    monkeypatch.setenv("VITS_TTS__SERVER__PORT", "4321")
    monkeypatch.setenv("VITS_TTS__VOICE__SPEEDS__FAST", "0.5")
    monkeypatch.setenv("VITS_TTS__SERVER__CORS_ORIGINS", "https://a.vn, https://b.vn")
    monkeypatch.setenv("VITS_TTS__SERVER__TRUSTED_PROXIES", '["10.0.0.0/8"]')
    monkeypatch.setenv("VITS_TTS__CACHE__MEMORY__MAX_BYTES", "1MiB")
    monkeypatch.setenv("VITS_TTS__LOGGING__LOG_TEXT", "true")
    config = load(path)
    assert (config.server.port, config.server.host) == (4321, "0.0.0.0")  # noqa: S104
    speeds = config.voice.speeds
    assert (speeds.slow, speeds.fast, speeds.normal) == (1.3, 0.5, 1.0)
    assert config.server.cors_origins == ("https://a.vn", "https://b.vn")
    assert str(config.server.trusted_proxies[0]) == "10.0.0.0/8"
    assert config.cache.memory.max_bytes == 1024**2
    assert config.logging.log_text is True


def test_every_setting_can_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every variable of the reference is read: each default can be set by it."""
    monkeypatch.chdir(tmp_path)
    expected = load()
    for line in reference.page().splitlines():
        if line.startswith("| `"):
            _, default, variable, *_ = (part.strip(" `") for part in line.strip("|").split("|"))
            monkeypatch.setenv(variable, default)
    assert load() == expected


def test_frozen(tmp_path: Path) -> None:
    """Settings cannot be changed while the server runs."""
    config = load(write(tmp_path, ""))
    with pytest.raises(ValidationError):
        config.server.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.server = config.server  # type: ignore[misc]


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    """A relative folder means the same, wherever the server is started from."""
    config = load(write(tmp_path, "voice: {folder: my/voices}\nlogging: {file: x.log}\n"))
    assert config.voice.folder == tmp_path / "my" / "voices"
    for section in ("audio", "dictionaries", "jobs", "usage"):
        assert getattr(config, section).folder == tmp_path / section
    assert config.logging.file == tmp_path / "x.log"
    assert load(write(tmp_path, "audio: {folder: /var/audio}\n")).audio.folder == Path("/var/audio")
    assert load(write(tmp_path, "jobs: {folder: /var/jobs}\n")).jobs.folder == Path("/var/jobs")
    assert load(write(tmp_path, "usage: {folder: ../use}\n")).usage.folder == tmp_path / "../use"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server: {prot: 1}", "server.prot: unknown setting; did you mean server.port?"),
        ("sever: {port: 1}", "sever: unknown setting; did you mean server?"),
        ("cache: {memory: {max_byte: 1}}", "did you mean cache.memory.max_bytes?"),
        ("zzz: 1", "zzz: unknown setting, not 1"),
        ("server: {port: eighty}", "server.port: should be a valid integer"),
        ("server: {port: 70000}", "server.port: should be less than or equal to 65535"),
        ("server: {port: true}", "server.port: should not be a boolean"),
        ("voice: {volume: true}", "voice.volume: should not be a boolean"),
        ("server: {port: 1, port: 2}", "port: duplicate key"),
        ("server: {public_url: 'https://a b'}", "server.public_url: should be a URL"),
        ("server: {workers: 0}", "server.workers: "),
        ("server: {workers: many}", "server.workers: "),
        ("server: 5", "server: should have settings"),
        ("server: {cors_origins: ['app.example.vn']}", "server.cors_origins: should be an origin"),
        ("server: {public_url: speech}", "server.public_url: should be a URL"),
        ("server: {trusted_proxies: [nobody]}", "server.trusted_proxies: "),
        ("voice: {noise_scale: .nan}", "voice.noise_scale: "),
        ("voice: {name: ''}", "voice.name: "),
        ("cache: {memory: {max_bytes: lots}}", "cache.memory.max_bytes: "),
        ("logging: {format: xml}", "logging.format: should be 'json' or 'text', not 'xml'"),
        ("logging: {level: [a, b]}", "logging.level: "),
        ("- a\n- b", "should have sections such as `server:`, not list"),
        ("server: {port: 1", "is not valid YAML: "),
        ("a: &a [*a]", "a: "),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, text: str, complaint: str) -> None:
    """One line names the file, the key and the expected value."""
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = caught.value.message
    assert message.startswith(f"{path}: ")
    assert complaint.partition(", not 1")[0] in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("VITS_TTS__SERVER__PROT", "1", "unknown setting; did you mean VITS_TTS__SERVER__PORT?"),
        ("VITS_TTS__SERVR__PORT", "1", "unknown setting; did you mean VITS_TTS__SERVER__PORT?"),
        ("VITS_TTS__SERVER__PORT", "x", "server.port: should be a valid integer"),
        ("VITS_TTS__SERVER__CORS_ORIGINS", "[", "server.cors_origins: should be a list"),
        ("VITS_TTS__SERVER", "x", "server"),
    ],
)
def test_wrong_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    """An invalid value in the environment is reported with the variable's name."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "server: {port: 80}"))
    assert caught.value.message.startswith("environment")
    assert complaint in caught.value.message


@pytest.mark.parametrize("variable", ["VITS_TTS__ACCESS__KEYS", "VITS_TTS__ACCESS__KEYS_FILE"])
@pytest.mark.parametrize("value", ["", " ", ","])
def test_an_empty_variable_does_not_take_the_keys_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """An empty variable for keys is an error, unless all clients may call."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=variable):
        load(write(tmp_path, "server: {port: 80}"))
    access = load(write(tmp_path, "access: {open: true}")).access
    assert (access.keys, access.keys_file) == ((), None)


@pytest.mark.parametrize("keys", ["keys: ''", "keys: ' , '", "keys_file: ''", "keys: null"])
def test_empty_keys_in_the_file(tmp_path: Path, keys: str) -> None:
    """An empty text for keys, as templates make of a missing value, is an error."""
    with pytest.raises(ConfigError, match=r"access\.keys"):
        load(write(tmp_path, f"access: {{{keys}}}"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VITS_TTS__ACCESS__KEYS", "[]"),
        ("VITS_TTS__ACCESS", '{"keys": []}'),
        ("VITS_TTS__ACCESS", "null"),
    ],
)
def test_the_environment_does_not_take_away_the_keys_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The environment cannot remove the file's keys, except by opening the access to all."""
    path = write(tmp_path, f"access: {{keys: ['lan:{'0' * 64}']}}")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=f"environment {variable}"):
        load(path)
    monkeypatch.setenv("VITS_TTS__ACCESS", '{"keys": [], "open": true}')
    monkeypatch.delenv("VITS_TTS__ACCESS__KEYS", raising=False)
    assert load(path).access.keys == ()


@pytest.mark.parametrize("section", ["ACCESS", "SERVER", "LIMITS", "CACHE__REDIS"])
def test_the_environment_does_not_empty_a_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    """An empty section in the environment would hide the file's TLS, proxies and limits."""
    monkeypatch.setenv(f"VITS_TTS__{section}", "null")
    with pytest.raises(ConfigError, match=f"VITS_TTS__{section}: should be settings in JSON"):
        load(write(tmp_path, "server: {tls_certificate: x.pem}"))


def test_variables_with_one_line_too_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`VITS_TTS_ACCESS_KEYS` is reported; variables of Kubernetes' Services are ignored."""
    path = write(tmp_path, "{}")
    monkeypatch.setenv("VITS_TTS_SERVER_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("VITS_TTS_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("VITS_TTS_API_KEY", "of a client")
    assert load(path).server.port == 8888
    monkeypatch.setenv("VITS_TTS_ACCESS_KEYS", "lan:x")
    with pytest.raises(ConfigError, match=r"VITS_TTS_ACCESS_KEYS: .* mean VITS_TTS__ACCESS__KEYS"):
        load(path)


SECRET = "vtts-hunter2"  # noqa: S105  # of nobody


@pytest.mark.parametrize(
    "text",
    [
        f"access: {{keys: {{lan: {SECRET}}}}}",
        f"access: {{keys: [{{lan: {SECRET}}}]}}",
        f"access: [{SECRET}]",
        f"cache: {{redis: {{password: [{SECRET}]}}}}",
        f"cache: {{redis: {{url: 'http://lan:{SECRET}@host'}}}}",
        f"cache: {{redis: [{SECRET}]}}",
        f"cache: {{redis: {{password: !{SECRET} x}}}}",
        f"cache: {{redis: {{password: *{SECRET}}}}}",
        f"cache: {{redis: {{password: '{SECRET}' x}}}}",
        f"voice: {{catalogue: {{urls: {{x: 'https://lan:{SECRET}@host'}}}}}}",
        f"cache: {{redis: {{url: !!int {SECRET}}}}}",
        f"cache: {{redis: {{password: !!timestamp {SECRET}}}}}",
        f"cache: {{redis: {{'redis://:{SECRET}@host': 1}}}}",
        f"cache: {{redis: {{'redis://:{SECRET}@host': 1, 'redis://:{SECRET}@host': 2}}}}",
        f"server: {{public_url: 'https://lan:{SECRET}@host/?x'}}",
    ],
)
def test_messages_hold_no_secrets(tmp_path: Path, text: str) -> None:
    """A key or password in the wrong place is not shown, because messages go into logs."""
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@host:6379/0",
        f"redis://lan:a:{SECRET}@host",
        f"redis://lan:a/{SECRET}@host",
        f"redis://lan:a@{SECRET}@host",
        f"redis://:{SECRET}#a@host",
        f"redis://host:{SECRET}",
        f"redis://host?password={SECRET}&db=1",
        f"redis+sentinel://lan:{SECRET}:1@a:1,b:2/name",
        f"redis+cluster://a:1,b:{SECRET}",
        f"unix://lan:{SECRET}@/run/redis.sock",
    ],
)
def test_passwords_are_not_shown(tmp_path: Path, url: str) -> None:
    """The password of an address is masked, even if the address is malformed."""
    config = load(write(tmp_path, f"cache: {{redis: {{url: '{url}'}}}}"))
    assert SECRET not in reference.effective(config)


def test_addresses_are_shown(tmp_path: Path) -> None:
    """All of an address except its password is shown."""
    for url in ("redis+sentinel://a:1,[::1]:2,c/name/0", "redis://lan@host/1", "unix:///run/a:b@c"):
        config = load(write(tmp_path, f"cache: {{redis: {{url: '{url}'}}}}"))
        assert url in reference.effective(config)


def test_open_access_excludes_keys(tmp_path: Path) -> None:
    """A server with open access must not have keys."""
    with pytest.raises(ConfigError, match=r"access\.open"):
        load(write(tmp_path, f"access: {{open: true, keys: ['lan:{'0' * 64}']}}"))


def _remove(path: Path) -> None:
    path.unlink()


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _make_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("gone.yaml")


def _make_empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [_remove, _make_folder, _make_dangling_link, _make_empty])
@pytest.mark.parametrize("named", [False, True])
def test_a_file_that_was_there_and_is_no_file_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None], named: bool
) -> None:
    """A reload fails if the file is missing, since it may have held the API keys."""
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, "server: {port: 80}")
    read = Settings(path if named else None)
    assert read().server.port == 80
    harm(path)
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        read()


@pytest.mark.parametrize("harm", [_make_folder, _make_dangling_link, _make_empty])
def test_a_start_refuses_what_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    """A start refuses an empty file or a folder.

    A container engine makes these if the source of a mount is missing.
    """
    monkeypatch.chdir(tmp_path)
    assert Settings()() == load()  # no file at all means the defaults
    harm(write(tmp_path, "x"))
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        Settings()()


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    """A named file must exist and must be text."""
    with pytest.raises(ConfigError, match="the file does not exist"):
        load(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(path)


def test_empty_sections_are_no_settings(tmp_path: Path) -> None:
    """A section whose settings are all commented out is valid."""
    assert load(write(tmp_path, "server:\nvoice:\n")) == load(write(tmp_path, ""))


def test_a_key_in_place_of_its_hash_is_not_shown(tmp_path: Path) -> None:
    """Entries of access.keys that are not NAME:HASH may be keys themselves; others are shown."""
    key, entry = make_key("lan")
    text = f"access: {{keys: ['{entry}', '{key}', 'lan:{key}', '{entry}{key}']}}"
    shown = reference.effective(load(write(tmp_path, text)))
    assert key not in shown
    assert shown.count(entry) == 1


def test_effective_settings_can_be_read_back(tmp_path: Path) -> None:
    """The output of `vits-tts config` is a configuration with the same meaning."""
    config = load(write(tmp_path, "server: {port: 99, trusted_proxies: [10.0.0.0/8]}"))
    assert load(write(tmp_path, reference.effective(config))) == config


def test_threads_follow_cores(tmp_path: Path) -> None:
    """By default the cores are divided among the workers; settings take precedence."""
    for workers, threads in (("1", None), ("1", 3), ("64", None)):
        text = f"server: {{workers: {workers}}}\nvoice: {{threads: {threads or 'auto'}}}"
        config = load(write(tmp_path, text))
        expected = threads or max(1, available_cores() // int(workers))
        assert config.inference_threads == expected
    assert Config().server.worker_count == max(1, available_cores() // 4)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({}, None),
    ],
)
def test_quota_of_a_container(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    """A container's quota determines the cores, not the machine."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    everything = available_cores(tmp_path / "nowhere")
    assert available_cores(tmp_path) == min(expected or everything, everything)
