"""EPUB 3 with media overlays: a book whose words light up in a reader as they are heard.

Each chapter has a page with an element for each word, an MP3, and a SMIL file that says which part
of the MP3 belongs to which element (EPUB 3.3, section 9, https://www.w3.org/TR/epub-33/).
"""

import hashlib
import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from vits_tts.audio import writing
from vits_tts.books.audiobook import amplified_samples
from vits_tts.books.book import Book
from vits_tts.books.recording import Part, Track, Word
from vits_tts.types import Pcm

_ACTIVE: Final = "-epub-media-overlay-active"
_STYLE: Final = f"""body {{ line-height: 1.6; margin: 1em; }}
.{_ACTIVE} {{ background: #ffe08a; color: #000; }}
"""
_HEAD: Final = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" {language}>
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body>
"""
_TAIL: Final = "</body>\n</html>\n"
_CONTAINER: Final = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""


def write(
    path: Path, book: Book, tracks: Sequence[Track], gain: float, bit_rate: int | None
) -> None:
    """Write the book as an EPUB with media overlays. It gets its name when complete.

    Raises:
        OSError: it cannot be written.

    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
            archive.writestr("META-INF/container.xml", _CONTAINER)
            for name, content in _texts(book, tracks):
                archive.writestr(f"EPUB/{name}", content)
            if book.cover:
                archive.writestr(f"EPUB/{_cover(book)}", book.cover, zipfile.ZIP_STORED)
            for number, track in enumerate(tracks, 1):
                _add_sound(archive, f"EPUB/c{number:03}.mp3", track, gain, bit_rate)
        unfinished.replace(path)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _texts(book: Book, tracks: Sequence[Track]) -> Iterator[tuple[str, str]]:
    """Yield the names and contents of all files of text."""
    yield "style.css", _STYLE
    yield "nav.xhtml", _navigation(book, tracks)
    yield "package.opf", _package(book, tracks)
    for number, track in enumerate(tracks, 1):
        yield f"c{number:03}.xhtml", _page(book, track)
        yield f"c{number:03}.smil", _overlay(track, number)


def _add_sound(
    archive: zipfile.ZipFile, name: str, track: Track, gain: float, bit_rate: int | None
) -> None:
    """Add the sound of a chapter as an MP3."""
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder, "sound.mp3")
        encoding = writing.encoding(sound, None, None, bit_rate, track.sample_rate)
        with writing.file(sound, encoding, track.sample_rate) as sink:
            for samples in amplified_samples([track], gain):
                sink.write(Pcm(samples, track.sample_rate))
            sink.finish()
        archive.write(sound, name, zipfile.ZIP_STORED)


def _page(book: Book, track: Track) -> str:
    """Return the page of a chapter, in which each heard word is an element."""
    written = io.StringIO()
    written.write(_head(book, track.title))
    written.write('<section epub:type="chapter">\n')
    for number, part in enumerate(track.parts, 1):
        tag = f"h{part.level}" if part.level else "p"
        written.write(f'<{tag} id="b{number}">')
        at = 0
        for index, word in enumerate(_words(part), 1):
            written.write(escape(part.text[at : word.start]))
            said = escape(part.text[word.start : word.end])
            written.write(f'<span id="b{number}w{index}">{said}</span>')
            at = word.end
        written.write(f"{escape(part.text[at:])}</{tag}>\n")
    written.write(f"</section>\n{_TAIL}")
    return written.getvalue()


def _overlay(track: Track, number: int) -> str:
    """Return the SMIL of a chapter."""
    written = io.StringIO()
    page, sound = f"c{number:03}.xhtml", f"c{number:03}.mp3"
    written.write(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<smil xmlns="http://www.w3.org/ns/SMIL" xmlns:epub="http://www.idpf.org/2007/ops" '
        f'version="3.0">\n<body epub:textref="{page}">\n'
    )
    for block, part in enumerate(track.parts, 1):
        words = list(_words(part))
        if not words:
            continue
        written.write(f'<seq id="s{block}" epub:textref="{page}#b{block}">\n')
        for index, word in enumerate(words, 1):
            begins, ends = part.begins + word.begins, part.begins + word.ends
            written.write(
                f'<par id="s{block}w{index}"><text src="{page}#b{block}w{index}"/>'
                f'<audio src="{sound}" clipBegin="{begins:.3f}s" clipEnd="{ends:.3f}s"/></par>\n'
            )
        written.write("</seq>\n")
    written.write("</body>\n</smil>\n")
    return written.getvalue()


