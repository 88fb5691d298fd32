"""Discovery in the local network, by zeroconf's own client."""

import threading

import pytest

from tests.conftest import Starter
from tests.support.wyoming import say
from tests.support.wyoming_events import settled
from vits_tts.config import Wyoming
from vits_tts.errors import ConfigError
from vits_tts.wyoming import discovery


def test_announced(start: Starter) -> None:
    """A search for Wyoming servers finds the address and the port until the server ends."""
    zeroconf = pytest.importorskip("zeroconf", reason="needs the group `clients`")
    found, gone = threading.Event(), threading.Event()
    place = settled(wyoming={"zeroconf": True})
    seen: list[tuple[list[str], int]] = []

    class Seen(zeroconf.ServiceListener):  # type: ignore[misc,name-defined]
        def add_service(self, browser: object, kind: str, name: str) -> None:
            del browser
            service = network.get_service_info(kind, name)
            if service and service.port == place.port:
                seen.append((service.parsed_addresses(), service.port))
                found.set()

        update_service = add_service

        def remove_service(self, browser: object, kind: str, name: str) -> None:
            del browser, kind
            if str(place.port) in name:
                gone.set()

    with zeroconf.Zeroconf(interfaces=["127.0.0.1"]) as network:
        with start(place.settings) as server:
            zeroconf.ServiceBrowser(network, "_wyoming._tcp.local.", Seen())
            assert found.wait(60), server.explain()
            addresses, port = seen[0]
            assert (addresses, port) == (["127.0.0.1"], place.port)
            assert say(f"tcp://{addresses[0]}:{port}", "Một.").complete
        assert gone.wait(60)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package, the start is refused with the package's name."""
    monkeypatch.setattr(discovery, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"install vits-tts-vietnamese\[wyoming\]"):
        discovery.check(Wyoming(uri="tcp://127.0.0.1:10200", zeroconf=True))
    discovery.check(Wyoming(zeroconf=True))
