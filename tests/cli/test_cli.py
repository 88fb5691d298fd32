"""The command line: results, help, and errors."""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.cli import run, run_here, run_several
from tests.support.redis import redis_server
from tests.support.server import Settings, ended, serving, until
from tests.support.sound import assert_speech, decode
from tests.support.voices import install_pair


def use_pair(folder: Path) -> Path:
    """Make the small voice the default one of commands in a folder; return its model file."""
    model = install_pair(folder / "voices")
    (folder / "config.yaml").write_text("voice: {name: pair}")
    return model


def test_say(tmp_path: Path) -> None:
    """A text becomes a WAV file, and nothing is printed."""
    done = run(tmp_path, "say", "Xin chào", "-o", "hello.wav")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    sound = decode((tmp_path / "hello.wav").read_bytes())
    assert_speech(sound, shortest=0.3, longest=3)
    assert list(tmp_path.iterdir()) == [tmp_path / "hello.wav"]


def test_say_from_stdin_to_stdout(tmp_path: Path) -> None:
    """It works in a pipe, with speed, volume, voice and speaker."""
    install_pair(tmp_path / "voices")
    (tmp_path / "config.yaml").write_text("voice: {others: [pair]}")
    options = ("--voice", "pair", "--speaker", "minh", "--speed", "2", "--volume", "0.5", "-o", "-")
    done = run_here(tmp_path, "say", *options, stdin=b"nam")
    assert done.stderr == b""
    sound = decode(done.stdout, streamed=True)
    assert sound.samples.max() == pytest.approx(0.25, abs=0.001)
    assert len(sound.samples) == 9 * 100 / 2


def test_voices(tmp_path: Path) -> None:
    """Installed voices are listed with their licences, the default one marked."""
    install_pair(tmp_path / "voices")
    listed = run_here(tmp_path, "voices", "list")
    lines = listed.stdout.decode().splitlines()
    advice = listed.stderr.decode().splitlines()
    assert [line.split(":")[1] for line in advice] == [" voice vi_VN-vais1000-compact"]
    assert "`voice.name: vi_VN-lephuong-compact`" in advice[0]
    assert "`vits-tts voices list --available`" in advice[0]
    assert lines[:2] == [
        "  vi_VN-lephuong-compact  vi_VN, 16000 Hz, 17.3 MB, licence: GPL-3.0",
        "* vi_VN-vais1000-compact  vi_VN, 16000 Hz, 17.3 MB, licence: CC BY-NC-SA 4.0",
    ]
    assert lines[2].startswith("  pair  vi, 8000 Hz, 0.0 MB, 2 speakers, licence: unknown")
    rows = json.loads(run_here(tmp_path, "voices", "list", "--json").stdout)
    commercial = {row["name"]: row["commercial"] for row in rows}
    assert commercial == {
        "vi_VN-lephuong-compact": True,
        "vi_VN-vais1000-compact": False,
        "pair": None,
    }


def test_config(tmp_path: Path) -> None:
    """The effective settings are printed: file and environment together."""
    (tmp_path / "other.yaml").write_text("server: {host: 0.0.0.0}")
    done = run_here(tmp_path, "config", "--config", "other.yaml", VITS_TTS__SERVER__PORT="99")
    server = yaml.safe_load(done.stdout)["server"]
    assert (server["host"], server["port"]) == ("0.0.0.0", 99)  # noqa: S104


COMMANDS: list[tuple[str, ...]] = [
    (),
    ("serve",),
    ("say",),
    ("voices",),
    ("voices", "list"),
    ("voices", "info"),
    ("voices", "install"),
    ("voices", "remove"),
    ("config",),
    ("cache", "stats"),
    ("cache", "clear"),
    ("cache", "warm"),
]


def test_help(tmp_path: Path) -> None:
    """Every command has help, with an example unless it only groups other commands."""
    ends = run_several(tmp_path, *([*command, "--help"] for command in COMMANDS))
    for command, done in zip(COMMANDS, ends, strict=True):
        assert done.status == 0
        assert done.stdout.startswith("Usage: ")
        if command and command != ("voices",):
            assert f"vits-tts {' '.join(command)}" in done.stdout.partition("Examples:")[2]


