"""Installing voices from addresses: models, folders, archives and repositories of a hub."""

import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import run
from tests.support.site import CUT, WHOLE, Site, large_model
from tests.support.supplier import Fault, Supplier, supplying
from tests.support.voices import install_pair
from vits_tts.catalogue import VoiceCatalogue, places
from vits_tts.catalogue.anywhere import Stated, located
from vits_tts.catalogue.download import Tries
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.model_card import Licence

_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_CARD = "# A card\n\n* License: CC0\n"


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a voice, by name."""
    model = large_model(tmp_path_factory.mktemp("origin"))
    names = (model.name, f"{model.name}.json")
    return {name: model.with_name(name).read_bytes() for name in names}


@pytest.fixture
def supplier() -> Iterator[Supplier]:
    """Run a server without files."""
    with supplying() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, supplier: Supplier) -> Site:
    """Return a machine whose hub is the server, and that knows no catalogue."""
    site = Site(tmp_path / "voices", f"{supplier.url}none/")
    told = site.settings.catalogue.model_copy(update={"hub": f"{supplier.url}hub"})
    site.settings = site.settings.model_copy(update={"catalogue": told})
    return site


def install(site: Site, address: str, stated: Stated | None = None) -> Manifest:
    """Install the voice at an address."""
    with located(address, stated or Stated(), site.settings, site.progress) as offers:
        (offer,) = offers.voices.values()
        return VoiceCatalogue(site.settings, offers).install(offer, site.progress)


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a ZIP of files."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    """Return a tar of files."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


def offer_repository(supplier: Supplier, files: dict[str, bytes], revision: str = "main") -> None:
    """Offer files as the repository ``linh/voices`` of a hub."""
    siblings = []
    for path, content in files.items():
        facts = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        large = {"lfs": facts} if path.endswith(".onnx") else {}
        siblings.append({"rfilename": path, "size": len(content), **large})
        supplier.files[f"hub/linh/voices/resolve/{_COMMIT}/{path}"] = content
    answer = {"sha": _COMMIT, "siblings": siblings}
    supplier.files[f"hub/api/models/linh/voices/revision/{revision}"] = json.dumps(answer).encode()


def test_a_model_on_the_web(site: Site, supplier: Supplier, voice: dict[str, bytes]) -> None:
    """A model is installed with the manifest and card beside it, and continued where it broke."""
    supplier.files |= {f"a/{name}": content for name, content in voice.items()}
    supplier.files["a/MODEL_CARD"] = _CARD.encode()
    supplier.fail("a/pair.onnx", Fault(), Fault(sent=CUT))  # the first request asks for the size
    installed = install(site, f"{supplier.url}a/pair.onnx?download=true")
    assert site.files() == WHOLE
    assert installed.licence.name == "CC0"
    assert (site.folder / "pair.onnx").read_bytes() == voice["pair.onnx"]
    assert supplier.asked("a/pair.onnx")[-1].range == f"bytes={CUT}-"


