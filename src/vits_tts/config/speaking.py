"""Settings of what is heard: reading, voices, files."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ByteSize, Field, PlainSerializer

from vits_tts.config.values import (
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


class Text(Section):
    """How written Vietnamese is read."""

    region: Literal["north", "south"] = Field(
        "north",
        description="Whose words numbers are read with: `north` says linh, nghìn, hai mươi tư; "
        "`south` says lẻ, ngàn, hai mươi bốn.",
    )
    emoji: Literal["drop", "read"] = Field(
        "drop", description="Whether emoji are left out or read by their names."
    )
    lexicon: Paths = Field(
        (),
        description="YAML files of words and how they are said (`Zalo: da lô`; a key between "
        "slashes is a regular expression). Read again when they change.",
    )


class Speeds(Section):
    """What the named speeds mean, as `length_scale`: 2 takes twice as long."""

    very_slow: LengthScale = Field(1.5, description="`length_scale` of `very_slow`.")
    slow: LengthScale = Field(1.2, description="`length_scale` of `slow`.")
    normal: LengthScale = Field(1.0, description="`length_scale` of `normal`.")
    fast: LengthScale = Field(0.6, description="`length_scale` of `fast`.")
    very_fast: LengthScale = Field(0.4, description="`length_scale` of `very_fast`.")


class Catalogue(Section):
    """Where `vits-tts voices` installs voices from."""

    urls: Annotated[Strings, PlainSerializer(without_passwords)] = Field(
        ("https://huggingface.co/rhasspy/piper-voices/resolve/main/voices.json",),
        description="Addresses of a catalogue in Piper's format: a voices.json by https, http or "
        "file, or a folder of voices. The first one that answers is used; the others are asked "
        "for files that it does not give.",
    )
    stall_seconds: Seconds = Field(
        20, description="Seconds without news from a server after which a download has failed."
    )
    attempts: int = Field(
        5, ge=1, le=100, description="Times that each address is tried; what has come is kept."
    )
    retry_seconds: Seconds = Field(
        1, description="Seconds before the second try, twice as many before each further one."
    )


class Voice(Section):
    """Which voices speak, and how."""

    name: str = Field(
        EMBEDDED_VOICE,
        min_length=1,
        description="The voice of requests that name none: the one in the box or one in "
        "`voice.folder`.",
    )
    others: Strings = Field((), description="Further voices that requests may name.")
    load: Literal["start", "first_use"] = Field(
        "start",
        description="When the others are loaded: at the `start`, or at their `first_use`, while "
        "the request waits. The default voice is loaded at the start and stays.",
    )
    max_loaded_bytes: ByteSize | None = Field(
        None,
        description="Memory that the voices of one process may take, about; the longest unused "
        "makes room for another. null for as much as they take.",
    )
    unused_seconds: Seconds | None = Field(
        None,
        description="Seconds without use after which another voice than the default one is "
        "dropped, to be loaded again when it is asked for; null for never.",
    )
    folder: Path = Field(
        Path("voices"),
        description="Where voices live: NAME.onnx beside NAME.onnx.json, as Piper has them.",
    )
    pieces_folder: Path | None = Field(
        None,
        description="Where voices are kept as they are cut for streaming; it can be made anew. "
        "null is `vits-tts/pieces` in the user's cache folder.",
    )
    threads: Count | Literal["auto"] = Field(
        "auto",
        description="Inference threads of one process, each of which takes one core; a sentence "
        "that is alone gets two of them. `auto` shares the cores among the workers.",
    )
    length_scale: LengthScale | None = Field(
        None, description="Base of all speeds; null takes the voice's own."
    )
    noise_scale: Scale | None = Field(
        None,
        description="Variation of the sound; null takes the voice's own, 0 is the same always.",
    )
    noise_w: Scale | None = Field(
        None, description="Variation of the rhythm; null takes the voice's own."
    )
    volume: float = Field(
        1.0,
        gt=0,
        le=10,
        allow_inf_nan=False,
        description="Gain; samples are clipped at full scale.",
    )
    sentence_pause: float = Field(
        0.25, ge=0, le=10, allow_inf_nan=False, description="Seconds of silence between sentences."
    )
    paragraph_pause: float = Field(
        0.6, ge=0, le=10, allow_inf_nan=False, description="Seconds of silence between paragraphs."
    )
    speeds: Speeds = Field(Speeds(), description="What the named speeds mean.")
    catalogue: Catalogue = Field(
        Catalogue(), description="Where `vits-tts voices` installs voices from."
    )


class Audio(Section):
    """The files that `/tts` makes."""

    folder: Path = Field(Path("audio"), description="Where they are kept.")
    max_bytes: ByteSize = Field(
        ByteSize(1024 * 1024 * 1024),
        ge=1024 * 1024,
        description="Bytes of files kept, least recently used out first.",
    )
    max_age_seconds: Seconds = Field(
        7 * 86_400, description="Seconds without use after which a file is dropped."
    )
