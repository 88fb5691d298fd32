"""Installing voices from a catalogue whose server fails in every way that servers do."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import portalocker
import pytest

from tests.support.supplier import Fault, Supplier, supplying
from tests.support.voices import install_pair
from vits_tts.config import Catalogue, Voice
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice import card, catalogue, manifest
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.supply import Supply
from vits_tts.voice.supply.install import removable, remove

SIZE = 300_000
CUT = 120_000


def large_model(folder: Path, name: str = "pair") -> Path:
    """Make the voice of two people, with a model file that comes in many blocks."""
    model = install_pair(folder, name)
    graph = onnx.load(model)
    graph.doc_string = "." * SIZE
    onnx.save(graph, str(model))
    return model


@pytest.fixture
def supplier(tmp_path: Path) -> Iterator[Supplier]:
    """A server that offers one voice, ``pair``."""
    with supplying() as running:
        running.offer(large_model(tmp_path / "origin"), "pair")
        yield running


class Site:
    """A machine on which voices are installed."""

    def __init__(self, folder: Path, *urls: str) -> None:
        """Install from ``urls``; be impatient."""
        settings = Catalogue(urls=urls, stall_seconds=0.5, attempts=3, retry_seconds=0.01)
        self.folder = folder
        self.settings = Voice(folder=folder, pieces_folder=folder / "pieces", catalogue=settings)
        self.told: list[int] = []

    @contextmanager
    def progress(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Note what is told."""
        assert name
        assert size > 0
        yield self.told.append

    def install(self, name: str = "pair") -> Manifest:
        """Install a voice."""
        supply = Supply(self.settings)
        return supply.install(supply.find(name), self.progress)

    def files(self) -> set[str]:
        """Return the names of what lies in the folder, hidden files too."""
        return {path.name for path in self.folder.iterdir()} - {"pieces"}


@pytest.fixture
def site(tmp_path: Path, supplier: Supplier) -> Site:
    """A machine that installs from the server."""
    return Site(tmp_path / "voices", f"{supplier.url}voices.json")


WHOLE = {"pair.onnx", "pair.onnx.json", "pair.MODEL_CARD"}
PATH = "vi/vi_VN/pair/pair.onnx"


def test_installing(site: Site, supplier: Supplier) -> None:
    """A voice is there with its three files, its licence is known, and it has been tried."""
    voice = site.install()
    assert site.files() == WHOLE
    assert voice.licence.name == "CC0"
    assert voice.speakers == ("lan", "minh")
    assert (site.folder / "pair.onnx").read_bytes() == supplier.files[PATH]
    assert list((site.folder / "pieces").glob(f"{voice.digest}-*"))
    assert site.told[-1] == sum(len(supplier.files[path]) for path in supplier.files) - len(
        supplier.files["voices.json"]
    )
    supply = Supply(site.settings)
    assert supply.standing(supply.find("old-pair")) is True


@pytest.mark.parametrize("ending", ["breaks off", "stalls"])
def test_continuing(site: Site, supplier: Supplier, ending: str) -> None:
    """What came before the connection broke off or stalled is not sent again."""
    supplier.fail(PATH, Fault(sent=CUT, stall=ending == "stalls"))
    site.install()
    first, second = supplier.asked(PATH)
    assert (first.status, first.sent) == (200, CUT)
    assert (second.range, second.status) == (f"bytes={CUT}-", 206)
    assert first.sent + second.sent == len(supplier.files[PATH])


def test_continuing_another_day(site: Site, supplier: Supplier) -> None:
    """An installation that failed for good is continued by the next one."""
    supplier.fail(PATH, Fault(sent=CUT), *[Fault(status=503)] * 2)
    with pytest.raises(VoiceError, match=r"pair\.onnx: the server answered 503"):
        site.install()
    assert site.files() == {".pair.part"}
    assert not catalogue.readable(site.folder)[1]
    site.install()
    assert site.files() == WHOLE
    assert sum(request.sent for request in supplier.asked(PATH)) == len(supplier.files[PATH])
    assert len(supplier.asked("vi/vi_VN/pair/pair.onnx.json")) == 1


def test_a_server_without_ranges(site: Site, supplier: Supplier) -> None:
    """A server that sends the whole file again is no trouble."""
    supplier.ranges = False
    supplier.fail(PATH, Fault(sent=CUT))
    site.install()
    assert [request.status for request in supplier.asked(PATH)] == [200, 200]
    assert supplier.asked(PATH)[1].range == f"bytes={CUT}-"


