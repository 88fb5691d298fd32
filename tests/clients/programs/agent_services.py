"""Pipecat's and LiveKit's services for ElevenLabs and Cartesia: SERVICE URL VOICE TEXT FILE.

Writes PCM at 24 kHz. The text is given word by word, as a model writes it. Each service is pointed
at the server by its own option.
"""

import asyncio
import sys
from pathlib import Path

RATE = 24000


async def by_livekit(kind: str, url: str, voice: str, text: str) -> bytes:
    """Return the sound of a stream of LiveKit's plugin."""
    import aiohttp
    from livekit.plugins import cartesia, elevenlabs

    async with aiohttp.ClientSession() as session:
        options = {"api_key": "none", "http_session": session}
        if kind == "elevenlabs":
            speaker = elevenlabs.TTS(
                base_url=f"{url}/v1", voice_id=voice, encoding="pcm_24000", **options
            )
        else:
            speaker = cartesia.TTS(base_url=url, voice=voice, language="vi", **options)
        data = b""
        stream = speaker.stream()
        for word in text.split(" "):
            stream.push_text(f"{word} ")
        stream.end_input()
        async for event in stream:
            assert event.frame.sample_rate == RATE
            data += bytes(event.frame.data)
        await stream.aclose()
        await speaker.aclose()
    return data


async def by_pipecat(kind: str, url: str, voice: str, text: str) -> bytes:
    """Return the sound of a pipeline whose model writes word by word."""
    from pipecat.frames.frames import (
        EndFrame,
        LLMFullResponseEndFrame,
        LLMFullResponseStartFrame,
        LLMTextFrame,
        TTSAudioRawFrame,
        TTSStoppedFrame,
    )
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.runner import PipelineRunner
    from pipecat.pipeline.task import PipelineParams, PipelineTask
    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.services.cartesia.tts import CartesiaTTSService
    from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
    from pipecat.transcriptions.language import Language

    class Ear(FrameProcessor):
        """Collects the sound until the speech has stopped."""

        def __init__(self) -> None:
            """Start without sound."""
            super().__init__()
            self.data = b""
            self.stopped = asyncio.Event()

        async def process_frame(self, frame, direction) -> None:
            """Store a frame and pass it on."""
            await super().process_frame(frame, direction)
            if isinstance(frame, TTSAudioRawFrame):
                self.data += frame.audio
            if isinstance(frame, TTSStoppedFrame):
                self.stopped.set()
            await self.push_frame(frame, direction)

    sockets = url.replace("http", "ws", 1)
    if kind == "elevenlabs":
        settings = ElevenLabsTTSService.Settings(voice=voice)
        service = ElevenLabsTTSService(api_key="none", url=sockets, settings=settings)
    else:
        settings = CartesiaTTSService.Settings(voice=voice, language=Language.VI)
        service = CartesiaTTSService(
            api_key="none", url=f"{sockets}/tts/websocket", settings=settings
        )
    ear, errors = Ear(), []
    task = PipelineTask(
        Pipeline([service, ear]),
        params=PipelineParams(audio_out_sample_rate=RATE),
        enable_rtvi=False,
    )

    @task.event_handler("on_pipeline_error")
    async def _(_task, frame) -> None:
        errors.append(frame.error)
        ear.stopped.set()

    words = [LLMTextFrame(f"{word} ") for word in text.split(" ")]
    await task.queue_frames([LLMFullResponseStartFrame(), *words, LLMFullResponseEndFrame()])

    async def end() -> None:
        await ear.stopped.wait()
        await task.queue_frame(EndFrame())

    await asyncio.gather(PipelineRunner(handle_sigint=False).run(task), end())
    assert not errors, errors
    return ear.data


async def main(service: str, url: str, voice: str, text: str, path: str) -> None:
    """Write the speech of a text into a file."""
    framework, kind = service.split("-")
    speak = by_livekit if framework == "livekit" else by_pipecat
    async with asyncio.timeout(120):
        Path(path).write_bytes(await speak(kind, url, voice, text))


asyncio.run(main(*sys.argv[1:]))
