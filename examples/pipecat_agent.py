"""A voice agent with pipecat, whose speech this server makes while the model still writes.

    pip install "pipecat-ai[cartesia]"
    python examples/pipecat_agent.py --url http://127.0.0.1:8888 --output answer.wav

A script stands in for the model, so that the example runs without an account; put a real one, such
as pipecat's ``OpenAILLMService``, in its place. In a call, a transport with speech recognition
takes the place of ``Recorder``. ``--interrupt`` plays a caller who
interrupts the answer after a second.
"""

import argparse
import asyncio
import wave

from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.tts_service import TextAggregationMode
from pipecat.transcriptions.language import Language

RATE = 24000
WORDS_A_SECOND = 20
ANSWER = (
    "Dạ vâng, em chào anh ạ. Chuyến tàu SE1 khởi hành lúc 20:50 ngày 5/3, "
    "giá vé là 1.200.000 đồng. Anh có muốn em giữ chỗ không ạ?"
)


class ScriptedModel(FrameProcessor):
    """Writes its answer word by word, as a language model does."""

    async def answer(self) -> None:
        """Write the answer."""
        await self.push_frame(LLMFullResponseStartFrame())
        for word in ANSWER.split(" "):
            await self.push_frame(LLMTextFrame(f"{word} "))
            await asyncio.sleep(1 / WORDS_A_SECOND)
        await self.push_frame(LLMFullResponseEndFrame())

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass a frame on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Recorder(FrameProcessor):
    """Keeps the sound that a transport would play."""

    def __init__(self) -> None:
        """Begin without sound."""
        super().__init__()
        self.sound = b""
        self.heard = asyncio.Event()
        self.stopped = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Keep the sound of a frame, and pass it on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.sound += frame.audio
            self.heard.set()
        if isinstance(frame, TTSStoppedFrame):
            self.stopped.set()
        await self.push_frame(frame, direction)


async def main(url: str, key: str, voice: str, output: str, *, interrupt: bool) -> None:
    """Let the agent answer once, and write the sound into a WAV file."""
    model, recorder = ScriptedModel(), Recorder()
    speaker = CartesiaTTSService(
        api_key=key,
        url=f"{url.replace('http', 'ws', 1)}/tts/websocket",
        text_aggregation_mode=TextAggregationMode.TOKEN,  # this server finds the sentences
        settings=CartesiaTTSService.Settings(voice=voice, language=Language.VI),
    )
    task = PipelineTask(
        Pipeline([model, speaker, recorder]),
        params=PipelineParams(audio_out_sample_rate=RATE),
        enable_rtvi=False,
    )

    async def converse() -> None:
        writing = asyncio.create_task(model.answer())
        await recorder.heard.wait()
        print("the first sound is there; the model", "has ended" if writing.done() else "writes on")
        if interrupt:
            await asyncio.sleep(1)
            writing.cancel()
            await task.queue_frame(InterruptionFrame())
        else:
            await writing
            await recorder.stopped.wait()
        await task.queue_frame(EndFrame())

    await asyncio.gather(PipelineRunner(handle_sigint=False).run(task), converse())
    with wave.open(output, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(recorder.sound)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8888")
    parser.add_argument("--key", default="none")
    parser.add_argument("--voice", default="vi_VN-vais1000-compact")
    parser.add_argument("--output", default="answer.wav")
    parser.add_argument("--interrupt", action="store_true")
    asyncio.run(main(**vars(parser.parse_args())))