def test_a_server_without_validators(site: Site, supplier: Supplier) -> None:
    """Where nothing tells one file from another, it is begun again."""
    supplier.etags = False
    supplier.fail(PATH, Fault(sent=CUT))
    site.install()
    assert [request.range for request in supplier.asked(PATH)] == [None, None]


def test_a_file_that_changes_between_parts(site: Site, supplier: Supplier) -> None:
    """Parts of two files are never put together: the second is taken whole, and checked."""
    right = supplier.files[PATH]
    supplier.files[PATH] = right[:-1] + b"!"
    supplier.fail(PATH, Fault(sent=CUT), *[Fault(status=503)] * 2)
    with pytest.raises(VoiceError):
        site.install()
    supplier.files[PATH] = right
    site.install()
    last = supplier.asked(PATH)[-1]
    assert (last.range, last.status, last.sent) == (f"bytes={CUT}-", 200, len(right))


def test_damage_on_the_way(site: Site, supplier: Supplier) -> None:
    """A file that came damaged is fetched again; one that is always so is not installed."""
    supplier.fail(PATH, Fault(flip=True))
    site.install()
    assert len(supplier.asked(PATH)) == 2
    remove(removable("pair", site.settings), site.settings)
    assert site.files() == set()
    supplier.requests.clear()
    supplier.fail(PATH, *[Fault(flip=True)] * 9)
    with pytest.raises(VoiceError, match="damaged: its digest is"):
        site.install()
    assert len(supplier.asked(PATH)) == 2  # the same damage twice: it lies at its source
    assert site.files() == {".pair.part"}


@pytest.mark.parametrize("digest", ["md5", "sha256"])
def test_digests(tmp_path: Path, digest: str) -> None:
    """Files are held against the catalogue's SHA-256 or, as Piper's has it, MD5."""
    with supplying() as supplier:
        path = supplier.offer(install_pair(tmp_path / "origin"), "pair", digest=digest)
        site = Site(tmp_path / "voices", supplier.url)
        site.install()
        supplier.files[path] = bytes(len(supplier.files[path]))
        with pytest.raises(VoiceError, match=hashlib.new(digest, supplier.files[path]).hexdigest()):
            Site(tmp_path / "other", supplier.url).install()


@pytest.mark.parametrize(
    ("change", "reason"),
    [(-1, "larger than the catalogue says"), (1, "bytes came, not")],
)
def test_sizes(site: Site, supplier: Supplier, change: int, reason: str) -> None:
    """A file that is longer or shorter than listed is refused."""
    listed = supplier.catalogue
    listed["pair"]["files"][PATH]["size_bytes"] += change
    supplier.say(listed)
    with pytest.raises(VoiceError, match=reason):
        site.install()
    assert not (site.folder / "pair.onnx").exists()


def test_dripping(site: Site, supplier: Supplier) -> None:
    """A server that sends byte after byte, for ever, has stalled as well."""
    supplier.fail(PATH, *[Fault(drip=True)] * 3)
    with pytest.raises(VoiceError, match="next to nothing came"):
        site.install()


def test_not_there(site: Site, supplier: Supplier) -> None:
    """What is not there is not asked for again."""
    supplier.fail(PATH, Fault(status=404))
    with pytest.raises(VoiceError, match=f"{supplier.url}{PATH}: the server answered 404"):
        site.install()
    assert len(supplier.asked(PATH)) == 1


def test_redirects(site: Site, supplier: Supplier) -> None:
    """A redirect is followed, for the rest of a file too; one without end is not."""
    supplier.files["elsewhere"] = supplier.files[PATH]
    there = Fault(status=302, location="/elsewhere")
    supplier.fail(PATH, there, there)
    supplier.fail("elsewhere", Fault(sent=CUT))
    site.install()
    assert [request.range for request in supplier.asked("elsewhere")] == [None, f"bytes={CUT}-"]
    remove(removable("pair", site.settings), site.settings)
    supplier.fail(PATH, *[Fault(status=302, location=f"/{PATH}")] * 99)
    with pytest.raises(VoiceError, match="redirect"):
        site.install()
    supplier.fail(PATH, *[Fault(status=302, location="file:///etc/passwd")] * 3)
    with pytest.raises(VoiceError, match="No host"):
        Site(site.folder, supplier.url).install()


