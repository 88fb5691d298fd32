"""Tests of the recorder in a browser whose microphone is a file, over HTTP, and in a terminal."""

import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import barriers, opened, running_browser
from tests.support.page import shown
from tests.support.server import until
from training.recording import levels
from training.tests.test_levels import sound

ROOT = Path(__file__).parent.parent.parent
TEXTS = ["Anh về lúc nào thế?", "Tôi có 2 con mèo.", "Xin chào cả nhà!"]
RATE = 48_000
HERTZ = 440
LEVEL = -20.0  # dBFS

without_sounddevice = pytest.mark.skipif(
    find_spec("sounddevice") is not None, reason="the microphone of this machine would be used"
)


@dataclass(frozen=True)
class Recorder:
    """A running recorder: its folder, its page's address, its process."""

    folder: Path
    address: str
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        """The address without the token."""
        return self.address.partition("#")[0]

    @property
    def headers(self) -> dict[str, str]:
        """The header with the token."""
        return {"Authorization": "Bearer " + self.address.partition("#")[2]}


@contextmanager
def running(folder: Path) -> Iterator[Recorder]:
    """Run the recorder with three sentences."""
    prompts = folder / "prompts.txt"
    prompts.write_text("".join(f"{n:03}|{text}\n" for n, text in enumerate(TEXTS, 1)), "utf-8")
    voice = folder / "voice"
    command = [sys.executable, "-m", "training.recording", str(voice), "--prompts", str(prompts)]
    process = subprocess.Popen(  # noqa: S603  # its arguments are constants
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        found = re.search(r"http://127\.0\.0\.1:\d+/#\S+", process.stdout.readline())
        assert found
        yield Recorder(voice, found[0], process)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Run a recorder for the tests that keep no take."""
    with running(tmp_path_factory.mktemp("recorder")) as recorder:
        yield recorder


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Recorder]:
    """Run a recorder for one test."""
    with running(tmp_path) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Run a Chromium whose microphone plays a file again and again: a tone between silences."""
    file = tmp_path_factory.mktemp("microphone") / "speech.wav"
    time = np.arange(RATE // 2) / RATE
    tone = 10 ** (LEVEL / 20) * np.sqrt(2) * np.sin(2 * np.pi * HERTZ * time)
    soundfile.write(file, np.concatenate([np.zeros(RATE // 4), tone]), RATE, subtype="PCM_16")
    with running_browser(
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
    ) as chromium:
        yield chromium


def record(page: Page, key: str, take: int) -> None:
    """Record more than a second by the keyboard, and wait for the verdict."""
    expect(page.locator("#record")).to_be_enabled()
    page.keyboard.press(key)
    expect(page.locator("#record-word")).to_have_text("Dừng")
    seconds = page.locator("#seconds")
    until(
        lambda: float(seconds.inner_text().split()[0].replace(",", ".")) >= 1.5,
        "a second and a half",
        lambda: shown(page),
    )
    page.keyboard.press(key)
    expect(page.locator("#verdict")).to_contain_text(f"Lần thu {take}:")


def test_two_sentences_are_recorded_and_kept(fresh: Recorder, browser: Browser) -> None:
    """Takes have the microphone's own samples, chosen ones are in the folder of a corpus."""
    with opened(browser, fresh.url, permissions=["microphone"], locale="vi-VN") as page:
        expect(page.locator("#problem")).to_contain_text("open the address")
        page.goto(fresh.address)
        expect(page.locator("#prompt")).to_have_text(TEXTS[0])
        assert barriers(page) == []
        page.click("#open")
        record(page, "Space", 1)
        expect(page.locator("#reasons")).to_contain_text("tiếng ồn")
        assert barriers(page) == []
        record(page, "r", 2)
        page.keyboard.press("Enter")
        expect(page.locator("#prompt")).to_have_text(TEXTS[1])
        expect(page.locator("#reading")).to_have_text("tôi có hai con mèo.")
        record(page, "Space", 1)
        with page.expect_response("**/takes/1") as heard:
            page.keyboard.press("l")
        assert heard.value.ok
        page.keyboard.press("Enter")
        expect(page.locator("#prompt")).to_have_text(TEXTS[2])
        page.reload()
        expect(page.locator("#prompt")).to_have_text(TEXTS[2])
        expect(page.locator("#progress-words")).to_contain_text("2 trên 3")
        page.click("#language")
        page.click("#theme")
        expect(page.locator("#keep")).to_have_text("Keep, and go on")
        assert barriers(page) == []

    names = {path.relative_to(fresh.folder).as_posix() for path in fresh.folder.rglob("*.wav")}
    assert names == {
        *("takes/001-1.wav", "takes/001-2.wav", "takes/002-1.wav"),
        *("wavs/001.wav", "wavs/002.wav"),
    }
    metadata = (fresh.folder / "metadata.csv").read_text("utf-8")
    assert metadata == f"001|{TEXTS[0]}\n002|{TEXTS[1]}\n"
    for chosen, take in (("wavs/001.wav", "takes/001-2.wav"), ("wavs/002.wav", "takes/002-1.wav")):
        assert (fresh.folder / chosen).read_bytes() == (fresh.folder / take).read_bytes()
    for take in sorted(names):
        info = soundfile.info(fresh.folder / take)
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_24")
        assert info.duration >= 1.4
        samples, _ = soundfile.read(fresh.folder / take, dtype="float32")
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        assert spectrum.argmax() * RATE / len(samples) == pytest.approx(HERTZ, abs=1)
        # A gain or a suppression of noise, which attenuates a steady tone, would move the level.
        assert levels.measured(samples, RATE).speech == pytest.approx(LEVEL, abs=1)


def test_a_forbidden_microphone_is_told(recorder: Recorder, browser: Browser) -> None:
    """Without the permission the page says how to give it, and nothing can be recorded."""
    with opened(browser, recorder.url, locale="en-GB", permissions=[]) as page:
        page.goto(recorder.address)
        expect(page.locator("#prompt")).to_have_text(TEXTS[0])
        page.click("#open")
        expect(page.locator("#problem")).to_contain_text("does not allow the microphone")
        expect(page.locator("#record")).to_be_disabled()


def test_only_the_page_may_write(recorder: Recorder) -> None:
    """Foreign origins, other names of the host and wrong tokens store nothing."""
    body = sound().tobytes()
    before = set(recorder.folder.rglob("*.wav"))
    with httpx.Client(base_url=recorder.url) as client:
        for headers, code in [
            ({**recorder.headers, "Origin": "http://elsewhere.example"}, "origin_invalid"),
            ({**recorder.headers, "Origin": "null"}, "origin_invalid"),
            ({**recorder.headers, "Host": "elsewhere.example"}, "host_invalid"),
            ({}, "token_invalid"),
            ({"Authorization": "Bearer wrong"}, "token_invalid"),
            ({"Authorization": "Bearer"}, "token_invalid"),
        ]:
            answers = [
                client.post(f"api/prompts/001/takes?rate={RATE}", content=body, headers=headers),
                client.put("api/prompts/001/kept", json={"take": 1}, headers=headers),
                client.get("api/prompts", headers=headers),
            ]
            assert {answer.status_code for answer in answers} == {403}
            assert {answer.json()["error"]["code"] for answer in answers} == {code}
            assert not any("access-control-allow-origin" in answer.headers for answer in answers)
        preflight = client.options("api/prompts", headers={"Origin": "http://elsewhere.example"})
        assert preflight.status_code == 405
        assert "access-control-allow-origin" not in preflight.headers
        assert set(recorder.folder.rglob("*.wav")) == before
        own = {**recorder.headers, "Origin": recorder.url.rstrip("/")}
        stored = client.post(f"api/prompts/001/takes?rate={RATE}", content=body, headers=own)
        assert stored.json()["verdict"] == "good"
    assert len(set(recorder.folder.rglob("*.wav")) - before) == 1


def test_bad_requests_are_explained(recorder: Recorder) -> None:
    """Each wrong request gets a stable code and a client's status, and the recorder goes on."""
    takes = f"api/prompts/001/takes?rate={RATE}"
    before = set(recorder.folder.rglob("*.wav"))
    nan = struct.pack("<4f", 0, 0, float("nan"), 0)
    cases: list[tuple[str, str, bytes, int, str]] = [
        ("POST", takes, b"123", 400, "samples_invalid"),
        ("POST", takes, b"", 400, "length_invalid"),
        ("POST", takes, nan, 400, "samples_invalid"),
        ("POST", takes.replace("48000", "48k"), nan, 400, "rate_invalid"),
        ("POST", takes.replace("48000", "1"), nan, 400, "rate_invalid"),
        ("POST", takes.partition("?")[0], nan, 400, "rate_invalid"),
        ("POST", takes.replace("48000", "8000"), bytes(61 * 8000 * 4), 400, "length_invalid"),
        ("POST", takes.replace("001", "009"), nan, 404, "prompt_unknown"),
        ("POST", takes.replace("001", "..%2F..%2Fx"), nan, 404, "request_invalid"),
        ("PUT", "api/prompts/001/kept", b'{"take": 98}', 404, "take_unknown"),
        ("PUT", "api/prompts/001/kept", b'{"take": "1"}', 400, "take_invalid"),
        ("PUT", "api/prompts/001/kept", b'{"take": true}', 400, "take_invalid"),
        ("PUT", "api/prompts/001/kept", b"[" * 900, 400, "take_invalid"),
        ("PUT", "api/prompts/001/kept", bytes(2000), 413, "body_too_large"),
        ("GET", "api/prompts/001/takes/98", b"", 404, "take_unknown"),
        ("GET", "api/prompts/001/kept", b"", 404, "take_unknown"),
        ("DELETE", "api/prompts/001/kept", b"", 405, "request_invalid"),
        ("GET", "api/elsewhere", b"", 404, "request_invalid"),
        ("GET", "record.py", b"", 404, "request_invalid"),
    ]
    for method, path, body, status, code in cases:
        answer = httpx.request(
            method, recorder.url + path, content=body, headers=recorder.headers, timeout=60
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), path
    assert set(recorder.folder.rglob("*.wav")) == before
    answer = httpx.get(recorder.url + "api/prompts", headers=recorder.headers)
    assert [each["text"] for each in answer.json()["prompts"]] == TEXTS


def test_ctrl_c_says_where_the_takes_are(fresh: Recorder) -> None:
    """The recorder ends at Ctrl-C with status 0, and names the folder."""
    assert httpx.get(fresh.url).status_code == 200
    fresh.process.send_signal(signal.SIGINT)
    assert fresh.process.stdout
    assert str(fresh.folder) in fresh.process.stdout.read()
    assert fresh.process.wait() == 0


@without_sounddevice
def test_the_terminal_records_what_a_program_reads(tmp_path: Path) -> None:
    """In a terminal, arecord's samples are measured, kept and listed in the same way."""
    samples = np.round(sound() * 32_767).astype("<i2")
    (tmp_path / "sound.raw").write_bytes(samples.tobytes())
    programs = tmp_path / "bin"
    programs.mkdir()
    arecord = programs / "arecord"
    arecord.write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/sound.raw\nexec /bin/sleep 300\n")
    arecord.chmod(0o755)
    prompts = tmp_path / "prompts.txt"
    prompts.write_text(f"a|{TEXTS[0]}\nb|{TEXTS[1]}\n", "utf-8")
    folder = tmp_path / "voice"
    process = subprocess.Popen(  # noqa: S603
        [
            *(sys.executable, "-m", "training.recording", str(folder)),
            *("--terminal", "--prompts", str(prompts)),
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": str(programs)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout

    def wait_for(words: str) -> str:
        heard = ""
        while words not in heard:
            letter = process.stdout.read(1) if process.stdout else ""
            assert letter, heard
            heard += letter
        return heard

    def enter(line: str = "") -> None:
        assert process.stdin
        process.stdin.write(line + "\n")
        process.stdin.flush()

    wait_for("> ")
    enter()
    for _ in range(len(samples) // 4_800):
        wait_for(" dB ")  # the level is shown for each tenth of a second
    enter()
    assert "Take 1: good. Speech -20" in wait_for("> ")
    enter("k")
    assert "(tôi có hai con mèo.)" in wait_for("> ")
    enter("q")
    assert process.wait() == 0
    process.stdin.close()
    process.stdout.close()
    stored, rate = soundfile.read(folder / "wavs/a.wav", dtype="float32")
    assert rate == RATE
    assert np.array_equal(np.round(stored * 32_768), samples[: len(stored)])
    assert len(stored) >= len(samples) - 4_800
    assert (folder / "metadata.csv").read_text("utf-8") == f"a|{TEXTS[0]}\n"


@without_sounddevice
def test_a_terminal_without_microphone_says_what_to_install(tmp_path: Path) -> None:
    """If nothing can record, the program names the packages that can."""
    programs = tmp_path / "bin"
    programs.mkdir()
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "training.recording", str(tmp_path / "voice"), "--terminal"],
        cwd=ROOT,
        env={"PATH": str(programs)},
        input="\n\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "install the Python package sounddevice, or arecord" in result.stderr


def test_the_words_of_the_page_are_in_both_languages() -> None:
    """Each phrase of the page exists in Vietnamese and in English."""
    page = ROOT / "training/recording/page"
    source = (page / "words.js").read_text("utf-8")
    parts = re.findall(r"^  (?:vi|en): \{(.*?)^  \}", source, re.DOTALL | re.MULTILINE)
    vietnamese, english = (re.findall(r"^    (\w+):", part, re.MULTILINE) for part in parts)
    assert vietnamese == english
    used = re.findall(r'data-(?:word|label)="(\w+)"', (page / "index.html").read_text("utf-8"))
    assert len(used) > 10
    assert set(used) <= set(english)
