"""Catalogues: mirrors, folders, dangerous entries, licences."""

import json
from pathlib import Path

import pytest

from tests.support.site import CUT, PATH, WHOLE, Site
from tests.support.supplier import Fault, Supplier, supplying
from tests.support.voices import install_pair
from vits_tts.catalogue import VoiceCatalogue
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice import model_card


def test_mirrors(tmp_path: Path, supplier: Supplier) -> None:
    """The catalogue comes from the first mirror that answers; missing files come from the next."""
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


def test_no_catalogue(tmp_path: Path, supplier: Supplier) -> None:
    """Every address is named with its error."""
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
    """A catalogue on a disk works like one on the web."""
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
    """Voices in a folder without a catalogue can be installed from it."""
    install_pair(tmp_path / "stick", "pair")
    (tmp_path / "stick" / "pair.MODEL_CARD").write_text("License: CC BY 4.0")
    site = Site(tmp_path / "voices", str(tmp_path / "stick"))
    ((offer, licence),) = VoiceCatalogue(site.settings).available()
    assert (offer.key, offer.rate, offer.speakers) == ("pair", 8000, ("lan", "minh"))
    assert licence == model_card.Licence(name="CC BY 4.0")
    assert site.install().licence.name == "CC BY 4.0"
    assert VoiceCatalogue(site.settings).standing(offer) is False  # no digest to compare with


def test_entries_that_lead_astray(tmp_path: Path, supplier: Supplier) -> None:
    """An entry whose path would leave the folder is left out, with a warning."""
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
    supply = VoiceCatalogue(site.settings)
    assert [offer.key for offer, _ in supply.available()] == ["pair"]
    assert len(supply.broken) == len(listed) - 1
    for name in supply.broken:
        with pytest.raises(ConfigError):
            supply.find(name)
    assert not site.folder.exists()


def test_licences_of_mirrors(tmp_path: Path, supplier: Supplier) -> None:
    """The licence from a mirror is kept with the voice if there is no model card."""
    listed = supplier.catalogue
    entry = listed["pair"]
    del entry["files"]["vi/vi_VN/pair/MODEL_CARD"]
    entry |= {"licence": "CC BY 4.0", "sample_rate": 8000}
    supplier.say(listed)
    site = Site(tmp_path / "voices", supplier.url)
    ((offer, licence),) = VoiceCatalogue(site.settings).available("vi")
    assert (offer.rate, licence) == (8000, model_card.Licence(name="CC BY 4.0"))
    assert VoiceCatalogue(site.settings).available("en") == []
    assert site.install().licence.name == "CC BY 4.0"
    assert json.loads((site.folder / "pair.onnx.json").read_text())