MISTAKES = [
    (("fly",), "No such command 'fly'"),
    (("say", "xin", "-o", "x.wav", "--spede", "1"), "No such option"),
    (("say", "xin"), "Missing option '-o' or '--play'"),
    (("say", "xin", "-o", "x.wav", "--file", "bad.yaml"), "exclude each other"),
    (("say", "xin", "-o", "x.wav", "--url", "ftp://x"), "--url should be a URL"),
    (("say", "xin", "-o", "x.wav", "--url", "http://127.0.0.1:1"), "Connection refused"),
    (("say", "...", "-o", "x.wav"), "nothing to say"),
    (("say", "", "-o", "x.wav"), "the text is empty"),
    (("say", "a\x07b", "-o", "x.wav"), "control character"),
    (("say", "xin", "-o", "x.wav", "--speed", "9"), "speed is one of"),
    (("say", "xin", "-o", "x.wav", "--voice", "nobody"), "there is no voice 'nobody'"),
    (("say", "xin", "-o", "x.wav", "--speaker", "9"), "has no speaker '9'"),
    (("say", "xin", "-o", "no/such/folder/x.wav"), "folder/x.wav: No such file or directory"),
    (("say", "xin", "-o", "."), "is a directory"),
    (("config", "--config", "no.yaml"), "no.yaml: the file does not exist"),
    (("serve", "--config", "bad.yaml"), "did you mean server.port?"),
    (("voices", "list", "--config", "bad.yaml"), "did you mean server.port?"),
]


def test_mistakes(tmp_path: Path) -> None:
    """An error is one line on stderr and exit status 2; no file is left behind."""
    use_pair(tmp_path)
    (tmp_path / "bad.yaml").write_text("server: {prot: 1}")
    ends = run_several(tmp_path, *(list(arguments) for arguments, _ in MISTAKES))
    for (arguments, complaint), done in zip(MISTAKES, ends, strict=True):
        assert (done.status, done.stdout) == (2, ""), arguments
        (line,) = done.stderr.splitlines()
        assert line.startswith("vits-tts: ")
        assert complaint in line
    assert not list(tmp_path.glob("*.wav"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("group", [(), ("voices",), ("keys",)])
def test_no_command(tmp_path: Path, group: tuple[str, ...]) -> None:
    """Without a command, the list of commands is shown, as by `--help`."""
    done = run_here(tmp_path, *group)
    helped = run_here(tmp_path, *group, "--help")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == helped.stdout


def test_interrupted_before_it_began(tmp_path: Path) -> None:
    """Ctrl-C during the imports ends a command as it does later."""
    program = """
import sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from vits_tts.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, b"")


def test_broken_voices_are_told(tmp_path: Path) -> None:
    """`say` and `voices list` name a broken voice and the reason."""
    use_pair(tmp_path).write_bytes(b"garbage")
    done = run_here(tmp_path, "say", "abc", "-o", "x.wav")
    assert done.returncode == 2
    assert re.fullmatch(
        r"vits-tts: voice pair: .*not a model that can run.*\n", done.stderr.decode()
    )


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    """Standard input has to be UTF-8."""
    done = run_here(tmp_path, "say", "-o", "x.wav", stdin=b"\xff")
    assert (done.returncode, done.stderr) == (2, b"vits-tts: standard input is not UTF-8\n")


def test_one_line_in_is_one_line_out(tmp_path: Path) -> None:
    """`normalize` splits only at line ends; a broken byte is replaced and reported."""
    written = "một\u2028hai\x0bba\x0c bốn\r\n\nnăm ".encode() + b"\xff " + "sáu\nhết".encode()
    done = run_here(tmp_path, "normalize", stdin=written)
    assert done.returncode == 0
    assert done.stdout.decode().split("\n") == ["một hai ba bốn", "", "năm sáu", "hết", ""]
    assert done.stderr == (
        b"vits-tts: standard input: line 3: bytes that are not UTF-8 were replaced\n"
    )


def test_special_files(tmp_path: Path) -> None:
    """A pipe is written into, a link's target is replaced, a file keeps its mode."""
    use_pair(tmp_path)
    (tmp_path / "real.wav").touch(0o600)
    (tmp_path / "link.wav").symlink_to("real.wav")
    assert run(tmp_path, "say", "xin", "-o", "link.wav").returncode == 0
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "real.wav").stat().st_mode & 0o777 == 0o600
    decode((tmp_path / "real.wav").read_bytes())
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit((tmp_path / "pipe").read_bytes)
        assert run(tmp_path, "say", "xin", "-o", "pipe").returncode == 0
        decode(reading.result(30), streamed=True)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("say xin -o - >&-", 2),
        ("say -o a.wav <&-", 2),
        ("say xin -o ''", 2),
        ("say $'xin\\xff' -o b.wav", 2),
        ("say xin -o - >/dev/full", 2),
    ],
)
def test_closed_and_full_streams(tmp_path: Path, command: str, status: int) -> None:
    """With closed or full standard streams there is at most one line, and no traceback."""
    use_pair(tmp_path)
    script = f"{sys.executable} -m vits_tts {command}"
    done = ended(["bash", "-c", script], tmp_path)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


