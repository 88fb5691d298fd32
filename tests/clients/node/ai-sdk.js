// Vercel's AI SDK: URL KEY VOICE TEXT FILE. Writes WAV.
import { writeFile } from "node:fs/promises";
import { createOpenAI } from "@ai-sdk/openai";
import { experimental_generateSpeech as generateSpeech } from "ai";

const [url, key, voice, text, path] = process.argv.slice(2);
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
const { audio } = await generateSpeech({
  model: openai.speech("tts-1"),
  text,
  voice,
  outputFormat: "wav",
  maxRetries: 0,
});
await writeFile(path, audio.uint8Array);
