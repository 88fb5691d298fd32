"""The folder of audio files: its size, and files from other processes."""

import os
import signal
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.support.load import LONG
from tests.support.server import Server, Settings, serving
from tests.support.voices import install_joe
from tests.web.test_files import fetched, said, speaking

MIB = 1024 * 1024


def total(folder: Path) -> int:
    """Return the bytes of sound in a folder, including unfinished files."""
    size = 0
    for path in folder.iterdir():
        if path.suffix in {".wav", ".part"}:
            try:
                size += path.stat().st_size
            except FileNotFoundError:  # removed just now
                continue
    return size


# --- size ----------------------------------------------------------------------------------------


def test_the_limit_counts_what_is_being_written(tmp_path: Path) -> None:
    """The folder stays within its limit at all times while two workers write many long files."""
    audio = {"max_bytes": MIB}
    folder = tmp_path / "server" / "audio"
    most, enough = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not enough.is_set():
            if folder.exists():
                most = max(most, total(folder))

    with speaking(tmp_path / "server", audio, workers=2) as server:
        watching = threading.Thread(target=watch)
        watching.start()
        long = "mot hai ba bon nam sau bay. " * 30

        def ask(number: int) -> int:
            """Ask until there is room; return the number of refusals."""
            for refusals in range(1000):
                query = {"text": f"so {number}. {long}"}
                answer = httpx.post(f"{server.url}/tts", json=query, timeout=120)
                if answer.status_code == 200:
                    return refusals
                assert answer.status_code == 503, answer.text
                assert answer.json()["error"]["code"] == "busy"
                threading.Event().wait(0.1)
            raise AssertionError("never any room")

        with ThreadPoolExecutor(8) as callers:
            refusals = sum(callers.map(ask, range(24)))
        enough.set()
        watching.join()
        assert MIB / 4 < most <= MIB
        assert refusals
        server.wait_until(lambda: not list(folder.glob(".*.part")), "nothing unfinished")
        assert said(server, "mot") == said(server, "mot")
        assert "vits_tts_audio_files_dropped_total" in server.metrics()


def test_a_large_file_in_place_of_very_many(tmp_path: Path) -> None:
    """A large file can replace more small files than one sweep can remember."""
    folder = tmp_path / "server" / "audio"
    folder.mkdir(parents=True)
    for number in range(10_000):
        (folder / f"{number:040x}.wav").write_bytes(bytes(100))
    with speaking(tmp_path / "server", {"max_bytes": MIB}) as server:
        long = "mot hai ba bon nam sau bay. " * 60
        kept = said(server, long)
        assert fetched(server, kept).status_code == 200
        assert total(folder) <= MIB
        assert len(list(folder.glob("*.wav"))) < 5_000


def test_too_long_for_a_file(tmp_path: Path) -> None:
    """A text that is too long for a file gets 413, before synthesis where this can be known."""
    more: dict[str, Any] = {
        "server": {"max_text_chars": 100_000},
        "cache": {"memory": {"max_bytes": 0}},
    }
    with speaking(tmp_path / "server", {"max_bytes": MIB}, **more) as server:
        kept = said(server)

        def code(text: str) -> tuple[int, str, str]:
            answer = httpx.post(f"{server.url}/tts", json={"text": text}, timeout=120)
            error = answer.json()["error"]
            return answer.status_code, error["code"], error["field"]

        def syntheses() -> str:
            lines = server.metrics().splitlines()
            return next(line for line in lines if line.startswith("vits_tts_syntheses_total "))

        somewhat = "mot hai ba bon nam sau bay. " * 230
        assert code(somewhat) == (413, "speech_too_long", "text")
        folder = tmp_path / "server" / "audio"
        server.wait_until(lambda: not list(folder.glob(".*.part")), "nothing is left of it")
        before = syntheses()
        assert code(somewhat * 15) == (413, "speech_too_long", "text")
        assert syntheses() == before
        assert fetched(server, kept).status_code in {200, 404}
        assert said(server) == kept
        stream = httpx.post(f"{server.url}/tts/stream", json={"text": somewhat}, timeout=120)
        assert len(stream.content) > MIB


def test_many_callers_one_file(tmp_path: Path) -> None:
    """The same text for many clients at once is written once and reserves space once."""
    with speaking(tmp_path / "server", {"max_bytes": MIB}) as server:
        long = "mot hai ba bon nam sau bay. " * 30
        with ThreadPoolExecutor(16) as callers:
            hashes = list(callers.map(lambda _: said(server, long), range(16)))
        assert len(set(hashes)) == 1


# --- files of other processes --------------------------------------------------------------------


def test_what_a_killed_worker_was_writing_goes(tmp_path: Path) -> None:
    """A new worker deletes unfinished files of a killed one and releases their reserved space."""
    folder = tmp_path / "server" / "audio"
    install_joe(tmp_path / "server" / "voices")
    settings: Settings = {"server": {"workers": 1}, "voice": {"name": "joe", "threads": 1}}
    with serving(tmp_path / "server", settings) as server:
        asking = threading.Thread(target=lambda: _ignored(server, LONG * 2), daemon=True)
        asking.start()
        parts = server.wait_until(lambda: list(folder.glob(".*.*.part")), "a file that is begun")
        (worker,) = server.workers()
        os.kill(worker, signal.SIGKILL)
        server.wait_until(lambda: not parts[0].exists(), "nothing left of it")
        server.wait_ready()
        assert said(server)
        page = server.metrics()
        assert 'vits_tts_audio_files_dropped_total{reason="unfinished"} 1.0' in page
        size = next(line for line in page.splitlines() if line.startswith("vits_tts_audio_files_b"))
        assert float(size.split()[-1]) == total(folder)


def _ignored(server: Server, text: str) -> None:
    try:
        httpx.post(f"{server.url}/tts", json={"text": text}, timeout=60)
    except httpx.HTTPError:
        return


def test_a_folder_that_is_removed(tmp_path: Path) -> None:
    """A removed folder is made again for the next file, and hashes stay the same."""
    folder = tmp_path / "server" / "audio"
    with speaking(tmp_path / "server") as server:
        first = said(server)
        moved = folder.rename(tmp_path / "moved")
        assert fetched(server, first).status_code == 404
        assert said(server) == first
        assert fetched(server, first).content == (moved / f"{first}.wav").read_bytes()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
