// OpenAI's client for Node: URL KEY VOICE TEXT FILE. Writes PCM at 24 kHz.
import { writeFile } from "node:fs/promises";
import OpenAI from "openai";

const [url, key, voice, text, path] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const response = await client.audio.speech.create({
  model: "gpt-4o-mini-tts",
  voice,
  input: text,
  response_format: "pcm",
});
await writeFile(path, Buffer.from(await response.arrayBuffer()));
