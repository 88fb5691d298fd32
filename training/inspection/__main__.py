"""Run ``python -m training.inspection``."""

import sys

from training.inspection.command import main

if __name__ == "__main__":
    sys.exit(main())
