"""A process that runs jobs and serves no HTTP: the command ``work``."""

import asyncio
import contextlib
import signal
import sys

from loguru import logger

from vits_tts.config import Config
from vits_tts.config.jobs import check_storage
from vits_tts.jobs import JobService
from vits_tts.speech import build
from vits_tts.telemetry import logging
from vits_tts.usage import Accounts
from vits_tts.web.callbacks import Callbacks


def work_on_jobs(config: Config) -> None:
    """Run the jobs of the queue until SIGTERM or Ctrl-C; unfinished items go back to it.

    Raises:
        ConfigError: A setting cannot be used.
        VoiceError: A voice cannot be loaded.

    """
    check_storage(config.jobs, config.audio.link_seconds)
    logging.configure(config.logging, sys.stdout)
    asyncio.run(_work(config))


async def _work(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # asyncio raises this on Windows, where Ctrl-C raises KeyboardInterrupt instead.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    speech = build(config)
    speech.start()
    speech.start_threads()
    usage = Accounts(config)
    usage.start()
    jobs = JobService(config, speech, usage, Callbacks(config.callbacks))
    try:
        await asyncio.wrap_future(speech.voices.ready)
        speech.watch()
        jobs.watch()
        logger.info("working on jobs", threads=config.inference_threads)
        await stop.wait()
    finally:
        await jobs.close()
        await usage.close()
        await speech.close()
