"""Settings: one file, one environment, one frozen object, and errors that help."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from vits_tts import config as configuration
from vits_tts import reference
from vits_tts.config import Config, load
from vits_tts.cores import available_cores
from vits_tts.errors import ConfigError

ROOT = Path(__file__).parent.parent


def write(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_file_holds_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`config.yaml` is the settings' own template, and setting everything to it changes nothing."""
    shipped = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert shipped == reference.template()
    monkeypatch.chdir(tmp_path)
    without = load()
    write(tmp_path, shipped)
    assert load() == without


def test_reference_page_is_current() -> None:
    """The page in the documentation is what the code says now (`scripts/format` makes it)."""
    page = (ROOT / "docs" / "CONFIGURATION.md").read_text(encoding="utf-8")
    assert page == reference.page()
    for name, _ in configuration.settings():
        assert name in page


def test_file_then_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment overrides the file, the file the defaults, each only what it names."""
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
    """Whatever the reference names as a variable is read: each default can be set as itself."""
    monkeypatch.chdir(tmp_path)
    expected = load()
    for line in reference.page().splitlines():
        if line.startswith("| `"):
            _, default, variable, *_ = (part.strip(" `") for part in line.strip("|").split("|"))
            monkeypatch.setenv(variable, default)
    assert load() == expected


def test_frozen(tmp_path: Path) -> None:
    """Nobody changes settings while the server runs."""
    config = load(write(tmp_path, ""))
    with pytest.raises(ValidationError):
        config.server.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        config.server = config.server  # type: ignore[misc]


def test_folders_are_relative_to_the_file(tmp_path: Path) -> None:
    """A relative folder means the same wherever the server is started from."""
    config = load(write(tmp_path, "voice: {folder: my/voices}\nlogging: {file: x.log}\n"))
    assert config.voice.folder == tmp_path / "my" / "voices"
    assert config.audio.folder == tmp_path / "audio"
    assert config.logging.file == tmp_path / "x.log"
    assert load(write(tmp_path, "audio: {folder: /var/audio}\n")).audio.folder == Path("/var/audio")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("server: {prot: 1}", "server.prot: unknown setting; did you mean server.port?"),
        ("sever: {port: 1}", "sever: unknown setting; did you mean server?"),
        ("cache: {memory: {max_byte: 1}}", "did you mean cache.memory.max_bytes?"),
        ("zzz: 1", "zzz: unknown setting, not 1"),
        ("server: {port: eighty}", "server.port: should be a valid integer"),
        ("server: {port: 70000}", "server.port: should be less than or equal to 65535"),
        ("server: {port: true}", "server.port: should be no boolean"),
        ("voice: {volume: true}", "voice.volume: should be no boolean"),
        ("server: {port: 1, port: 2}", "port: stands there twice"),
        ("server: {public_url: 'https://a b'}", "server.public_url: should be a URL"),
        ("server: {workers: 0}", "server.workers: "),
        ("server: {workers: many}", "server.workers: "),
        ("server: 5", "server: should hold settings"),
        ("server: {cors_origins: ['app.example.vn']}", "server.cors_origins: should be an origin"),
        ("server: {public_url: speech}", "server.public_url: should be a URL"),
        ("server: {trusted_proxies: [nobody]}", "server.trusted_proxies: "),
        ("voice: {noise_scale: .nan}", "voice.noise_scale: "),
        ("voice: {name: ''}", "voice.name: "),
        ("cache: {memory: {max_bytes: lots}}", "cache.memory.max_bytes: "),
        ("logging: {format: xml}", "logging.format: should be 'json' or 'text', not 'xml'"),
        ("logging: {level: [a, b]}", "logging.level: "),
        ("- a\n- b", "should hold sections such as `server:`, not list"),
        ("server: {port: 1", "not YAML: "),
        ("a: &a [*a]", "a: "),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, text: str, complaint: str) -> None:
    """One line names the file, the key and what was expected."""
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
    """What the environment sets wrongly is told with the variable's name."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "server: {port: 80}"))
    assert caught.value.message.startswith("environment")
    assert complaint in caught.value.message


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    """A named file has to be there, and has to be text."""
    with pytest.raises(ConfigError, match="there is no such file"):
        load(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(path)


def test_empty_sections_are_no_settings(tmp_path: Path) -> None:
    """A section whose settings are all commented out is fine."""
    assert load(write(tmp_path, "server:\nvoice:\n")) == load(write(tmp_path, ""))


def test_effective_settings_can_be_read_back(tmp_path: Path) -> None:
    """What `vits-tts config` prints is itself a configuration that means the same."""
    config = load(write(tmp_path, "server: {port: 99, trusted_proxies: [10.0.0.0/8]}"))
    assert load(write(tmp_path, reference.effective(config))) == config


def test_threads_follow_cores(tmp_path: Path) -> None:
    """By default the cores are shared out among the workers; settings win."""
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
    """A container's quota counts, not the machine's cores."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    everything = available_cores(tmp_path / "nowhere")
    assert available_cores(tmp_path) == min(expected or everything, everything)
