"""The command line of the recorder."""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from training.prompts.coverage import PROMPTS, read
from training.recording.takes import Busy, Recording, prompts_of

FAILED = 1
WRONG = 2  # the status that argparse gives wrong arguments


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the prompts into a folder; return the exit status.

    Args:
        arguments: Those after the name of the program; None for the process's own.

    """
    options = _parser().parse_args(arguments)
    try:
        prompts = prompts_of(read(options.prompts))
    except (OSError, ValueError) as error:
        return _fail(f"the prompts cannot be read: {error}", WRONG)
    try:
        recording = Recording(options.folder, prompts)
    except (OSError, Busy) as error:
        return _fail(f"{options.folder} cannot be used: {error}", FAILED)
    with closing(recording):
        if options.terminal:
            from training.recording.terminal import run  # noqa: PLC0415  # only where it is needed

            return run(recording)
        try:
            asyncio.run(_serve(recording, options.port))
        except KeyboardInterrupt:
            _print(f"What you kept is in {options.folder}: the same command goes on from there.")
        except OSError as error:
            return _fail(f"port {options.port} cannot be used: {error.strerror}", FAILED)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m training record",
        description="Record sentences for a voice of your own. The folder gets all takes, the "
        "chosen ones in wavs/ and metadata.csv, and the same command goes on where you stopped.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of the recording")
    parser.add_argument(
        "--prompts", type=Path, default=PROMPTS, metavar="FILE", help="lines of id|text"
    )
    parser.add_argument(
        "--terminal", action="store_true", help="record in the terminal, without a browser"
    )
    parser.add_argument(
        "--port", type=_port, default=0, help="of the page, on this machine only; default: any"
    )
    return parser


def _port(value: str) -> int:
    port = int(value)
    if not 0 <= port < 65_536:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


async def _serve(recording: Recording, port: int) -> None:
    from training.recording.server import Recorder  # noqa: PLC0415  # only where it is needed

    address = Recorder(recording, secrets.token_urlsafe(24)).start(port)
    _print(f"Open in a browser on this machine: {address}")
    _print("Ctrl-C ends the recorder; what you kept stays.")
    await asyncio.Event().wait()


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _fail(reason: str, status: int) -> int:
    sys.stderr.write(f"record: {reason}\n")
    return status
