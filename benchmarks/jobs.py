"""Run jobs while their workers are killed and their disk fills, and listen beside a full queue.

    sudo .venv/bin/python benchmarks/jobs.py [--items 10000] [--kill-seconds 20] [--listens 40]
        [--gap 0.2] [--redis-seconds 30] [--scaling 200]

The first part gives a server of three worker processes this many items. Workers are killed by
`kill -9` at random, and the disk of the jobs is full for ten seconds. It checks that every item was
made once: none is lost, none has two results, and each file has the samples of its text. The disk
is a tmpfs, which only root can mount. The voice is the tests' tiny one, so the queue has most work.
With `--redis-seconds` the workers share a Redis, which is killed and started again, empty, after
that many seconds on average.

The second part measures the first sound of new sentences with the voice in the box, alternately
with an empty and with a full queue, and the speech that the queue gets meanwhile. Listeners come
without a pause, or with `--gap` at random, with this many seconds between two on average.

With `--scaling` a third part compares two processes of `vits-tts work` with one, each pinned to a
core of its own, with this many items and the voice in the box, in turns. It counts from the moment
at which all of them are ready. `--items 0` and `--listens 0` leave the other parts out. Prints
Markdown.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measuring_jobs.hard_times import hard_times
from benchmarks.measuring_jobs.listening import listeners
from benchmarks.measuring_jobs.scaling import scaling


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--kill-seconds", type=float, default=20)
    parser.add_argument("--listens", type=int, default=40)
    parser.add_argument("--gap", type=float, default=0)
    parser.add_argument("--redis-seconds", type=float, default=0)
    parser.add_argument("--scaling", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3, help="of --scaling")
    parser.add_argument("--seed", type=int, default=1)
    asked_for = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as folder:
        if asked_for.items:
            good = hard_times(
                Path(folder),
                asked_for.items,
                asked_for.kill_seconds,
                asked_for.redis_seconds,
                asked_for.seed,
            )
    with tempfile.TemporaryDirectory() as folder:
        if asked_for.listens:
            listeners(Path(folder), asked_for.listens // 4, asked_for.gap)
    if asked_for.scaling:
        scaling(asked_for.scaling, asked_for.rounds)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