def test_a_model_that_is_not_as_stated(
    site: Site, supplier: Supplier, voice: dict[str, bytes]
) -> None:
    """A wrong digest, a licence beside another, and an impossible name are refused."""
    supplier.files |= {f"a/{name}": content for name, content in voice.items()}
    address = f"{supplier.url}a/pair.onnx"
    with pytest.raises(VoiceError, match="damaged: its digest is"):
        install(site, address, Stated(sha256="0" * 64))
    assert not (site.folder / "pair.onnx").exists()
    with pytest.raises(ConfigError, match="give another with --name"):
        install(site, address, Stated(name="../pair"))
    digest = hashlib.sha256(voice["pair.onnx"]).hexdigest()
    stated = Stated("lan", digest, Licence(name="CC BY 4.0"))
    assert install(site, address, stated).licence.name == "CC BY 4.0"
    assert (site.folder / "lan.onnx").exists()
    supplier.files["a/pair.MODEL_CARD"] = _CARD.encode()
    with pytest.raises(VoiceError, match="its files state the licence 'CC0', not another"):
        install(site, address, stated)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"a/pair.onnx.json": None}, r"pair\.onnx\.json: the server answered 404"),
        ({"a/pair.onnx.json": b"<html>sign in</html>"}, "not the manifest of a Piper voice"),
        ({"a/pair.onnx.json": b'["phoneme_id_map"]'}, "not the manifest of a Piper voice"),
        ({"a/pair.onnx.json": b'"phoneme_id_map"'}, "not the manifest of a Piper voice"),
        ({"a/pair.onnx": b"<html>sign in</html>"}, "not a model that can run"),
        ({"a/pair.onnx": None}, r"pair\.onnx: the server answered 404"),
    ],
)
def test_a_server_that_lies(
    site: Site,
    supplier: Supplier,
    voice: dict[str, bytes],
    changes: dict[str, bytes | None],
    complaint: str,
) -> None:
    """A missing file, or a page in place of one, is an error and leaves no voice."""
    files = {**{f"a/{name}": content for name, content in voice.items()}, **changes}
    supplier.files = {name: content for name, content in files.items() if content is not None}
    with pytest.raises(VoiceError, match=complaint):
        install(site, f"{supplier.url}a/pair.onnx")
    assert not list(site.folder.glob("*.onnx"))


def test_redirects(site: Site, supplier: Supplier, voice: dict[str, bytes]) -> None:
    """A redirect is followed; one to a file of this machine is not."""
    supplier.files |= {f"b/{name}": content for name, content in voice.items()}
    for name in voice:
        supplier.fail(f"a/{name}", *[Fault(status=302, location=f"/b/{name}")] * 4)
    install(site, f"{supplier.url}a/pair.onnx")
    for location in ("file:///etc/passwd", "http://[::1", "ftp://127.0.0.1/", ""):
        supplier.fail("a/pair.onnx.json", *[Fault(status=302, location=location)] * 9)
        with pytest.raises(VoiceError, match=r"pair\.onnx\.json"):
            install(site, f"{supplier.url}a/pair.onnx")


def test_the_card_of_a_replaced_voice(
    site: Site, supplier: Supplier, voice: dict[str, bytes]
) -> None:
    """The card of a replaced voice, or of another download, states nothing about the new voice."""
    for folder in "ab":
        supplier.files |= {f"{folder}/{name}": content for name, content in voice.items()}
    supplier.files["a/MODEL_CARD"] = _CARD.encode()
    assert install(site, f"{supplier.url}a/pair.onnx").licence.commercial is True
    assert install(site, f"{supplier.url}b/pair.onnx").licence.commercial is None
    assert site.files() == {"pair.onnx", "pair.onnx.json"}
    supplier.fail("a/pair.onnx", Fault(), *[Fault(sent=10)] * 9)
    with pytest.raises(VoiceError):
        install(site, f"{supplier.url}a/pair.onnx")  # its card has been received
    supplier.faults.clear()
    assert install(site, f"{supplier.url}b/pair.onnx").licence.commercial is None


@pytest.mark.parametrize(
    "address",
    ["http://[::1/lan.onnx", "http://127.0.0.1:99999/a.onnx", "http://h:port/", "http://a b/x.zip"],
)
def test_no_address(site: Site, address: str) -> None:
    """A broken URL is an error of the caller, in the command and in the settings."""
    with pytest.raises(ConfigError, match="not a URL"):
        install(site, address)
    with pytest.raises(ConfigError, match="not a URL"):
        Site(site.folder, address).install()


def test_two_voices_of_a_name(site: Site, tmp_path: Path, voice: dict[str, bytes]) -> None:
    """Voices of the same name in folders of an archive are told apart by their paths."""
    path = tmp_path / "voices.zip"
    path.write_bytes(zipped({f"{folder}/{name}": voice[name] for folder in "ab" for name in voice}))
    with pytest.raises(VoiceError, match="the name of one: a/pair, b/pair"):
        install(site, f"{path}#pair")
    assert install(site, f"{path}#b/pair").name == "pair"


