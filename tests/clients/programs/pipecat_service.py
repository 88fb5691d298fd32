"""Pipecat's services in a small pipeline: SERVICE URL KEY VOICE TEXT FILE. Writes PCM.

SERVICE is ``openai`` or ``piper``; the URL of the latter is that of Piper's server.
"""

import asyncio
import sys
from pathlib import Path

import aiohttp
from pipecat.frames.frames import EndFrame, ErrorFrame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


class Ear(FrameProcessor):
    """Collects the sound and the errors."""

    def __init__(self) -> None:
        """Start without sound."""
        super().__init__()
        self.data = b""

    async def process_frame(self, frame, direction: FrameDirection) -> None:
        """Store a frame and pass it on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            assert frame.sample_rate == 24000
            self.data += frame.audio
        await self.push_frame(frame, direction)


async def main(kind: str, url: str, key: str, voice: str, text: str, path: str) -> None:
    """Write the speech of a text into a file, with a pipeline that ends after it."""
    async with aiohttp.ClientSession() as session:
        if kind == "openai":
            from pipecat.services.openai.tts import OpenAITTSService

            settings = OpenAITTSService.Settings(voice=voice)
            service = OpenAITTSService(api_key=key, base_url=f"{url}/v1", settings=settings)
        else:
            from pipecat.services.piper.tts import PiperHttpTTSService

            settings = PiperHttpTTSService.Settings(voice=voice or None)
            service = PiperHttpTTSService(base_url=url, aiohttp_session=session, settings=settings)
        errors = []

        @service.event_handler("on_connection_error")
        async def _(_service, error) -> None:
            errors.append(error)

        ear = Ear()
        task = PipelineTask(
            Pipeline([service, ear]),
            params=PipelineParams(audio_out_sample_rate=24000),
            enable_rtvi=False,
        )

        @task.event_handler("on_pipeline_error")
        async def _(_task, frame: ErrorFrame) -> None:
            errors.append(frame.error)

        await task.queue_frames([TTSSpeakFrame(text), EndFrame()])
        await PipelineRunner(handle_sigint=False).run(task)
        assert not errors, errors
        Path(path).write_bytes(ear.data)


asyncio.run(main(*sys.argv[1:]))
