"""Runs the command line for ``python -m vits_tts``."""

from vits_tts.cli import main

if __name__ == "__main__":
    main()
