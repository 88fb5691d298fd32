"""Settings of the sections ``text``, ``voice`` and ``audio``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ByteSize, Field, PlainSerializer, SecretStr

from vits_tts.config.types import (
    Count,
    LengthScale,
    Paths,
    Scale,
    Seconds,
    Section,
    Strings,
    without_passwords,
)

EMBEDDED_VOICE = "vi_VN-vais1000-compact"
EMBEDDED_COMMERCIAL_VOICE = "vi_VN-lephuong-compact"


class Text(Section):
    """Settings of the normaliser."""

    region: Literal["north", "central", "south"] = Field(
        "north",
        description="Region whose words are used for numbers: `north` says linh, nghìn, hai mươi "
        "tư; `central` says lẻ, ngàn, hai mươi tư; `south` says lẻ, ngàn, hai mươi bốn.",
    )
    restore_marks: Literal["off", "safe", "always"] = Field(
        "safe",
        description="Whether tone marks are added to lines typed without them (`So du tai khoan`): "
        "`safe` only in lines that are certainly Vietnamese, and not where the syllable would be a "
        "guess; `always` everywhere, as the likeliest syllable; `off` never, and then hỏi and ngã "
        "stay as they are written, too.",
    )
    emoji: Literal["drop", "read"] = Field(
        "drop", description="Whether emoji are left out or read by their names."
    )
    lexicon: Paths = Field(
        (),
        description="YAML files of words and their pronunciation (`Zalo: da lô`; a key between "
        "slashes is a regular expression). They are read again when they change.",
    )
    dictionaries: Strings = Field(
        (),
        description="Names of pronunciation dictionaries for all requests that name none. Only "
        "dictionaries made without a key and shared ones can be named.",
    )


class Speeds(Section):
    """The `length_scale` of each named speed; with 2, speech takes twice as long."""

    very_slow: LengthScale = Field(1.5, description="`length_scale` of `very_slow`.")
    slow: LengthScale = Field(1.2, description="`length_scale` of `slow`.")
    normal: LengthScale = Field(1.0, description="`length_scale` of `normal`.")
    fast: LengthScale = Field(0.6, description="`length_scale` of `fast`.")
    very_fast: LengthScale = Field(0.4, description="`length_scale` of `very_fast`.")


class Catalogue(Section):
    """Settings of the catalogue from which `vits-tts voices` installs."""

    urls: Annotated[Strings, PlainSerializer(without_passwords)] = Field(
        ("https://huggingface.co/rhasspy/piper-voices/resolve/main/voices.json",),
        description="URLs or paths of a catalogue in Piper's format: a voices.json by https, http "
        "or file, or a folder of voices. The first that answers is used. The others are tried for "
        "files that it does not have.",
    )
    stall_seconds: Seconds = Field(
        20, description="Seconds without data from a server after which a download fails."
    )
    attempts: int = Field(
        5,
        ge=1,
        le=100,
        description="Number of attempts for each URL; an attempt continues a partial download.",
    )
    retry_seconds: Seconds = Field(
        1, description="Seconds before the second attempt; doubled before each further one."
    )
    hub: str = Field(
        "https://huggingface.co",
        pattern=r"^https?://[^\s?#]+$",
        description="Base URL of the model hub that `vits-tts voices install hf:OWNER/REPO` asks.",
    )
    hub_token: SecretStr | None = Field(
        None, description="Token for private repositories of the hub."
    )


class Voice(Section):
    """Settings of voices: selection, memory, threads, speed, pauses."""

    name: str = Field(
        EMBEDDED_VOICE,
        min_length=1,
        description="Default voice: a bundled one or one in `voice.folder`. For commercial use "
        f"take `{EMBEDDED_COMMERCIAL_VOICE}`, or a voice of your own.",
    )
    others: Strings = Field(
        (EMBEDDED_COMMERCIAL_VOICE,), description="More voices that requests may select."
    )
    aliases: Mapping[str, str] = Field(
        {},
        description="Other names of voices, wherever a voice is named: in requests of all "
        "interfaces, turns of a dialogue, SSML, commands and `voices` of other sections. The "
        "served voice of each, as NAME or NAME/SPEAKER.",
    )
    load: Literal["start", "first_use"] = Field(
        "start",
        description="When the other voices are loaded: at the `start`, or at their `first_use`, "
        "while the request waits. The default voice is loaded at the start and stays.",
    )
    max_loaded_bytes: ByteSize | None = Field(
        None,
        description="Approximate limit of memory for the voices of one process. To load another "
        "voice, the one that was unused longest is dropped. null for no limit.",
    )
    unused_seconds: Seconds | None = Field(
        None,
        description="Seconds without use after which a voice other than the default is dropped "
        "from memory; the next request loads it again. null for never.",
    )
    folder: Path = Field(
        Path("voices"),
        description="Folder of installed voices: NAME.onnx and NAME.onnx.json, as Piper has them.",
    )
    pieces_folder: Path | None = Field(
        None,
        description="Folder for voices compiled for streaming. It can be deleted; its content is "
        "made again. null is `vits-tts/pieces` in the user's cache folder.",
    )
    threads: Count | Literal["auto"] = Field(
        "auto",
        description="Inference threads of one process, each of which uses one core. A sentence "
        "gets two threads if no other sentence waits. `auto` divides the cores among the workers.",
    )
    length_scale: LengthScale | None = Field(
        None, description="Base of all speeds; null uses the voice's own value."
    )
    noise_scale: Scale | None = Field(
        None,
        description="Variation of the sound, from 0; null uses the voice's own value.",
    )
    noise_w: Scale | None = Field(
        None, description="Variation of the rhythm, from 0; null uses the voice's own value."
    )
    volume: float = Field(
        1.0,
        gt=0,
        le=10,
        allow_inf_nan=False,
        description="Gain, as a factor, in addition to `audio.loudness`; samples are clipped at "
        "full scale.",
    )
    sentence_pause: float = Field(
        0.25, ge=0, le=10, allow_inf_nan=False, description="Seconds of silence between sentences."
    )
    paragraph_pause: float = Field(
        0.6, ge=0, le=10, allow_inf_nan=False, description="Seconds of silence between paragraphs."
    )
    turn_pause: float = Field(
        0.5,
        ge=0,
        le=10,
        allow_inf_nan=False,
        description="Seconds of silence between the turns of a dialogue.",
    )
    speeds: Speeds = Field(
        Speeds(),
        description="The `length_scale` of each named speed; with 2, speech is half as fast.",
    )
    catalogue: Catalogue = Field(
        Catalogue(), description="The catalogue from which `vits-tts voices` installs."
    )


LOUDNESS_PROFILES = {"broadcast": -23.0, "podcast": -16.0, "telephone": -26.0}
"""In LUFS: the level of EBU R 128, of podcasts, and the nominal level of ITU-T P.56."""


class Audio(Section):
    """Settings of loudness, and of the files that `/tts` saves."""

    loudness: (
        Annotated[float, Field(ge=-40, le=-10, allow_inf_nan=False)]
        | Literal["broadcast", "podcast", "telephone"]
        | None
    ) = Field(
        -19.0,
        description="Loudness of all voices in LUFS (BS.1770), from -40 to -10, or a profile: "
        "`broadcast` is -23, `podcast` -16, `telephone` -26. No peak is above -1 dB. null leaves "
        "each voice as loud as it is.",
    )
    folder: Path = Field(Path("audio"), description="Folder of the files.")
    max_bytes: ByteSize = Field(
        ByteSize(1024 * 1024 * 1024),
        ge=1024 * 1024,
        description="Maximum bytes of all files, including unfinished ones; the least recently "
        "used is removed first. Processes that share the folder share the limit.",
    )
    max_age_seconds: Seconds = Field(
        7 * 86_400, description="Seconds without use after which a file is removed."
    )
    timeout_seconds: Seconds = Field(
        10,
        description="Time limit for one operation of the disk, in seconds. After that the disk "
        "counts as hung, and `/tts` answers 507 until it works again.",
    )
    secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="Secret from which the hashes of files are computed, so that the hash of a "
        "text cannot be guessed. Use the same on all replicas. null uses a random one, which is "
        "shared through `cache.redis.url` or kept in the folder.",
    )
    links: Literal["key", "open", "signed"] = Field(
        "key",
        description="Which URLs of audio files need a key, on a server with keys. `key`: all of "
        "them. `open`: none; a URL cannot be guessed. `signed`: URLs in responses carry an expiry "
        "and a signature and need no key until then, and `/tts/link` makes such URLs of streams. "
        "Players, telephone systems and messengers send no headers.",
    )
    link_seconds: Seconds = Field(86_400, description="Seconds for which a signed link is valid.")
    hash_per_key: bool = Field(
        False,
        description="Whether a file's hash depends on the name of the client's API key, so that "
        "clients with different keys never share a file.",
    )
    misses_per_minute: Count | None = Field(
        300,
        description="Maximum requests in a minute for files that do not exist, with one key, or "
        "from one address if there are no keys; null for no limit.",
    )

    @property
    def lufs(self) -> float | None:
        """The loudness of all voices, in LUFS; None for each voice's own."""
        if isinstance(self.loudness, str):
            return LOUDNESS_PROFILES[self.loudness]
        return self.loudness