def test_one_broken_voice_hides_no_other(tmp_path: Path) -> None:
    """Working voices are listed beside an error about the broken one."""
    model = install_pair(tmp_path / "voices")
    model.with_name("pair.onnx.json").write_text("{")
    done = run_here(tmp_path, "voices", "list")
    assert done.returncode == 0
    assert b"vi_VN-vais1000-compact" in done.stdout
    assert done.stderr.startswith(b"vits-tts: voice pair: ")


def test_help_and_completion_wait_for_nothing(tmp_path: Path) -> None:
    """Help and completion import no slow module, so that completion is fast."""
    script = (
        "import sys, vits_tts.cli.commands; "
        "print(*{'asyncio', 'numpy', 'portalocker', 'pydantic', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


def test_the_end_looks_for_no_garbage(tmp_path: Path) -> None:
    """At the end of a process all objects are frozen: Python skips them, and the end is fast."""
    script = (
        "import atexit, gc, sys; from vits_tts.cli import main; sys.argv[1:] = ['--version']; "
        "atexit.register(lambda: print(gc.get_freeze_count(), len(gc.get_objects()))); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    frozen, others = map(int, done.stdout.splitlines()[-1].split())
    assert frozen > 1000 > others


def test_version(tmp_path: Path) -> None:
    """The version is printed."""
    assert run_here(tmp_path, "--version").stdout.startswith(b"vits-tts, version 0.")


def test_cache_administration(tmp_path: Path) -> None:
    """Phrases are cached in advance once, counted by voice, and deleted."""
    install_pair(tmp_path / "voices")
    (tmp_path / "phrases.txt").write_text("Xin chào. Tạm biệt.\n\nCảm ơn.\nCảm ơn.\n")
    with redis_server(tmp_path / "redis") as redis:
        redis_settings = {"url": redis.url, "command_timeout": 5, "connect_timeout": 5}
        settings = {"cache": {"redis": redis_settings}, "voice": {"others": ["pair"]}}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
        (tmp_path / "wrong.txt").write_text("Một.\n...\n")
        first, again, of_pair, as_json, stats, dropped, all_dropped, unknown, wrong = run_several(
            tmp_path,
            ["cache", "warm", "phrases.txt"],
            ["cache", "warm", "phrases.txt"],
            ["cache", "warm", "phrases.txt", "--voice", "pair"],
            ["cache", "stats", "--json"],
            ["cache", "stats"],
            ["cache", "clear", "--voice", "pair"],
            ["cache", "clear"],
            ["cache", "clear", "--voice", "pear"],
            ["cache", "warm", "wrong.txt"],
        )
        assert (first.status, first.stdout) == (0, "3 sentences made, 1 were cached\n")
        assert again.stdout == "0 sentences made, 4 were cached\n"
        assert of_pair.status == 0, of_pair.stderr
        rows = json.loads(as_json.stdout)
        counts = {row["voice"]: row["sentences"] for row in rows}
        assert counts == {"vi_VN-vais1000-compact": 3, "pair": 3}
        assert all(row["bytes"] > 100 for row in rows)
        assert "total: 6 sentences" in stats.stdout
        assert dropped.stdout == "3 sentences deleted\n"
        assert all_dropped.stdout == "3 sentences deleted\n"
        assert unknown.stderr == "vits-tts: there is no voice 'pear'; did you mean pair?\n"
        assert wrong.status == 2
        assert "phrase 2: the text has nothing to say" in wrong.stderr


def test_counting_among_keys_of_others(tmp_path: Path) -> None:
    """Keys of other programs, or of another form, are neither counted nor deleted."""
    with redis_server(tmp_path / "redis") as redis, redis.client() as client:
        settings = {"cache": {"redis": {"url": redis.url, "command_timeout": 5}}}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
        key = "ab" * 20
        client.set(f"vits-tts:s3:ours:{{{key}}}", b"x" * 100)
        foreign = [
            "vits-tts:s3:theirs:x",
            f"vits-tts:s3:a:b:{{{key}}}",
            f"vits-tts:s3:{'v' * 65}:{{{key}}}",
            b"vits-tts:s3:\xff:{" + key.encode() + b"}",
            f"other:vits-tts:s3:ours:{{{key}}}",
            f"vits-tts:r1:{key}",
        ]
        for name in foreign:
            client.set(name, b"x")
        client.rpush(f"vits-tts:s3:list:{{{key}}}", b"x")
        with client.pipeline() as pipeline:
            for number in range(20_000):
                pipeline.set(f"foreign:{number}", b"")
            pipeline.execute()
        counted, hurried, dropped = run_several(
            tmp_path,
            ["cache", "stats", "--json"],
            ["cache", "stats", "--seconds", "0.0001"],
            ["cache", "clear"],
        )
        assert json.loads(counted.stdout) == [{"voice": "ours", "sentences": 1, "bytes": 100}]
        assert counted.stderr == ""
        assert hurried.stderr == "vits-tts: incomplete: the count was stopped after 0.0001 s\n"
        assert dropped.stdout == "2 sentences deleted\n"  # the list, too
        assert all(client.exists(name) for name in foreign)


def test_clearing_reaches_the_memory_of_servers(tmp_path: Path) -> None:
    """After `cache clear` a server synthesises a sentence again that it had in memory."""
    with redis_server(tmp_path / "redis") as redis:
        settings: Settings = {"cache": {"redis": {"url": redis.url, "command_timeout": 5}}}
        with serving(tmp_path, settings, pair=True) as server:

            def hits() -> int:
                response = httpx.get(f"{server.url}/tts/stream?text=xin")
                request_id = response.headers["X-Request-ID"]
                return int(server.wait_for("request", request_id=request_id)[0]["cache_hits"])

            hits()
            until(lambda: redis.keys("vits-tts:s*"), "stored")
            assert hits() == 1
            assert run(tmp_path, "cache", "clear").returncode == 0
            until(lambda: hits() == 0, "made anew", server.explain)


def test_cache_needs_redis(tmp_path: Path) -> None:
    """Without a shared cache the commands fail; an unreachable Redis is named."""
    (tmp_path / "phrases.txt").write_text("Xin chào.\n")
    (tmp_path / "away.yaml").write_text("cache: {redis: {url: 'redis://127.0.0.1:1/0'}}")
    (tmp_path / "wrong.yaml").write_text("cache: {redis: {url: 'redis://:pass#word@host'}}")
    commands = [["cache", *command] for command in (["stats"], ["clear"], ["warm", "phrases.txt"])]
    settings: list[list[str]] = [[], ["--config", "away.yaml"], ["--config", "wrong.yaml"]]
    ends = run_several(
        tmp_path, *([*command, *given] for given in settings for command in commands)
    )
    assert len(ends) == 9
    for done in ends[:3]:
        assert done.status == 2
        assert done.stderr.startswith("vits-tts: cache.redis.url: ")
    for away in ends[3:6]:
        assert away.status == 2
        assert "cache.redis" in away.stderr.splitlines()[-1]
    for wrong in ends[6:]:
        assert wrong.status == 2
        assert wrong.stderr.startswith("vits-tts: cache.redis.url: has a port")
        assert "pass" not in wrong.stderr


def test_normalize(tmp_path: Path) -> None:
    """Lines of stdin become spoken text, with --json with their offsets."""
    lines = "Giá 35k\n\nSố 105 ở TP.HCM\n".encode()
    done = run_here(tmp_path, "normalize", stdin=lines)
    assert done.stdout.decode().splitlines() == [
        "giá ba mươi lăm nghìn",
        "",
        "số một trăm linh năm ở thành phố hồ chí minh",
    ]
    south = run_here(tmp_path, "normalize", stdin=lines, VITS_TTS__TEXT__REGION="south")
    assert "một trăm lẻ năm" in south.stdout.decode()
    done = run_here(tmp_path, "normalize", "--json", stdin=lines)
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(answers) == 3
    assert answers[0]["stretches"][1] == {"text": "ba mươi lăm", "start": 4, "end": 6}


def test_normalize_reads_markup(tmp_path: Path) -> None:
    """Lines with SSML or inline marks are read as they are spoken; a broken one is an error."""
    lines = 'Xin [pause 1s]chào <spell>A1</spell>\n<speak>Có <sub alias="hai">2</sub>.</speak>\n'
    done = run_here(tmp_path, "normalize", stdin=lines.encode())
    assert done.stdout.decode().splitlines() == ["xin chào a một", "có hai."]
    done = run_here(tmp_path, "normalize", "--json", stdin=lines.encode())
    first = json.loads(done.stdout.decode().splitlines()[0])
    assert [sentence["pause"] for sentence in first["sentences"]] == [1.0, 0.0]
    done = run_here(tmp_path, "normalize", stdin=b"<speak>a")
    assert done.returncode != 0
    assert "close every element" in done.stderr.decode()


def test_normalize_with_a_lexicon(tmp_path: Path) -> None:
    """A lexicon is relative to the configuration; a missing one stops the start."""
    (tmp_path / "words.yaml").write_text("Zyx: hoa mai\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text("text:\n  lexicon: [words.yaml]\n", encoding="utf-8")
    assert run_here(tmp_path, "normalize", stdin=b"zyx").stdout.decode() == "hoa mai\n"
    done = run_here(tmp_path, "normalize", stdin=b"zyx", VITS_TTS__TEXT__LEXICON="none.yaml")
    assert done.returncode == 2
    assert "none.yaml" in done.stderr.decode()
    assert len(done.stderr.decode().splitlines()) == 1
