"""Invalid settings, for a start or for a running server."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import yaml

from tests.adversary.attack import Attack, Complaint, Facts, Target
from tests.adversary.wire import Answer
from tests.support.server import clean_environment

_CONFIG = [sys.executable, "-m", "vits_tts", "config", "--config"]
_MOST_SECONDS = 60
_SECTIONS = ["server", "access", "limits", "text", "voice", "cache", "audio", "logging", "tracing"]
_NAMES = ["host", "port", "workers", "keys", "keys_file", "lexicon", "folder", "max_bytes", "url"]
_NAMES += ["max_text_chars", "graceful_timeout", "cors_origins", "trusted_proxies", "name", "file"]
_LONGEST_LINE = 2000
_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def family(chance: Random, facts: Facts) -> Attack:
    """Let a process, or a server's reload, read invalid settings."""
    del facts
    return chance.choice([_checked, _checked, _reloaded])(chance)


def _checked(chance: Random) -> Attack:
    """Let ``vits-tts config`` report the errors of a file."""
    kind = chance.choice(_KINDS)
    content = kind(chance)

    async def run(target: Target) -> list[Answer]:
        path = target.folder / f"hostile-{chance.random()}.yaml"
        path.write_bytes(content)
        try:
            await asyncio.to_thread(_check, path)
        finally:
            path.unlink()
        return []

    return Attack("configurations", f"{_called(kind)} to a start", repr(content), run)


def _check(path: Path) -> None:
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                [*_CONFIG, str(path)],
                stdout=subprocess.DEVNULL,
                stderr=output,
                env=clean_environment(),
                timeout=_MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Complaint(f"the settings were not read in {_MOST_SECONDS} s") from None
        output.seek(0)
        said = output.read(100_000).decode(errors="replace")
    if done.returncode not in {0, 2}:
        raise Complaint(f"exit status {done.returncode}: {said[-300:]}")
    if "Traceback" in said or len(said.strip().splitlines()) > 1:
        raise Complaint(f"more than one line: {said[-300:]}")
    if not said.rstrip("\n").isprintable():
        raise Complaint(f"characters that terminals act on: {said[-300:]!r}")
    if len(said) > _LONGEST_LINE:
        raise Complaint(f"a line of {len(said)} characters: {said[:300]}")


def _reloaded(chance: Random) -> Attack:
    """Replace a server's settings by invalid ones, and let it reload."""
    kind = chance.choice([*_KINDS, None])
    content = kind(chance) if kind else b""
    instead = "" if kind else chance.choice(["folder", "nothing", "dangling link", "pipe"])

    async def run(target: Target) -> list[Answer]:
        path = target.folder / "config.yaml"
        before = set(target.workers())
        _remove(path)
        _put(path, content, instead)
        try:
            await _refused(target, before)
        finally:
            _remove(path)
            target.server.configure(target.settings)
            target.reloads += 1
            target.server.process.send_signal(signal.SIGHUP)
        if not await target.settled(without=before):
            raise Complaint("good settings were not taken after the bad ones")
        return []

    about = _called(kind) if kind else f"a {instead}".replace("a nothing", "nothing")
    exact = repr(content) if kind else instead
    return Attack("configurations", f"{about} at a reload", exact, run, alone=True)


async def _refused(target: Target, before: set[int]) -> None:
    """Reload, and wait until that was refused; the workers stay as they are."""
    refused = _refusals(target)
    target.server.process.send_signal(signal.SIGHUP)
    for _ in range(_MOST_SECONDS * 10):
        await asyncio.sleep(0.1)
        if target.server.process.poll() is not None:
            raise Complaint("a reload with bad settings has ended the server")
        if _refusals(target) > refused:
            break
        if not before <= set(target.workers()):
            raise Complaint("a reload with bad settings has replaced workers")
    else:
        raise Complaint(f"a reload was neither refused nor done in {_MOST_SECONDS} s")


def _refusals(target: Target) -> int:
    return target.server.log.read_bytes().count(b"reload refused")


def _put(path: Path, content: bytes, instead: str) -> None:
    if instead == "folder":
        path.mkdir()
    elif instead == "dangling link":
        path.symlink_to("nowhere.yaml")
    elif instead == "pipe":
        os.mkfifo(path)
    elif not instead:
        path.write_bytes(content)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with suppress(OSError):  # releases processes that wait for a pipe
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        path.unlink(missing_ok=True)


def _called(kind: Callable[..., object]) -> str:
    return kind.__name__.strip("_").replace("_", " ")


def _wrong_values(chance: Random) -> bytes:
    """Return settings of which at least one has an invalid value."""
    values: list[object] = [-1, 0, "", [], {}, None, True, "x" * 5000, 1e308, float("nan"), "🎵"]
    values += ["../../etc", "\u0000", 10**30, ["a", 1], {"a": {"b": 1}}, "1GiB ", "-1KiB", "1e9GiB"]
    settings: dict[str, object] = {"server": {"port": "none"}}
    for _ in range(chance.randint(1, 5)):
        section = chance.choice(_SECTIONS)
        names = chance.sample(_NAMES, chance.randint(1, 3))
        settings.setdefault(section, {name: chance.choice(values) for name in names})
    return json.dumps(settings).encode()


def _not_yaml(chance: Random) -> bytes:
    """Return invalid YAML, or YAML without settings."""
    return chance.choice(
        [
            b"\x00" * 100,
            chance.randbytes(500).replace(b"\n", b"x") + b"\xff: [",
            b"server: [",
            b"- a\n- b\n",
            b"42\n",
            b'"' + b"x" * 100_000,
            b"server: {port: 1}\nserver: {port: 2}\n",
            b"? [a]\n: b\n",
            b"!!python/object/apply:os.system [exit]\n",
            b"server: &a {x: *a}\n",
            b"\xff\xfe" + "server: {}".encode("utf-16-le"),
            b"",
        ]
    )


def _bomb(chance: Random) -> bytes:
    """Return a few lines that expand to millions of values, or many that are compared in pairs."""
    inside = chance.choice(["server: {workers: *i}\n", "access: {keys: *i}\n", "voice: *i\n", ""])
    many = "".join(f"k{number}: 1\n" for number in range(50_000))
    bomb = _BOMB.replace("\n", "\n  ").join(["x:\n  ", "\n"]) + inside
    return chance.choice(
        [_BOMB, bomb, bomb, many, f"server:\n  {many}".replace("\n", "\n  ")]
    ).encode()


def _deep(chance: Random) -> bytes:
    """Return YAML that is nested more deeply than any parser can follow."""
    count = chance.choice([500, 5000, 50_000])
    opening, closing = chance.choice([("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")])
    deep = opening * count + chance.choice(["", "x" + closing * count])
    return f"server:\n  workers:\n    {deep}\n".encode()


def _unknown(chance: Random) -> bytes:
    """Return unknown settings, some of them with line ends in the name."""
    name = chance.choice(["prot", "a\nb", "\x1b[2J", "\u2028", "x" * 100_000, "__class__"])
    return yaml.safe_dump({chance.choice([*_SECTIONS, name]): {name: 1}}).encode()


_KINDS: list[Callable[[Random], bytes]] = [_wrong_values, _not_yaml, _bomb, _deep, _unknown]
