"""The facts about a voice that every stage of its training needs; kept in its work folder."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FILE = "description.json"


@dataclass(frozen=True)
class Description:
    """The name, licence and sources of a voice.

    ``recordings`` identifies the recordings, and ``pitch`` is the range of their pitch in hertz.
    Durations are multiplied by ``tempo`` when the voice speaks.
    ``source`` describes the voice whose weights training started from: its ``folder``, ``name``,
    ``licence`` and ``attribution``. ``own_licence`` is then that of the recordings. ``lent``
    describes recordings of others that the melody was learnt from: their ``folder``, ``licence``
    and fingerprint (``recordings``). ``mend`` says whether recordings lose noise and hum first.
    """

    name: str
    licence: str
    licence_url: str | None = None
    attribution: str | None = None
    dataset: str = ""
    sample_rate: int = 16_000
    recordings: str = ""
    pitch: tuple[float, float] = (90.0, 500.0)
    tempo: float = 1.0
    own_licence: str = ""
    mend: bool = False
    notices: tuple[str, ...] = ()
    lent: dict[str, str] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)

    @property
    def quality(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("-")[2]

    def save(self, work: Path) -> None:
        """Write the description into a work folder, whole or not at all."""
        work.mkdir(parents=True, exist_ok=True)
        text = json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=1)
        partial = work / f"{_FILE}.partial"
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(work / _FILE)


EMBEDDED = Description(
    name="vi_VN-vais1000-compact",
    licence="CC BY-NC-SA 4.0",
    licence_url="https://creativecommons.org/licenses/by-nc-sa/4.0/",
    attribution='Trained on Quoc Truong Do, Chi Mai Luong, "VAIS-1000: A Vietnamese Speech '
    'Synthesis Corpus", IEEE DataPort, 2017, doi 10.21227/H2B887',
    dataset="vais1000",
    # With the durations of these recordings but without their pauses and breaths, speech sounds too
    # fast. At this slower pace the recogniser makes a tenth fewer errors.
    tempo=1.08,
)
"""The voice in the package."""


def load(work: Path) -> Description | None:
    """Return the description in a work folder; None if it has none.

    Raises:
        ValueError: it is broken.

    """
    path = work / _FILE
    if not path.exists():
        return None
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        # folders that do not state it were begun when every voice had the embedded one's
        values = {"tempo": EMBEDDED.tempo} | values
        tuples: dict[str, Any] = {
            key: tuple(values[key]) for key in ("pitch", "notices") if key in values
        }
        return Description(**values | tuples)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: not the description of a voice: {error}") from None
