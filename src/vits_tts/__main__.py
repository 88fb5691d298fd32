"""``python -m vits_tts`` is ``vits-tts``."""

from vits_tts.cli import main

if __name__ == "__main__":
    main()
