"""A voice agent with LiveKit Agents, whose speech this server makes while the model still writes.

    pip install livekit-agents livekit-plugins-elevenlabs
    python examples/livekit_agent.py --url http://127.0.0.1:8888 --output answer.wav

A script stands in for the model, and a file for the room, so that the example runs without an
account. With a real model and a room, ``Agent`` and ``speaker`` stay as they are.
"""

import argparse
import asyncio
import wave
from collections.abc import AsyncIterable

import aiohttp
from livekit import rtc
from livekit.agents import Agent, AgentSession, ModelSettings
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities
from livekit.plugins import elevenlabs

RATE = 24000
WORDS_A_SECOND = 20
ANSWER = (
    "Dạ vâng, em chào anh ạ. Chuyến tàu SE1 khởi hành lúc 20:50 ngày 5/3, "
    "giá vé là 1.200.000 đồng. Anh có muốn em giữ chỗ không ạ?"
)


async def scripted_model() -> AsyncIterable[str]:
    """Yield the answer word by word, as a language model does."""
    for word in ANSWER.split(" "):
        yield f"{word} "
        await asyncio.sleep(1 / WORDS_A_SECOND)


class Recorder(AudioOutput):
    """Keeps the sound that a room would play."""

    def __init__(self) -> None:
        """Begin without sound."""
        super().__init__(
            label="recorder",
            capabilities=AudioOutputCapabilities(pause=False),
            sample_rate=RATE,
        )
        self.sound = b""

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Keep the sound of a frame."""
        await super().capture_frame(frame)
        self.sound += bytes(frame.data)

    def flush(self) -> None:
        """Tell that the sound of an answer has been played."""
        super().flush()
        seconds = len(self.sound) / 2 / RATE
        self.on_playback_finished(playback_position=seconds, interrupted=False)

    def clear_buffer(self) -> None:
        """Do nothing: nothing waits to be played."""


class Assistant(Agent):
    """An agent whose words come from the script."""

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncIterable[rtc.AudioFrame]:
        """Yield the speech of a text, which is still being written."""
        async for frame in Agent.default.tts_node(self, text, model_settings):
            yield frame


async def main(url: str, key: str, voice: str, output: str) -> None:
    """Let the agent answer once, and write the sound into a WAV file."""
    async with aiohttp.ClientSession() as http:
        speaker = elevenlabs.TTS(
            base_url=f"{url}/v1",
            api_key=key,
            voice_id=voice,
            encoding="pcm_24000",
            http_session=http,
        )
        session = AgentSession(tts=speaker)
        recorder = session.output.audio = Recorder()
        await session.start(Assistant(instructions="Trả lời ngắn gọn."))
        await session.say(scripted_model())
        await session.aclose()
        await speaker.aclose()
    with wave.open(output, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(recorder.sound)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8888")
    parser.add_argument("--key", default="none")
    parser.add_argument("--voice", default="vi_VN-vais1000-compact")
    parser.add_argument("--output", default="answer.wav")
    asyncio.run(main(**vars(parser.parse_args())))
