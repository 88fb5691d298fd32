"""Installing and removing voices, and the files that exist afterwards."""

import hashlib
from pathlib import Path

import portalocker
import pytest

from tests.support.site import PATH, WHOLE, Site
from tests.support.supplier import Fault, Supplier, supplying
from tests.support.voices import install_pair
from vits_tts.catalogue import VoiceCatalogue
from vits_tts.catalogue.install import removable, remove
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice import manifest


def test_installing(site: Site, supplier: Supplier) -> None:
    """An installed voice has its three files and its licence, and has been tried."""
    voice = site.install()
    assert site.files() == WHOLE
    assert voice.licence.name == "CC0"
    assert voice.speakers == ("lan", "minh")
    assert (site.folder / "pair.onnx").read_bytes() == supplier.files[PATH]
    assert list((site.folder / "pieces").glob(f"{voice.digest}-*"))
    assert site.told[-1] == sum(len(supplier.files[path]) for path in supplier.files) - len(
        supplier.files["voices.json"]
    )
    supply = VoiceCatalogue(site.settings)
    assert supply.standing(supply.find("old-pair")) is True


def test_damage_on_the_way(site: Site, supplier: Supplier) -> None:
    """A damaged file is fetched again; one that is always damaged is not installed."""
    supplier.fail(PATH, Fault(flip=True))
    site.install()
    assert len(supplier.asked(PATH)) == 2
    remove(removable("pair", site.settings), site.settings)
    assert site.files() == set()
    supplier.requests.clear()
    supplier.fail(PATH, *[Fault(flip=True)] * 9)
    with pytest.raises(VoiceError, match="damaged: its digest is"):
        site.install()
    assert len(supplier.asked(PATH)) == 2  # the same damage twice: its source is damaged
    assert site.files() == {".pair.part"}


@pytest.mark.parametrize("digest", ["md5", "sha256"])
def test_digests(tmp_path: Path, digest: str) -> None:
    """Files are checked with the catalogue's SHA-256 or, as for Piper, MD5."""
    with supplying() as supplier:
        path = supplier.offer(install_pair(tmp_path / "origin"), "pair", digest=digest)
        site = Site(tmp_path / "voices", supplier.url)
        site.install()
        supplier.files[path] = bytes(len(supplier.files[path]))
        with pytest.raises(VoiceError, match=hashlib.new(digest, supplier.files[path]).hexdigest()):
            Site(tmp_path / "other", supplier.url).install()


@pytest.mark.parametrize(
    ("change", "reason"),
    [(-1, "larger than the catalogue says"), (1, "bytes were received, not")],
)
def test_sizes(site: Site, supplier: Supplier, change: int, reason: str) -> None:
    """A file that is longer or shorter than listed is refused."""
    listed = supplier.catalogue
    listed["pair"]["files"][PATH]["size_bytes"] += change
    supplier.say(listed)
    with pytest.raises(VoiceError, match=reason):
        site.install()
    assert not (site.folder / "pair.onnx").exists()


def test_a_voice_that_cannot_speak(site: Site, supplier: Supplier, tmp_path: Path) -> None:
    """A voice gets its name only if it speaks; an earlier voice of that name stays."""
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
    """A voice is removed with all of its derived files; voices in use are not removed."""
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
