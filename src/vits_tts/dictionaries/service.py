"""Dictionaries of all callers: finding them for requests, and changing them.

Without Redis the folder is shared by the processes of one machine. With Redis all replicas share
one index there; each keeps a copy in its folder. While Redis cannot be reached, the last known
versions are used, and nothing can be changed.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Final

from cachetools import LRUCache
from loguru import logger

from vits_tts.config.dictionaries import DictionarySettings
from vits_tts.dictionaries.model import ALL, Dictionary, Index, Version, dumped, now, rules_of
from vits_tts.dictionaries.rules import Rule, Rules
from vits_tts.dictionaries.stores import Changed, FolderStore, SharedStore
from vits_tts.errors import (
    DictionariesUnavailable,
    DictionaryConflict,
    DictionaryInvalid,
    DictionaryNotFound,
    QuotaExceeded,
)
from vits_tts.telemetry.metrics import DICTIONARY_STALE

_LOOK_SECONDS: Final = 0.5
"""Age in seconds at which the index is compared with that of the store."""
_VERSIONS_AT_HAND: Final = 64
_ATTEMPTS: Final = 5
MAX_PER_REQUEST: Final = 3
_VERSIONED: Final = re.compile(r"(.+)@([0-9a-f]{24})")
NAME: Final = re.compile(r"[^\x00-\x1f\x7f/]{1,100}")


@dataclass(frozen=True, slots=True)
class Locator:
    """A dictionary of a request, by id or name; ``version`` None is the latest one."""

    dictionary: str
    version: str | None = None


def locator(name: str) -> Locator:
    """Return the locator of a name or id, which ``@`` and the id of a version may follow."""
    match = _VERSIONED.fullmatch(name)
    return Locator(match[1], match[2]) if match else Locator(name)


class Dictionaries:
    """The dictionaries of this server; use it on the event loop."""

    def __init__(
        self,
        settings: DictionarySettings,
        defaults: Sequence[str],
        shared: SharedStore | None,
    ) -> None:
        """Keep dictionaries in the folder of ``settings``, and in ``shared`` if there is one."""
        self._settings = settings
        self._defaults = tuple(defaults)
        self._folder = FolderStore(settings.folder)
        self._shared = shared
        self._index = Index()
        self._looked = float("-inf")
        self._lock = asyncio.Lock()
        self._rules: LRUCache[str, Rules] = LRUCache(_VERSIONS_AT_HAND)
        self._reported: set[str] = set()
        self.stale = False
        """True while the shared store fails and the last known versions are used."""

    def refresh(self) -> None:
        """Ask the store for changes at the next use, even if it was asked a moment ago."""
        self._looked = float("-inf")

    @property
    def max_rules(self) -> int:
        """The maximum number of rules of one dictionary."""
        return self._settings.max_rules

    # --- requests --------------------------------------------------------------------------------

    async def resolve(self, wanted: Sequence[Locator] | None, owner: str) -> tuple[Rules, ...]:
        """Return the rules for a request; None stands for the dictionaries of the settings.

        A dictionary of the settings that does not exist is logged and left out.

        Raises:
            DictionaryNotFound: the caller has no such dictionary, or it has no such version.
            DictionariesUnavailable: the rules cannot be read.

        """
        if wanted is not None:
            return tuple([await self._of(locator, owner) for locator in wanted])
        return tuple([rules for _, rules in await self._default_rules()])

    async def pinned(self, wanted: Sequence[Locator] | None, owner: str) -> tuple[str, ...]:
        """Return the dictionaries of :meth:`resolve` as ``NAME@VERSION``, with the versions now.

        Errors are those of :meth:`resolve`.
        """
        if wanted is None:
            return tuple([f"{name}@{rules.version}" for name, rules in await self._default_rules()])
        rules = await self.resolve(wanted, owner)
        pairs = zip(wanted, rules, strict=True)
        return tuple([f"{locator.dictionary}@{found.version}" for locator, found in pairs])

    async def _default_rules(self) -> Sequence[tuple[str, Rules]]:
        """Return the dictionaries of the settings that exist, with their rules."""
        found = []
        for name in self._defaults:
            try:
                found.append((name, await self._of(Locator(name), ALL)))
            except (DictionaryNotFound, DictionariesUnavailable) as error:
                if name not in self._reported:
                    self._reported.add(name)
                    logger.warning("text.dictionaries: {}", error.message, dictionary=name)
            else:
                self._reported.discard(name)
        return found

    @property
    def has_defaults(self) -> bool:
        """True if the settings name dictionaries for all requests."""
        return bool(self._defaults)

    async def _of(self, locator: Locator, owner: str) -> Rules:
        dictionary = await self.get(locator.dictionary, owner)
        version = locator.version or dictionary.latest.id
        return await self.rules(dictionary, version)

    async def rules(self, dictionary: Dictionary, version: str) -> Rules:
        """Return the rules of a version.

        Raises:
            DictionaryNotFound: the dictionary has no such version.
            DictionariesUnavailable: the rules cannot be read.

        """
        if version not in {known.id for known in dictionary.versions}:
            message = f"the dictionary has no version {version!r:.60}"
            raise DictionaryNotFound(message, field="dictionaries")
        if known := self._rules.get(version):
            return known
        data = await asyncio.to_thread(self._folder.rules, version)
        if self._shared and data is None:
            data = await self._shared.rules(version)
            if data:
                await self._copy(None, version, data)
        if data is None:
            raise DictionariesUnavailable("the rules of a dictionary cannot be read now")
        try:
            rules = await asyncio.to_thread(rules_of, version, data)
        except ValueError as error:
            logger.error("damaged rules of a dictionary: {}", error, version=version)
            raise DictionariesUnavailable("the rules of a dictionary are damaged") from None
        self._rules[version] = rules
        return rules

    # --- lists -----------------------------------------------------------------------------------

    async def list(self, owner: str) -> Sequence[Dictionary]:
        """Return the dictionaries that a caller may use, the newest first."""
        found = (await self._current()).dictionaries.values()
        return sorted(
            (each for each in found if each.used_by(owner)),
            key=lambda each: (-each.created, each.id),
        )

    async def get(self, name: str, owner: str) -> Dictionary:
        """Return a dictionary by id or name; the caller's own one before shared ones.

        Raises:
            DictionaryNotFound: the caller may use no such dictionary.

        """
        found = (await self._current()).dictionaries
        if (known := found.get(name)) and known.used_by(owner):
            return known
        named = [each for each in found.values() if each.name == name and each.used_by(owner)]
        if not named:
            message = f"there is no dictionary {name!r:.60}"
            raise DictionaryNotFound(message, field="dictionaries")
        return min(named, key=lambda each: (each.owner != owner, each.created, each.id))

    # --- changes ---------------------------------------------------------------------------------

    async def add(
        self,
        name: str,
        rules: Iterable[Rule],
        owner: str,
        description: str | None = None,
        access: str | None = None,
    ) -> Dictionary:
        """Make a dictionary with its first version, and return it.

        Raises:
            DictionaryConflict: the caller has one of this name.
            DictionaryInvalid: there are too many rules.
            QuotaExceeded: the caller has too many dictionaries.
            DictionariesUnavailable: it cannot be stored.

        """
        made = self._checked(rules)
        version = Version(token_hex(12), len(made), now())

        def change(index: Index) -> Dictionary:
            own = [each for each in index.dictionaries.values() if each.owner == owner]
            if any(each.name == name for each in own):
                message = f"there is a dictionary {name!r:.60} already"
                raise DictionaryConflict(message, field="name")
            if len(own) >= self._settings.max_dictionaries:
                raise QuotaExceeded(
                    f"there are {len(own)} dictionaries; dictionaries.max_dictionaries allows "
                    "no more"
                )
            return Dictionary(
                token_hex(12), name, owner, version.created, (version,), description, access
            )

        return await self._change(change, version.id, dumped(made))

    async def edit(
        self,
        name: str,
        owner: str,
        edited: Callable[[Sequence[Rule]], Iterable[Rule]],
        expected: str | None = None,
    ) -> Dictionary:
        """Make a new version of a dictionary from its latest rules; return the dictionary.

        If nothing changes, the version stays. ``expected`` is the id that the latest version must
        have.

        Raises:
            DictionaryNotFound: the caller may change no such dictionary.
            DictionaryConflict: another version is the latest, or other callers keep changing it.
            DictionaryInvalid: there are too many rules.
            DictionariesUnavailable: it cannot be stored.

        """
        for _ in range(_ATTEMPTS):
            self.refresh()
            before = await self.get(name, owner)
            self._may_change(before, owner)
            if self.stale:  # the latest version is not known
                raise _cannot_change()
            if expected not in (None, before.latest.id):
                message = f"the latest version is {before.latest.id}"
                raise DictionaryConflict(message, field="expected_latest_version_id")
            old = (await self.rules(before, before.latest.id)).rules
            made = self._checked(edited(old))
            if made == old:
                return before
            version = Version(token_hex(12), len(made), now())
            try:
                return await self._change(_next_version(before, version), version.id, dumped(made))
            except Changed:
                continue
        raise DictionaryConflict("other callers are changing this dictionary; try again")

    async def remove(self, name: str, owner: str) -> None:
        """Remove a dictionary with all its versions.

        Raises:
            DictionaryNotFound: the caller has no such dictionary.
            DictionariesUnavailable: it cannot be removed.

        """
        dictionary = await self.get(name, owner)
        self._may_change(dictionary, owner)

        def change(index: Index) -> Dictionary:
            if dictionary.id not in index.dictionaries:
                raise DictionaryNotFound(f"there is no dictionary {name!r:.60}")
            return replace(dictionary, versions=())

        await self._change(change, None, b"")

    def _may_change(self, dictionary: Dictionary, owner: str) -> None:
        if not dictionary.changed_by(owner):
            message = "this dictionary is shared for use; its owner alone may change it"
            raise DictionaryNotFound(message)

    def _checked(self, rules: Iterable[Rule]) -> tuple[Rule, ...]:
        """Return the rules without duplicates: for each string only its last rule.

        Raises:
            DictionaryInvalid: there are too many.

        """
        made = tuple({rule.string: rule for rule in rules}.values())
        if len(made) > self._settings.max_rules:
            message = f"a dictionary has up to {self._settings.max_rules} rules, not {len(made)}"
            raise DictionaryInvalid(message, field="rules")
        return made

    async def _change(
        self, change: Callable[[Index], Dictionary], version: str | None, rules: bytes
    ) -> Dictionary:
        """Put the dictionary that ``change`` returns into the index; without versions, remove it.

        Raises:
            DictionaryConflict: other callers keep changing the index.
            DictionariesUnavailable: the index cannot be stored.

        """
        async with self._lock:
            for _ in range(_ATTEMPTS):
                before = await self._read()
                if before is None:
                    raise _cannot_change()
                dictionary = change(before)
                entries = {**before.dictionaries, dictionary.id: dictionary}
                if not dictionary.versions:
                    del entries[dictionary.id]
                after = Index(token_hex(8), entries)
                try:
                    if self._shared:
                        await self._shared.replace(before.revision, after, version, rules)
                        await self._copy(after, version, rules)
                        await self._shared.forget(
                            _versions(before, dictionary.id) - _versions(after, dictionary.id)
                        )
                    else:
                        await asyncio.to_thread(
                            self._folder.replace, before.revision, after, version, rules
                        )
                except Changed:
                    continue
                self._index = after
                return dictionary
        raise DictionaryConflict("other callers are changing dictionaries; send the request again")

    # --- the index -------------------------------------------------------------------------------

    async def _current(self) -> Index:
        """Return the index, which is at most half a second old unless the shared store fails."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            async with self._lock:
                if time.monotonic() - self._looked >= _LOOK_SECONDS:
                    await self._look()
        return self._index

    async def _look(self) -> None:
        found = await self._read()
        self._looked = time.monotonic()
        self._report(found is None)
        if found is None:  # the last known index; after a restart the one in the folder
            found = self._index if self._index.revision else await self._folder_index()
        elif self._shared and found.revision != self._index.revision:
            await self._copy(found)
        self._index = found

    async def _read(self) -> Index | None:
        """Return the index of the store; None if the shared one fails.

        If the shared store has lost its index, the copy of this process is stored there again.
        """
        if self._shared is None:
            return await asyncio.to_thread(self._folder.index)
        found = await self._shared.index()
        if found is None or found.revision:
            return found
        ours = self._index if self._index.revision else await self._folder_index()
        if not ours.revision:
            return found
        try:
            await self._shared.replace("", ours, None, b"")
        except Changed:
            return await self._shared.index()
        except DictionariesUnavailable:
            return None
        logger.warning("dictionaries put back into Redis, which had none")
        await self._put_back(ours)
        return ours

    async def _put_back(self, index: Index) -> None:
        """Store the latest rules of each dictionary in the shared store again."""
        assert self._shared  # noqa: S101  # the only caller has checked
        for dictionary in index.dictionaries.values():
            for version in dictionary.versions:
                if data := await asyncio.to_thread(self._folder.rules, version.id):
                    await self._shared.keep_rules(version.id, data)

    async def _folder_index(self) -> Index:
        try:
            return await asyncio.to_thread(self._folder.index)
        except DictionariesUnavailable:
            return Index()

    async def _copy(
        self, index: Index | None, version: str | None = None, rules: bytes = b""
    ) -> None:
        """Keep a copy in the folder, if it can be written."""
        try:
            await asyncio.to_thread(self._folder.keep, index, version, rules)
        except OSError as error:
            if "copy" not in self._reported:
                self._reported.add("copy")
                logger.warning("dictionaries have no copy in the folder: {}", error)

    def _report(self, stale: bool) -> None:
        if stale != self.stale:
            self.stale = stale
            DICTIONARY_STALE.set(stale)
            if stale:
                logger.warning("dictionaries: Redis fails, the last known versions are used")
            else:
                logger.info("dictionaries: Redis answers again")


def _cannot_change() -> DictionariesUnavailable:
    return DictionariesUnavailable("dictionaries cannot be changed now: Redis fails")


def _versions(index: Index, dictionary: str) -> set[str]:
    known = index.dictionaries.get(dictionary)
    return {version.id for version in known.versions} if known else set()


def _next_version(before: Dictionary, version: Version) -> Callable[[Index], Dictionary]:
    """Return the change that adds a version, unless another one came first.

    The change raises ``Changed`` or DictionaryNotFound.
    """

    def change(index: Index) -> Dictionary:
        current = index.dictionaries.get(before.id)
        if current is None:
            raise DictionaryNotFound("the dictionary has just been removed")
        if current.latest.id != before.latest.id:
            raise Changed
        return current.with_version(version)

    return change
