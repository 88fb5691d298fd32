"""The public class of the catalogue: lists voices and installs them."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from vits_tts.catalogue import index, install
from vits_tts.catalogue.download import Tries
from vits_tts.catalogue.index import CatalogueEntry, CatalogueIndex
from vits_tts.catalogue.install import Progress
from vits_tts.catalogue.sources import source
from vits_tts.config import Voice
from vits_tts.voice import installed, manifest
from vits_tts.voice.manifest import Manifest
from vits_tts.voice.model_card import Licence

_CARDS_AT_MOST: Final = 40
_CARDS_AT_ONCE: Final = 8


class VoiceCatalogue:
    """The voices that can be installed. The catalogue is read once, by the constructor."""

    def __init__(self, settings: Voice, offers: CatalogueIndex | None = None) -> None:
        """Read the catalogue from the first address that has one, unless ``offers`` is given.

        Raises:
            ConfigError: no address has a valid catalogue.

        """
        told = settings.catalogue
        self._settings = settings
        self._tries = Tries(told.attempts, told.retry_seconds)
        sources = [source(url, told.stall_seconds) for url in told.urls]
        self._offers = offers or index.load(sources, self._tries)

    @property
    def broken(self) -> Mapping[str, str]:
        """The reason for each entry of the catalogue that cannot be used, by its key."""
        return self._offers.broken

    def find(self, name: str) -> CatalogueEntry:
        """Return the entry of a voice.

        Raises:
            ConfigError: the catalogue has no usable voice of this name.

        """
        return self._offers.find(name)

    def licence(self, offer: CatalogueEntry) -> Licence | None:
        """Return the licence of a voice from its entry or its model card, or None if unknown.

        The card is requested only once, without retries.
        """
        return self._offers.licence(offer, Tries(1, 0))

    def available(self, language: str | None = None) -> list[tuple[CatalogueEntry, Licence | None]]:
        """Return the entries of one language, or of all, each with its licence.

        Model cards are fetched for at most ``_CARDS_AT_MOST`` voices. In a longer list a licence is
        known only if the entry states it.
        """
        offered = self._offers.voices.values()
        found = [one for one in offered if language is None or one.speaks(language)]
        if len(found) > _CARDS_AT_MOST:
            return [(one, one.licence) for one in found]
        with ThreadPoolExecutor(_CARDS_AT_ONCE) as threads:
            return list(zip(found, threads.map(self.licence, found), strict=True))

    def standing(self, offer: CatalogueEntry) -> bool | None:
        """Return whether this entry is installed; None if no voice of this name is installed."""
        return install.standing(offer, self._settings.folder)

    def installed(self, offer: CatalogueEntry) -> Manifest:
        """Return the manifest of an installed entry.

        Raises:
            VoiceError: the manifest is missing or broken.

        """
        return manifest.read(installed.installed(self._settings.folder)[offer.key])

    def install(self, offer: CatalogueEntry, progress: Progress) -> Manifest:
        """Download a voice, test that it speaks, and install it.

        Raises:
            VoiceError: it cannot be downloaded, or cannot speak.
            OSError: its files cannot be written.

        """
        return install.install(self._offers, offer, self._settings, self._tries, progress)
