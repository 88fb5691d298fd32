"""Attacks by write access to the server's folders: files that block, mislead or are missing."""

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

from tests.adversary import wire
from tests.adversary.attack import Attack, Complaint, Facts, Target, address, message
from tests.adversary.wire import Answer, Script

SECRET = b"a file that is none of the server's"
LEXICON = "Zalo: da lô\n"
_LOOKED_SECONDS = 1.5
"""The time after which a server has looked at its lexicons again."""


def family(chance: Random, facts: Facts) -> Attack:
    """Change something in the folders of audio files or of lexicons."""
    return chance.choice([_planted, _planted, _in_the_way, _folder, _lexicon])(chance, facts)


# --- audio files ---------------------------------------------------------------------------------


def _planted(chance: Random, facts: Facts) -> Attack:
    """Put an object under the name of an audio file, and request it."""
    name, plant = chance.choice(list(_PLANTS.items()))
    kind = chance.choice(["wav", "mp3", "opus"])
    hashed = f"{chance.randrange(1 << 160):040x}"
    headers: dict[str, str] = chance.choice(
        [{}, {}, {"Range": "bytes=-1"}, {"Range": f"bytes=5-{1 << 50}"}]
    )
    method = chance.choice(["GET", "GET", "HEAD"])
    sent = message(facts, method, f"/audio/{hashed}.{kind}", None, **headers)
    script = Script(
        (sent,), source=address(chance), hold=12, answered_within=12, enough=4_000_000, quiet=3
    )

    async def run(target: Target) -> list[Answer]:
        path = target.folder / "audio" / f"{hashed}.{kind}"
        with suppress(OSError):  # another attack may replace the folder itself
            path.parent.mkdir(exist_ok=True)
            plant(path)
        try:
            answer = await wire.play(script, target.address)
        finally:
            await asyncio.to_thread(_remove, path)
        if SECRET in answer.head:
            raise Complaint("a file from outside the folder was served")
        return [answer]

    return Attack("files", f"planted: {name}", f"{name}; {script.exact()}", run)


