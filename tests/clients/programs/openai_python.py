"""OpenAI's client for Python: URL KEY VOICE TEXT FILE. Writes PCM at 24 kHz."""

import sys
from pathlib import Path

import openai

url, key, voice, text, path = sys.argv[1:]
client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
with client.audio.speech.with_streaming_response.create(
    model="gpt-4o-mini-tts", voice=voice, input=text, response_format="pcm"
) as response:
    Path(path).write_bytes(b"".join(response.iter_bytes()))