def _words(part: Part) -> Iterator[Word]:
    """Yield the words of a paragraph that have a time, each with the text since the last one.

    The spoken words of one written word, such as ``15%``, become one. So a clip lasts until the
    next word begins, and the reader does not skip the text between them.
    """
    joined: list[Word] = []
    for word in part.spoken.words:
        if joined and word.start < joined[-1].end:
            last = joined[-1]
            joined[-1] = Word(last.start, max(last.end, word.end), last.begins, word.ends)
        elif word.start < word.end:
            joined.append(word)
    for index, word in enumerate(joined):
        following = joined[index + 1].begins if index + 1 < len(joined) else word.ends
        ends = max(word.ends, following)
        if round(ends, 3) > round(word.begins, 3):
            yield Word(word.start, word.end, word.begins, ends)


def _navigation(book: Book, tracks: Sequence[Track]) -> str:
    links = "".join(
        f'<li><a href="c{number:03}.xhtml">{escape(track.title)}</a></li>\n'
        for number, track in enumerate(tracks, 1)
    )
    contents = f'<nav epub:type="toc" id="toc">\n<ol>\n{links}</ol>\n</nav>\n'
    return f"{_head(book, book.title)}{contents}{_TAIL}"


def _package(book: Book, tracks: Sequence[Track]) -> str:
    """Return the package: facts, the list of files and the order of reading."""
    told = "\n".join(f"{part.text}" for track in tracks for part in track.parts)
    digest = hashlib.sha256(f"{book.title}\n{told}".encode()).hexdigest()[:32]
    facts = [
        f'<dc:identifier id="id">urn:vits-tts:{digest}</dc:identifier>',
        f"<dc:title>{escape(book.title)}</dc:title>",
        f"<dc:language>{escape(book.language)}</dc:language>",
        *([f"<dc:creator>{escape(book.author)}</dc:creator>"] if book.author else []),
        f'<meta property="dcterms:modified">{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</meta>',
        f'<meta property="media:active-class">{_ACTIVE}</meta>',
    ]
    items = [
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        '<item id="style" href="style.css" media-type="text/css"/>',
    ]
    if book.cover:
        kind = "image/png" if _cover(book).endswith("png") else "image/jpeg"
        items.append(
            f'<item id="cover" href="{_cover(book)}" media-type="{kind}" properties="cover-image"/>'
        )
    total = 0.0
    for number, track in enumerate(tracks, 1):
        name, seconds = f"c{number:03}", _clipped(track)
        total += seconds
        page_type = 'media-type="application/xhtml+xml"'
        items += [
            f'<item id="{name}" href="{name}.xhtml" {page_type} media-overlay="{name}-smil"/>',
            f'<item id="{name}-smil" href="{name}.smil" media-type="application/smil+xml"/>',
            f'<item id="{name}-mp3" href="{name}.mp3" media-type="audio/mpeg"/>',
        ]
        facts.append(
            f'<meta property="media:duration" refines="#{name}-smil">{seconds:.3f}s</meta>'
        )
    facts.append(f'<meta property="media:duration">{total:.3f}s</meta>')
    spine = "".join(f'<itemref idref="c{n:03}"/>\n' for n in range(1, len(tracks) + 1))
    lines = ["<metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>", *facts, "</metadata>"]
    lines += ["<manifest>", *items, "</manifest>", f"<spine>\n{spine}</spine>", "</package>\n"]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<package xmlns="http://www.idpf.org/2007/opf" '
        'version="3.0" unique-identifier="id">\n' + "\n".join(lines)
    )


def _clipped(track: Track) -> float:
    """Return the duration of the clips of a chapter in seconds."""
    words = (word for part in track.parts for word in _words(part))
    return sum(round(word.ends, 3) - round(word.begins, 3) for word in words)


def _cover(book: Book) -> str:
    return "cover.png" if (book.cover or b"").startswith(b"\x89PNG") else "cover.jpg"


def _head(book: Book, title: str) -> str:
    language = quoteattr(book.language)
    return _HEAD.format(title=escape(title), language=f"lang={language} xml:lang={language}")
