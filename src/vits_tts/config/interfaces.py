"""Settings of the interfaces that other programs know: Wyoming, Piper and hosted services."""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from vits_tts.config.types import Count, Hosts, Networks, Seconds, Section

_TCP_URI: Final = re.compile(r"tcp://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_MAX_PORT: Final = 65535
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  # of all such secrets
_SECRET_BYTES: Final = range(24, 65)


def _tcp_uri(value: str) -> str:
    """Accept ``tcp://HOST:PORT``."""
    match = _TCP_URI.fullmatch(value)
    if match is None or not 1 <= int(match[2]) <= _MAX_PORT:
        raise ValueError("should be a URI such as tcp://127.0.0.1:10200")
    return value


TcpUri = Annotated[str, AfterValidator(_tcp_uri)]


def _named(value: object) -> object:
    """Convert numbers to names, since YAML reads a name of digits as a number."""
    if isinstance(value, dict):
        return {str(key) if isinstance(key, int) else key: name for key, name in value.items()}
    return value


def _webhook_secret(secret: SecretStr) -> SecretStr:
    """Accept ``whsec_`` and 24 to 64 bytes in base64.

    Raises:
        ValueError: it is something else.

    """
    prefix, found = SECRET_PREFIX, secret.get_secret_value()
    try:
        size = len(b64decode(found.removeprefix(prefix), validate=True))
    except ValueError:
        size = 0
    if not found.startswith(prefix) or size not in _SECRET_BYTES:
        raise ValueError("should be whsec_ and 24 to 64 bytes in base64")
    return secret


WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
ForeignVoices = Annotated[Mapping[str, str], BeforeValidator(_named)]
_VOICES: Final = (
    "The voice of this server for each name that its clients send: NAME or NAME/SPEAKER. "
    "Empty switches these paths off."
)


class Wyoming(Section):
    """The Wyoming protocol, which Home Assistant speaks."""

    uri: TcpUri | None = Field(
        None,
        description="Address on which it listens, such as tcp://127.0.0.1:10200; null switches it "
        "off. The workers share the port.",
    )
    networks: Networks = Field(
        (),
        description="Addresses or networks that may connect; empty for all. The protocol has no "
        "keys, so a server with `access.keys` requires this setting.",
    )
    zeroconf: bool = Field(
        False,
        description="Announce it in the local network (mDNS), so that Home Assistant finds it. "
        "Needs the extra `wyoming`, and an address that other machines can reach.",
    )

    @property
    def address(self) -> tuple[str, int] | None:
        """The host and port to listen on; None if it is off."""
        if self.uri is None:
            return None
        parts = urlsplit(self.uri)
        return parts.hostname or "", parts.port or 0


class Piper(Section):
    """The HTTP interface of Piper's own server."""

    enabled: bool = Field(
        True, description="Whether to serve Piper's paths `POST /synthesize` and `POST /`."
    )


class ElevenLabs(Section):
    """ElevenLabs' speech API over HTTP."""

    voices: ForeignVoices = Field({}, description=_VOICES)


class Cartesia(Section):
    """Cartesia's speech API: `/tts/bytes`, `/tts/sse` and `/tts/websocket`."""

    voices: ForeignVoices = Field(
        {},
        description="The voice of this server for each name that its clients send: NAME or "
        "NAME/SPEAKER. The names of `/voices` are always accepted.",
    )


class Agents(Section):
    """Text that arrives in pieces over a WebSocket, and is spoken while it is written."""

    max_buffer_delay: Annotated[float, Field(ge=0, le=60)] = Field(
        0.1,
        description="Seconds to wait for the rest of a sentence when the listener has nothing else "
        "to hear. Then its first clause is spoken alone. Clients may request another value.",
    )
    max_sockets: Count = Field(
        200,
        description="Maximum WebSockets of one process. In addition, a quarter of this "
        "number may be open without a key, where one is needed, until the client sends it; a "
        "quarter of those from one address.",
    )
    key_seconds: Seconds = Field(
        5,
        description="Seconds within which a client has to send its key in the first message, if "
        "its handshake has none.",
    )
    max_contexts: Count = Field(10, description="Maximum texts under way on one WebSocket.")
    max_context_chars: Count = Field(
        200_000, description="Longest text of one context, in characters."
    )
    max_message_bytes: Annotated[Count, Field(ge=1024)] = Field(
        64 * 1024, description="Largest message of a client, in bytes."
    )
    idle_seconds: Seconds = Field(
        180,
        description="Longest time without a message and without sound after which a WebSocket is "
        "closed. Clients may ask for less; the default of `inactivity_timeout` is 20.",
    )


class Fpt(Section):
    """FPT.AI's speech API, version 5."""

    voices: ForeignVoices = Field({}, description=_VOICES)


class Viettel(Section):
    """Viettel AI's speech API."""

    voices: ForeignVoices = Field({}, description=_VOICES)


class Zalo(Section):
    """Zalo AI's speech API."""

    voices: ForeignVoices = Field(
        {}, description=f"{_VOICES} The names are the numbers of `speaker_id`."
    )


class Vbee(Section):
    """Vbee's speech API: the current version and the previous one."""

    voices: ForeignVoices = Field({}, description=_VOICES)


class CallbackSettings(Section):
    """Settings of callbacks: the allowed hosts, attempts, time limits and signatures."""

    hosts: Hosts = Field(
        (),
        description="Hosts that results may be posted to: app.example.vn, or *.example.vn for all "
        "below it. Empty refuses every request with a callback.",
    )
    private_networks: Networks = Field(
        (),
        description="Private addresses or networks to which results may be posted, if a host in "
        "`callbacks.hosts` has such an address.",
    )
    attempts: Annotated[Count, Field(le=10)] = Field(
        5,
        description="Maximum attempts to post a result, with pauses of 1, 2, 4, ... seconds "
        "between them.",
    )
    timeout_seconds: Seconds = Field(10, description="Time limit of one attempt, in seconds.")
    secret: WebhookSecret | None = Field(
        None,
        description="Secret that signs callbacks of jobs, as in Standard Webhooks: `whsec_` and 24 "
        "to 64 bytes in base64; best set by the environment variable. Null refuses such callbacks.",
    )
    previous_secret: WebhookSecret | None = Field(
        None, description="A second secret that signs too, while secrets are changed."
    )
