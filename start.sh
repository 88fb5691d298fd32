#!/usr/bin/env bash
# Install if necessary, and serve. Options are passed to `vits-tts serve`.
set -euo pipefail
cd "$(dirname "$0")"
unset PYTHONDONTWRITEBYTECODE # without bytecode, a start takes twice as long

scripts/install --no-dev
exec .venv/bin/vits-tts serve "$@"
