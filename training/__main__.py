"""Run one of the programs: ``python -m training COMMAND …``."""

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "new": ("training.new", "make a voice from a folder of recordings"),
    "inspect": ("training.inspection.command", "look at recordings before training"),
    "record": ("training.recording.command", "show prompts and keep recordings of them"),
    "prepare": ("training.prepare", "turn the recordings of the embedded voice into features"),
    "align": ("training.align", "find the durations of phones"),
    "train": ("training.train", "train one network"),
    "export": ("training.export", "write a trained voice as ONNX"),
    "evaluate": ("training.evaluate", "measure the embedded voice beside recordings and another"),
    "minutes": ("training.minutes", "compare voices that learn from more and fewer minutes"),
}
"""The module of each command, which is imported only for it, and its description."""


def usage() -> str:
    """Return the list of commands."""
    lines = [f"  {name:9} {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(["usage: python -m training COMMAND …", "", *lines, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; return its exit status."""
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments), "--help"]
    if name in {"-h", "--help"}:
        sys.stdout.write(usage())
        return 0
    if name not in COMMANDS:
        sys.stderr.write(f"there is no command {name!r:.40}\n{usage()}")
        return 2
    sys.argv[0] = f"python -m training {name}"  # argparse shows it
    try:
        module = importlib.import_module(COMMANDS[name][0])
    except ModuleNotFoundError as error:
        advice = "run `uv sync --group training`"
        sys.stderr.write(f"{name}: the package {error.name} is not installed: {advice}\n")
        return 1
    status: int | None = module.main(rest[:-1])
    return status or 0


if __name__ == "__main__":
    sys.exit(main())