def test_a_folder(site: Site, tmp_path: Path, voice: dict[str, bytes]) -> None:
    """One voice of a folder is selected; links that lead out of it are refused."""
    folder = tmp_path / "made" / "pair"
    folder.mkdir(parents=True)
    for name, content in voice.items():
        (folder / name).write_bytes(content)
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    assert install(site, str(folder)).licence.name == "cc-by-4.0"
    assert install(site, f"file://{folder}/pair.onnx").licence.name == "cc-by-4.0"
    install_pair(folder.parent / "lan", "lan")
    with pytest.raises(VoiceError, match="2 voices; add # and the name of one: lan, pair"):
        install(site, str(folder.parent))
    assert install(site, f"{folder.parent}#lan").name == "lan"
    with pytest.raises(VoiceError, match="no voice 'minh'"):
        install(site, f"{folder.parent}#minh")
    (folder / "pair.onnx").unlink()
    (folder / "pair.onnx").symlink_to(folder.parent / "lan" / "lan.onnx")
    with pytest.raises(VoiceError, match=r"pair\.onnx is a link that leads out of it"):
        install(site, str(folder))
    with pytest.raises(VoiceError, match="no such file or folder"):
        install(site, str(tmp_path / "nowhere"))


def test_a_folder_on_the_web(site: Site, supplier: Supplier, voice: dict[str, bytes]) -> None:
    """The links of the page that lists a folder are its files, as far as they stay in it."""
    supplier.files |= {f"a/{name}": content for name, content in voice.items()}
    links = ["../other.onnx", "/etc/x.onnx", "http://example.invalid/y.onnx", "b%2Fz.onnx", *voice]
    links.append("http://[::1")
    supplier.files["a/"] = "".join(f'<a href="{link}">x</a>' for link in links).encode()
    place = places.folder_on_web(f"{supplier.url}a", 1, Tries(1, 0))
    assert set(place.files) == set(voice)
    assert install(site, f"{supplier.url}a").name == "pair"


def test_a_catalogue_at_an_address(site: Site, supplier: Supplier, tmp_path: Path) -> None:
    """A folder with a catalogue is read by it, so that its digests count."""
    supplier.offer(install_pair(tmp_path / "one"), "pair")
    supplier.offer(install_pair(tmp_path / "two", "lan"), "lan")
    with pytest.raises(ConfigError, match="2 voices; add # and a name"):
        install(site, supplier.url)
    assert install(site, f"{supplier.url}#lan").licence.name == "CC0"


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_archives(site: Site, tmp_path: Path, voice: dict[str, bytes], kind: str) -> None:
    """A voice is read from every kind of archive, and again is installed already."""
    files = {
        "./v/MODEL_CARD": _CARD.encode(),
        "v/notes": b"",
        **{f"v/{n}": voice[n] for n in voice},
    }
    compression = kind.partition(".")[2]
    path = tmp_path / f"voice.{kind}"
    path.write_bytes(zipped(files) if kind == "zip" else tarred(files, f"w:{compression}"))
    assert install(site, str(path)).licence.name == "CC0"
    assert site.files() == WHOLE
    with located(str(path), Stated(), site.settings, site.progress) as offers:
        supply = VoiceCatalogue(site.settings, offers)
        assert supply.standing(supply.find("pair")) is True
    with pytest.raises(VoiceError, match="its digest is"):
        install(site, str(path), Stated(sha256="0" * 64))


