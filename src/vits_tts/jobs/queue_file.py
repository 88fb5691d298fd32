"""Connections to the queue's file of SQLite, which are durable and write little."""

import sqlite3
from contextlib import suppress
from typing import Any


class DurableConnection(sqlite3.Connection):
    """A connection whose commits are on the disk when they return, after one wait for the disk.

    With SQLite's usual journal a commit waits for the disk four times: for the journal, its folder
    and its header, then for the file. Here changes are appended to a log beside the file (WAL).
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        """Open the file, and give it such a log unless it has one.

        A full disk has no room for the log, and a file that another process is changing gets none;
        its journal is then as durable.
        """
        super().__init__(*args, **named)
        with suppress(sqlite3.OperationalError):
            self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = FULL")