def test_mirrors(tmp_path: Path, supplier: Supplier) -> None:
    """The catalogue comes from the first that answers; what it lacks comes from the next."""
    with supplying() as mirror:
        mirror.files = dict(supplier.files)
        mirror.fail("voices.json", *[Fault(status=500)] * 3)
        mirror.fail(PATH, Fault(sent=CUT), Fault(sent=0), Fault(sent=0))
        site = Site(tmp_path / "voices", "http://127.0.0.1:1/", mirror.url, supplier.url)
        site.install()
        assert len(mirror.asked("voices.json")) == 3
        assert supplier.asked("voices.json")
        del supplier.files[PATH]
        mirror.fail(PATH)
        Site(tmp_path / "other", supplier.url, mirror.url).install()


def test_through_a_proxy(
    tmp_path: Path, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy that the environment names is asked, for a host that only it can reach."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", supplier.url)
    Site(tmp_path / "voices", "http://mirror.example.invalid/").install()
    assert supplier.asked(PATH)


def test_a_mirror_with_a_password(tmp_path: Path, supplier: Supplier) -> None:
    """User and password in an address are sent as such, and never shown."""
    url = supplier.url.replace("//", "//linh:s%40cret@")
    site = Site(tmp_path / "voices", url)
    site.install()
    assert {request.authorization for request in supplier.requests} == {"Basic bGluaDpzQGNyZXQ="}
    supplier.files = {}
    with pytest.raises(ConfigError) as caught:
        Site(tmp_path / "voices", url).install()
    assert "cret" not in caught.value.message
    assert "cret" not in str(site.settings.model_dump(mode="json"))


def test_no_catalogue(tmp_path: Path, supplier: Supplier) -> None:
    """Every address is named with what is wrong with it."""
    supplier.files["voices.json"] = b"<html>"
    urls = ("http://127.0.0.1:1/", supplier.url, f"{supplier.url}none/", str(tmp_path / "none"))
    with pytest.raises(ConfigError) as caught:
        Site(tmp_path, *urls).install()
    reasons = caught.value.message.split("; ")
    assert len(reasons) == 4
    parts = ("Connection refused", "not JSON", "404", "no such")
    for reason, part in zip(reasons, parts, strict=True):
        assert part in reason
    for wrong in ("ftp://host/voices.json", "https:///voices.json"):
        with pytest.raises(ConfigError, match="should begin with"):
            Site(tmp_path, wrong).install()


@pytest.mark.parametrize("form", ["file address", "folder", "file"])
def test_offline(tmp_path: Path, supplier: Supplier, form: str) -> None:
    """A catalogue on a disk is as good as one on the web."""
    for path, body in supplier.files.items():
        place = tmp_path / "my mirror" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    folder = tmp_path / "my mirror"
    url = {
        "file address": (folder / "voices.json").as_uri(),
        "folder": str(folder),
        "file": str(folder / "voices.json"),
    }[form]
    site = Site(tmp_path / "voices", url)
    site.install()
    assert site.files() == WHOLE
    (folder / PATH).write_bytes(b"x" * len(supplier.files[PATH]))
    with pytest.raises(VoiceError, match="damaged"):
        Site(tmp_path / "other", url).install()


def test_a_bare_folder(tmp_path: Path) -> None:
    """Voices that simply lie in a folder can be installed from there, without a catalogue."""
    install_pair(tmp_path / "stick", "pair")
    (tmp_path / "stick" / "pair.MODEL_CARD").write_text("License: CC BY 4.0")
    site = Site(tmp_path / "voices", str(tmp_path / "stick"))
    ((offer, licence),) = Supply(site.settings).available()
    assert (offer.key, offer.rate, offer.speakers) == ("pair", 8000, ("lan", "minh"))
    assert licence == card.Licence(name="CC BY 4.0")
    assert site.install().licence.name == "CC BY 4.0"
    assert Supply(site.settings).standing(offer) is False  # without a digest nobody knows


def test_a_voice_that_cannot_speak(site: Site, supplier: Supplier, tmp_path: Path) -> None:
    """A voice gets its name only if it speaks; one that stood there before stays."""
    site.install()
    before = (site.folder / "pair.onnx").read_bytes()
    broken = tmp_path / "broken" / "pair.onnx"
    install_pair(broken.parent)
    broken.write_bytes(b"not a model")
    supplier.offer(broken, "pair")
    with pytest.raises(VoiceError, match="not a model that can run"):
        site.install()
    assert (site.folder / "pair.onnx").read_bytes() == before
    assert manifest.read(site.folder / "pair.onnx").licence.name == "CC0"


