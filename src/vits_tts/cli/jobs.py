"""The commands ``jobs``, for the jobs of a server, and ``work``, which processes a queue."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import quote

import click

from vits_tts.cli.options import Examples, Load, config_option
from vits_tts.cli.progress import progress
from vits_tts.errors import ConfigError, Unavailable
from vits_tts.telemetry.printable import printable

_LOOK_SECONDS: Final = 1.0
_UNFINISHED: Final = ("queued", "running")
_PATIENCE_SECONDS: Final = 300.0
_PERCENT: Final = 100
_FAILED: Final = 1
_JOBS: Final = 100
_ITEMS: Final = 1000
"""Entries of a list that are requested at a time: the server reads a job with all its items."""
_PAGES_AT_MOST: Final = 1000

F = TypeVar("F", bound=Callable[..., Any])


def _url_option(command: F) -> F:
    """Add the option ``--url``, the address of the server that has the jobs."""
    return click.option(
        "--url",
        default="http://127.0.0.1:8888",
        show_default=True,
        metavar="URL",
        help="The server; its API key comes from VITS_TTS_API_KEY.",
    )(command)


def _call(url: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    from vits_tts.cli.remote import Connection

    return Connection(url).object(f"/v1/jobs{path}", body)


def _all(url: str, path: str, name: str, size: int) -> Iterator[dict[str, Any]]:
    """Yield the entries of a list of the server, ``size`` at a time.

    An entry may come twice if others are added meanwhile.
    """
    for page in range(_PAGES_AT_MOST):
        entries = _call(url, f"{path}?limit={size}&offset={page * size}")[name]
        yield from entries
        if len(entries) < size:
            return


def _path(job_id: str, end: str = "") -> str:
    return f"/{quote(job_id, safe='')}{end}"


def _line(job: dict[str, Any]) -> str:
    """Return one line about a job."""
    counts, seconds = job["counts"], job["progress"]["seconds"]
    total = sum(counts.values())
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    return printable(
        f"{job['id']}  {job['status']:<9}  {counts['succeeded']}/{total} items{failed}  "
        f"{seconds:.1f} s of sound  {job['created']}"
    )


@click.group()
def jobs() -> None:
    """List, follow, cancel and retry the jobs of a server."""


@jobs.command("list", cls=Examples, examples=("vits-tts jobs list",))
@_url_option
def list_jobs(url: str) -> None:
    """List the jobs, the newest first."""
    shown: set[str] = set()
    for job in _all(url, "", "jobs", _JOBS):
        if job["id"] not in shown:
            shown.add(job["id"])
            click.echo(_line(job))
    if not shown:
        click.echo("vits-tts: there are no jobs", err=True)


@jobs.command(cls=Examples, examples=("vits-tts jobs show job-0123456789abcdef01234567",))
@click.argument("job_id", metavar="ID")
@_url_option
def show(job_id: str, url: str) -> None:
    """Show a job, its items, and the one file of a document."""
    job = _call(url, _path(job_id))
    click.echo(_line(job))
    for item in _all(url, _path(job_id, "/items"), "items", _ITEMS):
        click.echo(_file_line(item["id"] or item["index"], item))
    if job["result"]:
        click.echo(_file_line("result", job["result"]))


def _file_line(name: str | int, file: dict[str, Any]) -> str:
    """Return one line about a file: its state, and its address or the reason of its failure."""
    error = file["error"]
    told = f"{error['code']}: {error['message']}" if error else file["audio_url"] or ""
    return printable(f"{name}  {file['status']:<9}  {told}".rstrip())


@jobs.command(cls=Examples, examples=("vits-tts jobs watch job-0123456789abcdef01234567",))
@click.argument("job_id", metavar="ID")
@_url_option
def watch(job_id: str, url: str) -> None:
    """Follow a job to its end; exit with status 1 unless it succeeds.

    A server that is restarted meanwhile, or lacks its queue, is waited for up to five minutes.
    """
    job = _call(url, _path(job_id))
    seen = time.monotonic()
    with progress(_PERCENT, job_id) as show_progress:
        while job["status"] in _UNFINISHED:
            show_progress(_percent(job))
            time.sleep(_LOOK_SECONDS)  # between two requests; Ctrl-C ends it at once
            try:
                job = _call(url, _path(job_id))
            except (ConfigError, Unavailable):
                if time.monotonic() - seen > _PATIENCE_SECONDS:
                    raise
            else:
                seen = time.monotonic()
        show_progress(_PERCENT)
    click.echo(_line(job))
    if job["status"] != "succeeded":
        raise click.exceptions.Exit(_FAILED)


def _percent(job: dict[str, Any]) -> int:
    """Return the share of a job that is done: of its sound, or else of its items."""
    counts, made = job["counts"], job["progress"]
    share: float = 1 - (counts["queued"] + counts["running"]) / sum(counts.values())
    if made["expected_seconds"]:
        share = max(share, min(made["seconds"] / made["expected_seconds"], 1.0))
    return round(float(share) * _PERCENT)


@jobs.command(cls=Examples, examples=("vits-tts jobs cancel job-0123456789abcdef01234567",))
@click.argument("job_id", metavar="ID")
@_url_option
def cancel(job_id: str, url: str) -> None:
    """Cancel the items of a job that have not ended."""
    click.echo(_line(_call(url, _path(job_id, "/cancel"), {})))


@jobs.command(cls=Examples, examples=("vits-tts jobs retry job-0123456789abcdef01234567",))
@click.argument("job_id", metavar="ID")
@_url_option
def retry(job_id: str, url: str) -> None:
    """Try the failed and cancelled items of a job again."""
    click.echo(_line(_call(url, _path(job_id, "/retry"), {})))


@click.command(cls=Examples, examples=("vits-tts work", "vits-tts work --config worker.yaml"))
@config_option
def work(load: Load) -> None:
    """Run the jobs of a queue (`jobs.url`, `jobs.folder`) until SIGTERM, without serving HTTP."""
    from vits_tts.server.job_worker import work_on_jobs

    work_on_jobs(load())
