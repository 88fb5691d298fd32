"""Accounts of use from outside: real servers, killed, without Redis and with a broken disk."""

import asyncio
import csv
import io
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.cli import Ended, run_several
from tests.support.redis import RedisServer
from tests.support.server import Server, Settings, serving, until
from tests.support.voices import install_pair
from vits_tts.config import load
from vits_tts.usage import Accounts, Amounts
from vits_tts.usage.model import today
from vits_tts.usage.store import UsageStore
from vits_tts.web.auth.api_keys import make_key

(AN, AN_LINE), (BINH, BINH_LINE) = make_key("an"), make_key("binh")
AN_HEADERS, BINH_HEADERS = {"X-API-Key": AN}, {"X-API-Key": BINH}
Json = dict[str, Any]


def settings(**sections: Any) -> Settings:
    """Return settings with two keys and the small voice."""
    base: Settings = {
        "voice": {"name": "pair"},
        "access": {"keys": [AN_LINE, BINH_LINE]},
        "jobs": {"enabled": True},
    }
    for name, section in sections.items():
        base[name] = {**base.get(name, {}), **section}
    return base


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server of two workers."""
    folder = tmp_path_factory.mktemp("usage")
    install_pair(folder / "voices")
    with serving(folder, settings(server={"workers": 2})) as found:
        yield found


def used(server: Server, headers: dict[str, str], **query: str) -> Json:
    """Return the account of a key."""
    response = httpx.get(f"{server.url}/v1/usage", params=query, headers=headers)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def say(server: Server, text: str, headers: dict[str, str], path: str = "/tts") -> httpx.Response:
    """Return the answer to a request for speech."""
    return httpx.post(f"{server.url}{path}", json={"text": text}, headers=headers, timeout=60)


def booked(server: Server, headers: dict[str, str], requests: int) -> Json:
    """Wait until the account of a key has a number of requests, and return its sum."""

    def look() -> Json | None:
        total: Json = used(server, headers)["total"]
        return total if total["requests"] >= requests else None

    found = until(look, f"{requests} requests", server.explain)
    assert found
    assert found["requests"] == requests
    return found


def test_each_request_is_booked_once(server: Server) -> None:
    """Requests of all workers add up, by key; cached and synthesised sound are distinguished."""
    before = used(server, BINH_HEADERS)["total"]["requests"]
    seconds = made = characters = 0.0
    for number in range(6):
        for repeated in (False, True):
            answer = say(server, f"Câu số {number}.", BINH_HEADERS)
            assert answer.headers["X-Characters"] == str(len(f"Câu số {number}."))
            long = float(answer.headers["X-Audio-Seconds"])
            assert long == pytest.approx(answer.json()["seconds"], abs=0.001)
            seconds += long
            made += 0 if repeated else long
            characters += len(f"Câu số {number}.")
    total = booked(server, BINH_HEADERS, before + 12)
    assert total["characters"] == characters
    assert total["seconds"] == pytest.approx(seconds, abs=0.1)
    assert total["made_seconds"] == pytest.approx(made, rel=0.1)
    assert total["cached_seconds"] == pytest.approx(total["seconds"] - total["made_seconds"], abs=1)
    assert used(server, BINH_HEADERS)["key"] == "binh"


def test_streams_and_refusals(server: Server) -> None:
    """A stream is booked with what it sent; a refused request is not booked."""
    before = used(server, AN_HEADERS)["total"]
    text = "Một câu để nghe."
    stream = say(server, text, AN_HEADERS, "/tts/stream")
    assert stream.headers["X-Characters"] == str(len(text))
    assert say(server, " ", AN_HEADERS).status_code == 400
    assert say(server, "...", AN_HEADERS).status_code == 400
    total = booked(server, AN_HEADERS, before["requests"] + 1)
    assert total["characters"] - before["characters"] == len(text)
    heard = (len(stream.content) - 44) / 2 / int.from_bytes(stream.content[24:28], "little")
    assert total["seconds"] - before["seconds"] == pytest.approx(heard, abs=0.01)


def test_items_of_jobs_are_booked(server: Server) -> None:
    """The items of a job are booked when they are made, for the key that requested them."""
    before = used(server, AN_HEADERS)["total"]
    texts = ["Bài một.", "Bài hai, dài hơn."]
    body = {"items": [{"text": text} for text in texts]}
    begun = httpx.post(f"{server.url}/v1/jobs", json=body, headers=AN_HEADERS, timeout=60).json()

    def job() -> Json:
        answer: Json = httpx.get(
            f"{server.url}/v1/jobs/{begun['id']}", headers=AN_HEADERS, timeout=60
        ).json()
        return answer

    until(lambda: job()["status"] == "succeeded", "the end of the job", server.explain)
    total = used(server, AN_HEADERS)["total"]
    assert total["items"] - before["items"] == 2
    assert total["requests"] == before["requests"]
    assert total["characters"] - before["characters"] == sum(map(len, texts))
    seconds = total["seconds"] - before["seconds"]
    assert seconds == pytest.approx(job()["progress"]["seconds"], abs=0.01)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-02-30"}, "since"),
        ({"since": "x"}, "since"),
        ({"until": "20260203"}, "until"),
        ({"since": "2026-02-03", "until": "2026-02-02"}, "until"),
    ],
)
def test_wrong_days(server: Server, query: dict[str, str], field: str) -> None:
    """Invalid days are refused."""
    answer = httpx.get(f"{server.url}/v1/usage", params=query, headers=AN_HEADERS)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["field"] == field
    wrong = f"{field} must be a day such as 2026-11-29"
    assert error["message"] == ("until is before since" if len(query) > 1 else wrong)


def test_accounts_survive_kill_9(tmp_path: Path) -> None:
    """After the death of all processes the accounts are those of the answers given before."""
    install_pair(tmp_path / "voices")
    with serving(tmp_path, settings()) as first:
        for number in range(5):
            assert say(first, f"Câu {number}.", AN_HEADERS).is_success
        booked(first, AN_HEADERS, 5)
        for process in [first.process.pid, *first.workers()]:
            os.kill(process, signal.SIGKILL)
    with serving(tmp_path, settings()) as second:
        assert booked(second, AN_HEADERS, 5)["characters"] == 5 * len("Câu 0.")
        assert say(second, "Câu nữa.", BINH_HEADERS).is_success
        booked(second, BINH_HEADERS, 1)
    every, one, early, month, table, both, backwards = run_several(
        tmp_path,
        ["usage", "--csv"],
        ["usage", "--csv", "--key", "binh"],
        ["usage", "--csv", "--since", "2020-01-01", "--until", "2020-01-31"],
        ["usage", "--csv", "--by", "month"],
        ["usage"],
        ["usage", "--csv", "--json"],
        ["usage", "--since", "2020-02-01", "--until", "2020-01-31"],
    )
    assert {row["key"]: row["requests"] for row in rows(every)} == {"an": "5", "binh": "1"}
    assert [row["key"] for row in rows(one)] == ["binh"]
    assert rows(early) == []
    assert [len(row["period"]) for row in rows(month)] == [7, 7]
    assert table.status == 0
    assert (both.status, backwards.status) == (2, 2)
    assert "exclude each other" in both.stderr
    assert "--since is after --until" in backwards.stderr
    assert [line.split()[1] for line in table.stdout.splitlines()] == ["key", "an", "binh"]


def rows(found: Ended) -> list[dict[str, str]]:
    """Return the rows that `vits-tts usage --csv` has printed."""
    assert found.status == 0, found.stderr
    return list(csv.DictReader(io.StringIO(found.stdout)))


def test_budgets(tmp_path: Path) -> None:
    """A key beyond its budget is refused, also after a restart or a reload; another key is not."""
    install_pair(tmp_path / "voices")

    def limited(status: int) -> Settings:
        return settings(usage={"budgets": {"an": {"characters": 30}}, "budget_status": status})

    def assert_refused(server: Server, status: int) -> None:
        refused = say(server, "Mười hai chữ", AN_HEADERS)
        assert refused.status_code == status
        error = refused.json()["error"]
        assert error["code"] == "budget_exceeded"
        assert error["message"] == (
            "the text has 12 characters; 6 are left of the budget of 30 in this month"
        )
        assert ("Retry-After" in refused.headers) == (status == 429)

    with serving(tmp_path, limited(402)) as first:
        assert say(first, "Mười hai chữ", AN_HEADERS).is_success
        state = used(first, AN_HEADERS)["budget"]
        assert state["characters"] == {"limit": 30, "used": 12}
        assert state["seconds"] is None
        assert say(first, "Mười hai chữ", AN_HEADERS).is_success
        until(
            lambda: used(first, AN_HEADERS)["budget"]["characters"]["used"] == 24,
            "both requests are known",
        )
    with serving(tmp_path, limited(402)) as second:
        assert_refused(second, 402)
        before = second.workers()
        second.configure(limited(429))
        second.process.send_signal(signal.SIGHUP)
        second.wait_until(lambda: set(second.workers()).isdisjoint(before), "another worker")
        assert_refused(second, 429)
        assert say(second, "Sáu ký", AN_HEADERS).is_success
        assert say(second, "Mười hai chữ", BINH_HEADERS).is_success
        assert used(second, BINH_HEADERS)["budget"] is None


def test_replicas_and_loss_of_redis(tmp_path: Path) -> None:
    """Machines add up without counting twice; an emptied Redis gets all accounts back."""
    redis = RedisServer(tmp_path / "redis")
    try:
        shared = settings(cache={"redis": {"url": redis.url, "prefix": "t"}})
        for name in ("a", "b"):
            install_pair(tmp_path / name / "voices")
        with serving(tmp_path / "a", shared) as a, serving(tmp_path / "b", shared) as b:
            for number in range(3):
                assert say(a, f"Máy a, câu {number}.", AN_HEADERS).is_success
            for number in range(2):
                assert say(b, f"Máy b, câu {number}.", AN_HEADERS).is_success
            total = booked(a, AN_HEADERS, 5)
            assert booked(b, AN_HEADERS, 5)["characters"] == total["characters"]
            redis.stop()
            assert say(a, "Redis không còn.", AN_HEADERS).is_success
            booked(a, AN_HEADERS, 6)
            redis.start()
            booked(b, AN_HEADERS, 6)
            until(lambda: redis.keys("t:usage:*"), "Redis has the accounts again")
        with redis.client() as client:
            name = redis.keys("t:usage:*")[0].decode()
            assert len(client.hgetall(name)) == 2
    finally:
        redis.stop()


def test_disk_that_cannot_be_written(tmp_path: Path) -> None:
    """Bookings wait in memory, the server says so, and they are written when the disk is back."""
    install_pair(tmp_path / "voices")
    blocked = tmp_path / "usage"
    blocked.write_text("a file in place of the folder", encoding="utf-8")
    with serving(tmp_path, settings()) as server:
        assert say(server, "Đĩa hỏng.", AN_HEADERS).is_success
        server.wait_for("usage: accounts cannot be kept on the disk")
        assert httpx.get(f"{server.url}/readyz").json()["degraded"] == "usage"
        assert "\nvits_tts_usage_unsaved 1.0" in server.metrics()
        refused = httpx.get(f"{server.url}/v1/usage", headers=AN_HEADERS)
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_failed")
        blocked.unlink()
        server.wait_for("usage: accounts can be kept on the disk again")
        booked(server, AN_HEADERS, 1)
        assert httpx.get(f"{server.url}/readyz").json()["status"] == "ready"


def test_damaged_accounts(tmp_path: Path) -> None:
    """A damaged file is put aside, and the server continues with a new one."""
    install_pair(tmp_path / "voices")
    (tmp_path / "usage").mkdir()
    (tmp_path / "usage/usage.sqlite").write_bytes(b"no database" * 1000)
    with serving(tmp_path, settings()) as server:
        assert say(server, "Vẫn nói.", AN_HEADERS).is_success
        booked(server, AN_HEADERS, 1)
    assert list((tmp_path / "usage").glob("*.damaged-*"))


def test_requests_in_the_last_moment_of_a_process(tmp_path: Path) -> None:
    """While a process ends, open connections bring requests; those that are answered are booked."""
    install_pair(tmp_path / "voices")
    with serving(tmp_path, {"voice": {"name": "pair"}}) as server:
        assert httpx.get(f"{server.url}/tts/stream?text=xin").status_code == 200
        answers = 1 + asyncio.run(answers_while_ending(server))
        server.process.wait(30)
        store = UsageStore(next(tmp_path.rglob("usage.sqlite")).parent)
        booked = sum(row.amounts.requests for month in store.months() for row in store.rows(month))
        store.close()
        assert 10 < answers <= booked


async def answers_while_ending(server: Server) -> int:
    """End a server, send a request on each of many open connections, and count the answers.

    The process ends a second after the signal. The requests are spread over a longer time.
    """
    port = int(server.url.rpartition(":")[2])
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(120)]
    server.process.send_signal(signal.SIGTERM)
    asked = []
    for reader, writer in connections:
        asked.append(asyncio.create_task(answered(reader, writer)))
        await asyncio.sleep(0.012)
    return sum(await asyncio.gather(*asked))


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Send a request and return whether the whole answer came."""
    try:
        writer.write(b"GET /tts/stream?text=xin HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = await reader.read()
    except OSError:
        return False
    finally:
        writer.close()
    return answer.startswith(b"HTTP/1.1 200 ")


async def test_an_unexpected_error_loses_no_amounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amounts stay in memory while they cannot be written, for any reason, and this is reported."""
    path = tmp_path / "config.yaml"
    path.write_text(f"usage: {{folder: {tmp_path / 'usage'}}}", "utf-8")
    broken = True
    write = UsageStore.add

    def add(store: UsageStore, amounts: Any) -> None:
        if broken:
            raise ValueError("a fault of our own")
        write(store, amounts)

    monkeypatch.setattr(UsageStore, "add", add)
    accounts = Accounts(load(path))
    accounts.book("an", Amounts(requests=1, characters=5))
    accounts.start()
    assert not await accounts.saved(0.5)
    assert accounts.trouble
    broken = False
    accounts.book("an", Amounts(requests=1, characters=6))
    assert await accounts.saved(30.0)
    found = await accounts.summaries(today() - timedelta(days=1), today(), "an")
    assert sum(day.amounts.characters for day in found) == 11
    await accounts.close()


async def test_amounts_that_are_waited_for_are_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller that waits until amounts are written does not wait for more amounts to come."""
    monkeypatch.setattr("vits_tts.usage.accounts._GATHER_SECONDS", 1e9)
    path = tmp_path / "config.yaml"
    path.write_text(f"usage: {{folder: {tmp_path / 'usage'}}}", "utf-8")
    accounts = Accounts(load(path))
    accounts.start()
    for _ in range(2):
        accounts.book("an", Amounts(items=1, characters=5))
        assert await accounts.saved(30.0)
    found = await accounts.summaries(today() - timedelta(days=1), today(), "an")
    assert sum(day.amounts.items for day in found) == 2
    await accounts.close()