def test_entries_that_lead_astray(tmp_path: Path, supplier: Supplier) -> None:
    """An entry from which a path could be built that leads elsewhere is left out, and said so."""
    listed = supplier.catalogue
    good = listed["pair"]
    file = {"size_bytes": 1, "md5_digest": "0" * 32}
    bad_paths = ["../../x", "/etc/x", "a//x", "a\\..\\x", "a/./x", ".x", "a/%2e%2e/x"]
    for number, path in enumerate(bad_paths):
        files = {f"{path}.onnx": file, f"{path}.onnx.json": file}
        listed[f"bad{number}"] = {**good, "files": files}
    for key in ("../up", "/etc/passwd", ".hidden", "a/b", "a\\b", "", "a\n", "x" * 101):
        listed[key] = good
    unchecked = {path: {"size_bytes": 1} for path in good["files"]}
    large = {**good["files"], "x.onnx.json": {**file, "size_bytes": 2**30}}
    large.pop("vi/vi_VN/pair/pair.onnx.json")
    listed |= {"none": None, "text": "x", "empty": {**good, "files": {}}}
    listed |= {"unchecked": {**good, "files": unchecked}, "large": {**good, "files": large}}
    supplier.say(listed)
    site = Site(tmp_path / "voices", supplier.url)
    supply = Supply(site.settings)
    assert [offer.key for offer, _ in supply.available()] == ["pair"]
    assert len(supply.broken) == len(listed) - 1
    for name in supply.broken:
        with pytest.raises(ConfigError):
            supply.find(name)
    assert not site.folder.exists()


def test_one_at_a_time(site: Site) -> None:
    """Two processes do not install the same voice at once."""
    draft = site.folder / ".pair.part"
    draft.mkdir(parents=True)
    with (
        portalocker.Lock(draft / "lock", timeout=0),
        pytest.raises(VoiceError, match="another process is installing it"),
    ):
        site.install()
    site.install()


def test_removing(site: Site, supplier: Supplier) -> None:
    """A voice goes with all that was made of it; those that are needed do not go."""
    site.install()
    assert any((site.folder / "pieces").iterdir())
    remove(removable("pair", site.settings), site.settings)
    assert site.files() == set()
    assert not any((site.folder / "pieces").iterdir())
    site.install()
    named = site.settings.model_copy(update={"others": ("pair",)})
    with pytest.raises(ConfigError, match=r"voice\.others: the settings name pair"):
        removable("pair", named)
    with pytest.raises(ConfigError, match="comes with the program"):
        removable(site.settings.name, site.settings)
    for name in ("../voices/pair", "peir", ""):
        with pytest.raises(ConfigError, match="there is no voice"):
            removable(name, site.settings)
    assert supplier.requests


@pytest.mark.parametrize(
    ("text", "name", "commercial"),
    [
        ("* License: CC BY-NC-SA 4.0", "CC BY-NC-SA 4.0", False),
        ("## Dataset\n\n* URL: http://x\n* License: CC0\n", "CC0", True),
        ("* License: https://x.org/by/4.0/", "https://x.org/by/4.0/", True),
        ("* Licence: Non-commercial use only", "Non-commercial use only", False),
        ("- **License:** [MIT](https://x.org/mit)", "MIT", True),
        ("A dance", None, True),
        ("* License:", None, True),
    ],
)
def test_cards(text: str, name: str | None, commercial: bool) -> None:
    """The licence is read off the card as Piper's are written."""
    found = card.licence(text)
    assert (found.name if found else None) == name
    if found:
        assert found.commercial is commercial


def test_licences_of_mirrors(tmp_path: Path, supplier: Supplier) -> None:
    """What a mirror says of a licence is kept with the voice, where there is no card."""
    listed = supplier.catalogue
    entry = listed["pair"]
    del entry["files"]["vi/vi_VN/pair/MODEL_CARD"]
    entry |= {"licence": "CC BY 4.0", "sample_rate": 8000}
    supplier.say(listed)
    site = Site(tmp_path / "voices", supplier.url)
    ((offer, licence),) = Supply(site.settings).available("vi")
    assert (offer.rate, licence) == (8000, card.Licence(name="CC BY 4.0"))
    assert Supply(site.settings).available("en") == []
    assert site.install().licence.name == "CC BY 4.0"
    assert json.loads((site.folder / "pair.onnx.json").read_text())
