#!/usr/bin/env bash
# Set up, if that has not been done, and serve. Options go to `vits-tts serve`.
set -euo pipefail
cd "$(dirname "$0")"
unset PYTHONDONTWRITEBYTECODE # a start takes twice as long if everything is compiled again

scripts/install --no-dev
exec .venv/bin/vits-tts serve "$@"
