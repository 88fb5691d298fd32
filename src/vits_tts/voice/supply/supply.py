"""The one door to a catalogue: what it offers, and installing from it."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from vits_tts.config import Voice
from vits_tts.voice import manifest
from vits_tts.voice.card import Licence
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.supply import install, offers
from vits_tts.voice.supply.install import Progress
from vits_tts.voice.supply.offers import Offer
from vits_tts.voice.supply.source import source
from vits_tts.voice.supply.transfer import Tries

_CARDS_AT_MOST: Final = 40
_CARDS_AT_ONCE: Final = 8


class Supply:
    """Voices that could be installed; the catalogue is read once, at the start."""

    def __init__(self, settings: Voice) -> None:
        """Read the catalogue.

        Raises:
            ConfigError: none of its addresses gives one.

        """
        told = settings.catalogue
        self._settings = settings
        self._tries = Tries(told.attempts, told.retry_seconds)
        sources = [source(url, told.stall_seconds) for url in told.urls]
        self._offers = offers.load(sources, self._tries)

    @property
    def broken(self) -> Mapping[str, str]:
        """Why some entries of the catalogue cannot be used."""
        return self._offers.broken

    def find(self, name: str) -> Offer:
        """Return what is offered under a name.

        Raises:
            ConfigError: nothing is.

        """
        return self._offers.find(name)

    def licence(self, offer: Offer) -> Licence | None:
        """Return a voice's terms, as the catalogue or its card states them.

        A card that does not come at once is not waited for.
        """
        return self._offers.licence(offer, Tries(1, 0))

    def available(self, language: str | None = None) -> list[tuple[Offer, Licence | None]]:
        """Return what is offered, of one language or of all, each with its terms.

        Cards are fetched for so many voices only; of more, the terms are those that are listed.
        """
        offered = self._offers.voices.values()
        found = [one for one in offered if language is None or one.speaks(language)]
        if len(found) > _CARDS_AT_MOST:
            return [(one, one.licence) for one in found]
        with ThreadPoolExecutor(_CARDS_AT_ONCE) as threads:
            return list(zip(found, threads.map(self.licence, found), strict=True))

    def standing(self, offer: Offer) -> bool | None:
        """Return whether the installed voice of that name is this one; None if there is none."""
        return install.standing(offer, self._settings.folder)

    def installed(self, offer: Offer) -> Manifest:
        """Return the manifest of an offer that is installed.

        Raises:
            VoiceError: it is broken.

        """
        return manifest.read(self._settings.folder / f"{offer.key}.onnx")

    def install(self, offer: Offer, progress: Progress) -> Manifest:
        """Fetch a voice, try it, and give it its name.

        Raises:
            VoiceError: it cannot be fetched, or cannot speak.
            OSError: it cannot be written.

        """
        return install.install(self._offers, offer, self._settings, self._tries, progress)