def _in_the_way(chance: Random, facts: Facts) -> Attack:
    """Put an object in the place of a file that will be made, or that was just made."""
    name, plant = chance.choice(list(_PLANTS.items()))
    words = f"tep so {chance.randrange(1 << 40)}".replace(" ", "+")
    path = f"/tts?text={words}&voice={facts.voices[-1]}"
    script = Script(
        (message(facts, "GET", path),), source=address(chance), hold=25, answered_within=25
    )

    async def run(target: Target) -> list[Answer]:
        first = await wire.play(script, target.address)
        _, found, rest = first.head.partition(b'"hash": "')
        if not found:
            return [first]
        file = target.folder / "audio" / f"{rest[:40].decode()}.wav"
        _remove(file)
        with suppress(OSError):
            plant(file)
        try:
            return [first, await wire.play(script, target.address)]
        finally:
            await asyncio.to_thread(_remove, file)

    return Attack("files", f"in the way: {name}", f"{name}; {script.exact()}", run)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _outside(path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_bytes(SECRET)
    path.symlink_to(secret)


_PLANTS: dict[str, Callable[[Path], object]] = {
    "a pipe": _fifo,
    "a socket": _socket,
    "a folder": lambda path: path.mkdir(),
    "a file of a tebibyte": _sparse,
    "a link to elsewhere": _outside,
    "a link to an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "an empty file": lambda path: path.write_bytes(b""),
    "a file that is no sound": lambda path: path.write_bytes(os.urandom(5000)),
    "a sound that breaks off": lambda path: path.write_bytes(b"RIFF\xff\xff"),
}


def _folder(chance: Random, facts: Facts) -> Attack:
    """Change the folder of audio files as a whole, and make a file meanwhile."""
    name, change = chance.choice(list(_CHANGES.items()))
    words = f"thu muc so {chance.randrange(1 << 40)}".replace(" ", "+")
    path = f"/tts?text={words}&voice={facts.voices[-1]}"
    script = Script(
        (message(facts, "GET", path),), source=address(chance), hold=25, answered_within=25
    )

    async def run(target: Target) -> list[Answer]:
        folder = target.folder / "audio"
        folder.mkdir(exist_ok=True)
        await asyncio.to_thread(change, folder)
        try:
            return [await wire.play(script, target.address)]
        finally:
            await asyncio.to_thread(_put_right, folder)

    return Attack("files", f"folder: {name}", f"{name}; {script.exact()}", run, alone=True)


def _full_of_files(folder: Path) -> None:
    for number in range(3000):
        (folder / f"{number:040x}.wav").write_bytes(b"x")


def _full_of_parts(folder: Path) -> None:
    for number in range(500):
        (folder / f".{number:032x}.part").write_bytes(b"x" * 1000)


def _replaced(folder: Path) -> None:
    with _removed(folder):
        folder.write_bytes(b"no folder")


def _looped(folder: Path) -> None:
    with _removed(folder):
        folder.symlink_to(folder.name)


@contextmanager
def _removed(folder: Path) -> Iterator[None]:
    """Remove a folder; the server may make it again at any moment, and then it stays a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(IsADirectoryError, FileExistsError):
        yield


def _put_right(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)
    for pattern in ("0000*.wav", ".0000*.part"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


_CHANGES: dict[str, Callable[[Path], None]] = {
    "removed": lambda folder: shutil.rmtree(folder, ignore_errors=True),
    "a file in its place": _replaced,
    "a link to itself in its place": _looped,
    "full of small files": _full_of_files,
    "full of unfinished files": _full_of_parts,
}


# --- lexicons ------------------------------------------------------------------------------------


def _lexicon(chance: Random, facts: Facts) -> Attack:
    """Replace the server's lexicon by a bad one, and have a text read."""
    name, content = chance.choice(list(_LEXICONS.items()))
    words = f"doc lai {chance.randrange(1 << 40)} Zalo".replace(" ", "+")
    sent = message(facts, "GET", f"/normalize?text={words}")
    script = Script((sent,), source=address(chance), hold=20, answered_within=15)

    async def run(target: Target) -> list[Answer]:
        path = target.folder / "lexicon.yaml"
        _remove(path)
        content(path)
        try:
            await asyncio.sleep(_LOOKED_SECONDS)
            return [await wire.play(script, target.address) for _ in range(2)]
        finally:
            _remove(path)
            path.write_text(LEXICON, encoding="utf-8")

    return Attack("files", f"lexicon: {name}", f"{name}; {script.exact()}", run, alone=True)


def _aliases(path: Path) -> None:
    lines = ["a: &a b"] + [f"k{at}: &k{at} [{', '.join(['*a'] * 9)}]" for at in range(3)]
    path.write_text("\n".join(lines), encoding="utf-8")


_LEXICONS: dict[str, Callable[[Path], object]] = {
    "a pipe": _fifo,
    "a folder": lambda path: path.mkdir(),
    "nothing": lambda _: None,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a file of a tebibyte": _sparse,
    "bytes": lambda path: path.write_bytes(os.urandom(3000)),
    "deep": lambda path: path.write_text("[" * 50_000),
    "aliases": _aliases,
    "a key that is a list": lambda path: path.write_text("? [a]\n: b\n"),
    "an alias of itself": lambda path: path.write_text("&a {b: *a}\n"),
    "100,000 words": lambda path: path.write_text("".join(f"tu{n}: a\n" for n in range(100_000))),
    "a pattern that is none": lambda path: path.write_text("/(/: b\n"),
    "a long reading": lambda path: path.write_text(f"Zalo: {'b ' * 100_000}\n"),
}


def _remove(path: Path) -> None:
    """Remove an object of any kind; processes that wait for a pipe are released."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        if path.is_fifo():
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    with suppress(OSError):
        path.unlink()
