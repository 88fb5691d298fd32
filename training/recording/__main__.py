"""Run the recorder: ``python -m training.recording FOLDER``."""

import sys

from training.recording.command import main

sys.exit(main())
