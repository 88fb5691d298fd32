"""Announcing the Wyoming port in the local network by multicast DNS (Zeroconf)."""

import contextlib
import socket
from importlib.util import find_spec
from typing import Any, Final

from loguru import logger

from vits_tts.config import Wyoming
from vits_tts.errors import ConfigError

_TYPE: Final = "_wyoming._tcp.local."
_GROUP: Final = ("224.0.0.251", 5353)
_EVERYWHERE: Final = {"0.0.0.0", "::", ""}  # noqa: S104  # compared with, not bound to


def check(settings: Wyoming) -> None:
    """Check that the package ``zeroconf`` is installed if the settings ask for an announcement.

    Raises:
        ConfigError: it is not installed.

    """
    if settings.zeroconf and settings.uri and not find_spec("zeroconf"):
        raise ConfigError("wyoming.zeroconf: needs an extra; install vits-tts-vietnamese[wyoming]")


class Announcement:
    """The DNS record of the service; all workers of a machine announce the same one."""

    def __init__(self, settings: Wyoming) -> None:
        """Store the settings; :meth:`start` announces the service."""
        self._settings = settings
        self._zeroconf: Any = None

    async def start(self) -> None:
        """Announce the port if the settings ask for it; log a failure of the network."""
        address = self._settings.address
        if not self._settings.zeroconf or address is None:
            return
        # Imported here because the package is optional and takes long to import.
        from zeroconf import Error, InterfaceChoice  # noqa: PLC0415
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415

        host, port = address
        try:
            ip = _own_address() if host in _EVERYWHERE else socket.gethostbyname(host)
            everywhere = host in _EVERYWHERE
            self._zeroconf = AsyncZeroconf(InterfaceChoice.Default if everywhere else [ip])
            name = f"vits-tts-{socket.gethostname().partition('.')[0]}-{port}.{_TYPE}"
            service = AsyncServiceInfo(_TYPE, name, port=port, parsed_addresses=[ip])
            await self._zeroconf.async_register_service(service, cooperating_responders=True)
            logger.info("announced by zeroconf", service=name, address=ip)
        except (OSError, Error) as error:
            logger.warning("cannot announce by zeroconf", reason=str(error))

    async def end(self) -> None:
        """Withdraw the announcement, if there is one."""
        if self._zeroconf is not None:
            announced, self._zeroconf = self._zeroconf, None
            with contextlib.suppress(OSError):
                await announced.async_close()


def _own_address() -> str:
    """Return this machine's IPv4 address in the local network.

    Connecting a UDP socket makes the kernel choose the address; it sends no packet.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_GROUP)
        return str(probe.getsockname()[0])