def test_an_archive_on_the_web(site: Site, supplier: Supplier, voice: dict[str, bytes]) -> None:
    """A broken download of an archive is continued another day; nothing of it stays."""
    content = zipped(voice)
    supplier.files["a/voice.zip"] = content
    cut = len(content) // 2
    supplier.fail("a/voice.zip", Fault(), Fault(sent=cut), *[Fault(status=503)] * 2)
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(VoiceError, match=r"a/voice\.zip: the server answered 503"):
        install(site, f"{supplier.url}a/voice.zip", Stated(sha256=digest))
    install(site, f"{supplier.url}a/voice.zip", Stated(sha256=digest))
    assert supplier.asked("a/voice.zip")[-1].range == f"bytes={cut}-"
    assert site.files() == {"pair.onnx", "pair.onnx.json"}
    supplier.fail("a/voice.zip", *[Fault(flip=True)] * 9)
    with pytest.raises(VoiceError, match="damaged: its digest is"):
        install(site, f"{supplier.url}a/voice.zip", Stated(sha256=digest))


def test_a_truncated_archive(site: Site, supplier: Supplier, voice: dict[str, bytes]) -> None:
    """An archive that is cut off is refused, and not kept."""
    supplier.files["voice.zip"] = zipped(voice)[:-100]
    supplier.files["voice.tgz"] = tarred(voice)[:-1000]
    supplier.files["voice.tar"] = b"<html>sign in</html>" * 100
    for name in ("voice.zip", "voice.tgz", "voice.tar"):
        with pytest.raises(VoiceError, match=f"{name}: (it has no list|a broken archive)"):
            install(site, f"{supplier.url}{name}")
    assert site.files() == set()


def link(name: str) -> bytes:
    """Return a tar in which a model is a link to a file of the machine."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
        archive.addfile(tarfile.TarInfo(f"{name}.json"))
    return written.getvalue()


def long_name() -> bytes:
    """Return a tar whose header says that a name has a gigabyte."""
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 1024**3
    return header.tobuf(tarfile.PAX_FORMAT) + bytes(10_240)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("slip.zip", lambda: zipped({"../../pair.onnx": b"x"}), "leads out of it"),
        ("absolute.zip", lambda: zipped({"/etc/pair.onnx": b"x"}), "leads out of it"),
        ("windows.zip", lambda: zipped({"C:\\pair.onnx": b"x"}), "leads out of it"),
        ("slip.tar", lambda: tarred({"a/../../pair.onnx": b"x"}), "leads out of it"),
        ("link.tar", lambda: link("pair.onnx"), "it has no voice"),
        ("long.tar", long_name, "a header of"),
        ("bomb.zip", lambda: zipped({"pair.onnx": bytes(90_000_000)}), "far beyond its size"),
        ("bomb.tgz", lambda: tarred({"pair.onnx": bytes(90_000_000)}), "far beyond its size"),
        ("many.zip", lambda: zipped({f"{n}": b"" for n in range(20_001)}), "more than 20000"),
        ("empty.zip", lambda: zipped({}), "it has no voice"),
    ],
)
def test_hostile_archives(
    site: Site, tmp_path: Path, name: str, content: object, complaint: str
) -> None:
    """Names that lead elsewhere, links, bombs and endless lists are refused before unpacking."""
    assert callable(content)
    (tmp_path / name).write_bytes(content())
    with pytest.raises(VoiceError, match=complaint):
        install(site, str(tmp_path / name))
    assert not site.folder.exists() or site.files() == set()


def test_a_member_larger_than_it_says(site: Site, tmp_path: Path, voice: dict[str, bytes]) -> None:
    """A member whose content is longer than the archive's list says is refused."""
    content = zipped(voice)
    size = len(voice["pair.onnx"]).to_bytes(4, "little")
    smaller = (len(voice["pair.onnx"]) - 10).to_bytes(4, "little")
    assert size in content
    (tmp_path / "liar.zip").write_bytes(content.replace(size, smaller))
    with pytest.raises(VoiceError, match=r"pair\.onnx: "):
        install(site, str(tmp_path / "liar.zip"))


