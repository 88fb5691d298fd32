"""The accounts on the disk: a SQLite file that all processes of a machine share.

All methods block: call them in threads.
"""

import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

from loguru import logger

from vits_tts import file_lock
from vits_tts.usage.model import Amounts, Row, Summary, today

FILE: Final = "usage.sqlite"
_BUSY_SECONDS: Final = 5.0
_REMEMBERED_DAYS: Final = 31
_DAMAGED: Final = ("malformed", "not a database")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS usage (
  store TEXT NOT NULL, day TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
  requests INTEGER NOT NULL, items INTEGER NOT NULL, characters INTEGER NOT NULL,
  seconds REAL NOT NULL, made_seconds REAL NOT NULL,
  PRIMARY KEY (day, key, store)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS booked (id TEXT PRIMARY KEY, day TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS self (only INTEGER PRIMARY KEY CHECK (only = 1), store TEXT NOT NULL);
"""
_ADD: Final = """
INSERT INTO usage (store, day, key, version, requests, items, characters, seconds, made_seconds)
VALUES ((SELECT store FROM self), ?, ?, 1, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET version = version + 1,
  requests = requests + excluded.requests, items = items + excluded.items,
  characters = characters + excluded.characters, seconds = seconds + excluded.seconds,
  made_seconds = made_seconds + excluded.made_seconds
"""
_MARK: Final = "INSERT OR IGNORE INTO booked (id, day) VALUES (?, ?)"
_MERGE: Final = """
INSERT INTO usage (store, day, key, version, requests, items, characters, seconds, made_seconds)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET version = excluded.version,
  requests = excluded.requests, items = excluded.items, characters = excluded.characters,
  seconds = excluded.seconds, made_seconds = excluded.made_seconds
WHERE excluded.version > version
"""
_ROWS: Final = """
SELECT store, day, key, version, requests, items, characters, seconds, made_seconds
FROM usage WHERE day LIKE ? || '-%'
"""
_BY_DAY: Final = """
SELECT day, key, sum(requests), sum(items), sum(characters), sum(seconds), sum(made_seconds)
FROM usage WHERE day BETWEEN ? AND ? AND (? IS NULL OR key = ?) GROUP BY day, key ORDER BY day, key
"""
_BY_KEY: Final = """
SELECT key, sum(requests), sum(items), sum(characters), sum(seconds), sum(made_seconds)
FROM usage WHERE day LIKE ? || '-%' GROUP BY key
"""

Place = tuple[str, str, str]
"""The day and the key of amounts, and an id of those that are added once only; usually empty."""
Pending = Mapping[Place, Amounts]
"""Amounts to be added."""


class UsageStore:
    """One file of accounts: the rows of this machine, and copies of the rows of other machines."""

    def __init__(self, folder: Path) -> None:
        """Store the folder; the file is opened when it is first needed."""
        self.folder = folder
        self._path = folder / FILE
        self._database: sqlite3.Connection | None = None

    @property
    def is_there(self) -> bool:
        """True if the file exists."""
        return self._database is not None or self._path.exists()

    def add(self, pending: Pending) -> None:
        """Add amounts to the rows of this machine, in one transaction.

        Those whose id was added before are left out.

        Raises:
            sqlite3.Error, OSError: the disk cannot be written.

        """
        with self._open() as database:
            for (day, key, once), amounts in pending.items():
                if not once or database.execute(_MARK, [once, day]).rowcount:
                    database.execute(_ADD, [day, key, *astuple(amounts)])

    def merge(self, rows: Iterable[Row]) -> None:
        """Store rows that are newer than the copies in the file.

        Raises:
            sqlite3.Error, OSError: the disk cannot be written.

        """
        values = [(row.store, row.day, row.key, row.version, *astuple(row.amounts)) for row in rows]
        if values:
            with self._open() as database:
                database.executemany(_MERGE, values)

    def rows(self, month: str) -> list[Row]:
        """Return all rows of a month such as ``2026-11``."""
        return [Row.read(values) for values in self._open().execute(_ROWS, [month])]

    def months(self) -> list[str]:
        """Return the months that have rows."""
        query = "SELECT DISTINCT substr(day, 1, 7) FROM usage"
        return [month for (month,) in self._open().execute(query)]

    def summaries(self, since: date, until: date, key: str | None = None) -> list[Summary]:
        """Return the use from ``since`` to ``until``, of all keys or of one, by day."""
        if not self.is_there:
            return []
        values = [since.isoformat(), until.isoformat(), key, key]
        found = self._open().execute(_BY_DAY, values)
        return [Summary(day, name, Amounts(*sums)) for day, name, *sums in found]

    def totals(self, month: str) -> dict[str, Amounts]:
        """Return the use of each key in a month such as ``2026-11``."""
        if not self.is_there:
            return {}
        return {key: Amounts(*sums) for key, *sums in self._open().execute(_BY_KEY, [month])}

    def prune(self, before: date) -> None:
        """Remove rows of days before a day, and ids that are too old to come again."""
        if self.is_there:
            old = today() - timedelta(days=_REMEMBERED_DAYS)
            with self._open() as database:
                database.execute("DELETE FROM usage WHERE day < ?", [before.isoformat()])
                database.execute("DELETE FROM booked WHERE day < ?", [old.isoformat()])

    def _open(self) -> sqlite3.Connection:
        """Return the connection; rename a file that cannot be read as a database."""
        if self._database is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                self._database = self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._database = self._repaired()
        return self._database

    def _repaired(self) -> sqlite3.Connection:
        """Rename a damaged file, unless another process has done so, and create a new one."""
        with (self.folder / "repair.lock").open("a") as file:
            file_lock.lock(file, wait=True)
            try:
                return self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
            aside = f"{FILE}.damaged-{int(time.time())}"
            for end in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    self._path.with_name(FILE + end).rename(self.folder / (aside + end))
            logger.error("usage: the accounts are damaged; new ones begin", kept=aside)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS)
        try:
            _check(database)
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.executescript(_SCHEMA)
            with database:
                database.execute("INSERT OR IGNORE INTO self VALUES (1, ?)", [uuid4().hex])
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error says that a file has been damaged."""
    return any(word in str(error) for word in _DAMAGED)


def _check(database: sqlite3.Connection) -> None:
    """Check the pages of a file.

    Raises:
        sqlite3.DatabaseError: a page is damaged.

    """
    if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise sqlite3.DatabaseError(_DAMAGED[0])
