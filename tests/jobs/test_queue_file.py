"""The connections to the queue's file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from vits_tts.jobs.queue_file import DurableConnection

_FULL = 2


def pragma(connection: sqlite3.Connection, name: str) -> str | int:
    """Return a setting of a connection."""
    found: str | int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return found


def test_changes_go_to_a_log(tmp_path: Path) -> None:
    """A commit waits for the disk once, which is as durable as SQLite's journal."""
    path = tmp_path / "queue.sqlite"
    with closing(sqlite3.connect(path)) as earlier:
        earlier.execute("CREATE TABLE items (name TEXT)")
        with closing(sqlite3.connect(path, factory=DurableConnection)) as connection:
            assert pragma(connection, "synchronous") == _FULL
            assert pragma(connection, "journal_mode") == "wal"
            connection.execute("INSERT INTO items VALUES ('a')")
            connection.commit()
        assert earlier.execute("SELECT name FROM items").fetchall() == [("a",)]


def test_a_file_that_cannot_get_a_log(tmp_path: Path) -> None:
    """While another process changes the file, a connection opens, and is as durable."""
    path = tmp_path / "queue.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE items (name TEXT)")
        other.execute("BEGIN IMMEDIATE")
        with closing(sqlite3.connect(path, timeout=0, factory=DurableConnection)) as connection:
            assert pragma(connection, "synchronous") == _FULL
            other.commit()
            connection.execute("INSERT INTO items VALUES ('a')")
            connection.commit()
            assert pragma(connection, "journal_mode") == "delete"