def test_a_repository(site: Site, supplier: Supplier, voice: dict[str, bytes]) -> None:
    """A repository's voice is read at one commit and checked by the hub's digest."""
    folder = {f"vi/{name}": content for name, content in voice.items()}
    offer_repository(supplier, {"README.md": b"---\nlicense: mit\n---\n", **folder})
    supplier.fail(f"hub/linh/voices/resolve/{_COMMIT}/vi/pair.onnx", Fault(flip=True))
    assert install(site, "hf:linh/voices").licence.name == "mit"
    assert len(supplier.asked(f"hub/linh/voices/resolve/{_COMMIT}/vi/pair.onnx")) == 2
    with pytest.raises(VoiceError, match="its digest is"):
        install(site, "hf:linh/voices/vi", Stated(sha256="0" * 64))
    for address in (
        "hf:linh/voices/vi",
        "hf:linh/voices/vi/pair.onnx",
        f"{supplier.url}hub/linh/voices",
    ):
        assert install(site, address).licence.name == "mit"
    offer_repository(supplier, folder, "v2")
    install(site, f"{supplier.url}hub/linh/voices/blob/v2/vi/pair.onnx")
    assert supplier.asked("hub/api/models/linh/voices/revision/v2")


def test_repositories_that_cannot_be_used(site: Site, supplier: Supplier) -> None:
    """A private or missing repository, a broken answer and paths that lead out are errors."""
    with pytest.raises(VoiceError, match=r"404.*; is it private\?"):
        install(site, "hf:linh/voices")
    with pytest.raises(ConfigError, match="should be hf:OWNER/REPO"):
        install(site, "hf:linh")
    supplier.files["hub/api/models/linh/voices/revision/main"] = b'{"sha": "../../.."}'
    with pytest.raises(VoiceError, match="the hub's answer cannot be used: sha"):
        install(site, "hf:linh/voices")
    offer_repository(supplier, {"../../x.onnx": b"x", "../../x.onnx.json": b"x"})
    with pytest.raises(VoiceError, match="it has no voice"):
        install(site, "hf:linh/voices")


def test_the_token_of_the_hub(site: Site, supplier: Supplier, voice: dict[str, bytes]) -> None:
    """The token is sent to the hub, and not to a host that the hub redirects to."""
    offer_repository(supplier, dict(voice))
    told = site.settings.catalogue
    told = type(told)(**{**told.model_dump(), "hub_token": "hf_secret"})
    site.settings = site.settings.model_copy(update={"catalogue": told})
    path = f"hub/linh/voices/resolve/{_COMMIT}/pair.onnx"
    with supplying() as other:
        other.files["pair.onnx"] = voice["pair.onnx"]
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        supplier.fail(path, Fault(status=302, location=f"{elsewhere}pair.onnx"))
        install(site, "hf:linh/voices")
        assert {request.authorization for request in supplier.requests} == {"Bearer hf_secret"}
        assert [request.authorization for request in other.asked("pair.onnx")] == [None]
    assert "hf_secret" not in str(told.model_dump(mode="json"))


def test_the_command(tmp_path: Path, voice: dict[str, bytes]) -> None:
    """The command installs from an address with a stated licence, and again says so."""
    settings = {"voice": {"catalogue": {"urls": ["nowhere"]}, "pieces_folder": "pieces"}}
    (tmp_path / "config.yaml").write_text(json.dumps(settings))
    (tmp_path / "made.zip").write_bytes(zipped(voice))
    arguments = ("voices", "install", f".{os.sep}made.zip", "--licence", "CC BY 4.0")
    done = run(tmp_path, *arguments, "--name", "lan")
    assert done.stdout.decode() == "lan: installed, licence: CC BY 4.0\n", done.stderr.decode()
    done = run(tmp_path, *arguments, "--name", "lan")
    assert done.stdout.decode() == "lan: is installed already, licence: CC BY 4.0\n"
    done = run(tmp_path, "voices", "install", "made.zip", "--sha256", "abc")
    assert done.returncode == 2
    assert "64 hexadecimal digits" in done.stderr.decode()
