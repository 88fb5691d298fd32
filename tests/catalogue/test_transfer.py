"""Downloads from a server with all kinds of faults."""

from pathlib import Path

import pytest

from tests.support.site import CUT, PATH, WHOLE, Site
from tests.support.supplier import Fault, Supplier
from vits_tts.catalogue.install import removable, remove
from vits_tts.errors import ConfigError, VoiceError
from vits_tts.voice import installed


@pytest.mark.parametrize("ending", ["breaks off", "stalls"])
def test_continuing(site: Site, supplier: Supplier, ending: str) -> None:
    """Bytes that came before the connection broke or stalled are not sent again."""
    supplier.fail(PATH, Fault(sent=CUT, stall=ending == "stalls"))
    site.install()
    first, second = supplier.asked(PATH)
    assert (first.status, first.sent) == (200, CUT)
    assert (second.range, second.status) == (f"bytes={CUT}-", 206)
    assert first.sent + second.sent == len(supplier.files[PATH])


def test_continuing_another_day(site: Site, supplier: Supplier) -> None:
    """A failed installation is continued by the next one."""
    supplier.fail(PATH, Fault(sent=CUT), *[Fault(status=503)] * 2)
    with pytest.raises(VoiceError, match=r"pair\.onnx: the server answered 503"):
        site.install()
    assert site.files() == {".pair.part"}
    assert not installed.readable(site.folder)[1]
    site.install()
    assert site.files() == WHOLE
    assert sum(request.sent for request in supplier.asked(PATH)) == len(supplier.files[PATH])
    assert len(supplier.asked("vi/vi_VN/pair/pair.onnx.json")) == 1


def test_a_server_without_ranges(site: Site, supplier: Supplier) -> None:
    """A server that sends the whole file again is supported."""
    supplier.ranges = False
    supplier.fail(PATH, Fault(sent=CUT))
    site.install()
    assert [request.status for request in supplier.asked(PATH)] == [200, 200]
    assert supplier.asked(PATH)[1].range == f"bytes={CUT}-"


def test_a_server_without_validators(site: Site, supplier: Supplier) -> None:
    """Without a validator for the file, the download begins again."""
    supplier.etags = False
    supplier.fail(PATH, Fault(sent=CUT))
    site.install()
    assert [request.range for request in supplier.asked(PATH)] == [None, None]


def test_a_file_that_changes_between_parts(site: Site, supplier: Supplier) -> None:
    """Parts of two versions are never joined: the new one is fetched whole, and checked."""
    right = supplier.files[PATH]
    supplier.files[PATH] = right[:-1] + b"!"
    supplier.fail(PATH, Fault(sent=CUT), *[Fault(status=503)] * 2)
    with pytest.raises(VoiceError):
        site.install()
    supplier.files[PATH] = right
    site.install()
    last = supplier.asked(PATH)[-1]
    assert (last.range, last.status, last.sent) == (f"bytes={CUT}-", 200, len(right))


@pytest.mark.slow
def test_dripping(site: Site, supplier: Supplier) -> None:
    """A server that sends single bytes for ever counts as stalled."""
    supplier.fail(PATH, *[Fault(drip=True)] * 3)
    with pytest.raises(VoiceError, match="almost nothing was received"):
        site.install()


def test_not_there(site: Site, supplier: Supplier) -> None:
    """A missing file is requested only once."""
    supplier.fail(PATH, Fault(status=404))
    with pytest.raises(VoiceError, match=f"{supplier.url}{PATH}: the server answered 404"):
        site.install()
    assert len(supplier.asked(PATH)) == 1


def test_redirects(site: Site, supplier: Supplier) -> None:
    """A redirect is followed, for the rest of a file too; an endless chain is an error."""
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


def test_through_a_proxy(
    tmp_path: Path, supplier: Supplier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that only the proxy of the environment can reach is asked through it."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", supplier.url)
    Site(tmp_path / "voices", "http://mirror.example.invalid/").install()
    assert supplier.asked(PATH)


def test_a_mirror_with_a_password(tmp_path: Path, supplier: Supplier) -> None:
    """User and password of an address are sent as credentials, and never shown."""
    url = supplier.url.replace("//", "//linh:s%40cret@")
    site = Site(tmp_path / "voices", url)
    site.install()
    assert {request.authorization for request in supplier.requests} == {"Basic bGluaDpzQGNyZXQ="}
    supplier.files = {}
    with pytest.raises(ConfigError) as caught:
        Site(tmp_path / "voices", url).install()
    assert "cret" not in caught.value.message
    assert "cret" not in str(site.settings.model_dump(mode="json"))
