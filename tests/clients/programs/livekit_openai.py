"""LiveKit's plugin for OpenAI: URL KEY VOICE TEXT FILE. Writes PCM at 24 kHz.

With its default model the plugin asks for events, and for MP3, which it decodes itself.
"""

import asyncio
import sys
from pathlib import Path

from livekit.plugins import openai


async def main(url: str, key: str, voice: str, text: str, path: str) -> None:
    """Write the speech of a text into a file."""
    speaker = openai.TTS(base_url=f"{url}/v1", api_key=key, voice=voice)
    data = b""
    async with speaker.synthesize(text) as stream:
        async for event in stream:
            assert event.frame.sample_rate == 24000
            data += bytes(event.frame.data)
    await speaker.aclose()
    Path(path).write_bytes(data)


asyncio.run(main(*sys.argv[1:]))
