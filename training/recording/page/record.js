// The recorder's page: shows a sentence, records it as raw samples, and has it stored and judged.

import { WORDS, phrase } from "./words.js";

const RATE = 48000;
const SHOWN = 60; // dB that the level's track shows
const FULL = 0.999; // as in levels.py: three such samples in a row were cut off
const CLIPPED_RUN = 3;
const NOISE_BLOCKS = 250; // some five seconds
const NOISE_GOOD = -60;
const NOISE_FAIR = -48;
const NEEDED = ["echoCancellation", "noiseSuppression", "autoGainControl"]; // to be off

const element = (id) => document.getElementById(id);
const token = location.hash.slice(1);
addEventListener("hashchange", () => location.reload()); // the address of another run

// --- language and theme ---

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // a private window: the choice lasts until it is closed
  }
}

const languages = [remembered("language"), ...navigator.languages];
let language = languages.map((tag) => tag?.slice(0, 2)).find((tag) => tag in WORDS) ?? "vi";
const say = (name, values) => phrase(language, name, values);
const number = (value, digits) =>
  value === null ? "–" : value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

// --- state ---

let prompts = [];
let longest = 60; // seconds
let keptSeconds = 0;
let index = 0;
let state = "off"; // off, ready, recording, sending
let take = null; // the last take of this sentence, as the server judged it
let blocks = []; // of the take under way, or of one that could not be sent
let microphone = null; // {context, stream, node}
let clippedSamples = 0;
let fullRun = 0;
let peakHold = -Infinity;
let quiet = []; // levels of the last blocks, from which the noise is estimated
let problem = null; // [name of a phrase, values] or the server's own words

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(`api/${path}`, { method, body, headers: { Authorization: `Bearer ${token}` } });
  } catch {
    throw { phrase: ["unreachable"] };
  }
  if (answer.ok) return answer;
  const words = (await answer.json().catch(() => null))?.error?.message;
  throw words ? { words } : { phrase: ["unreachable"] };
}

async function attempt(work) {
  problem = null;
  try {
    await work();
  } catch (error) {
    if (!error.phrase && !error.words) throw error;
    problem = error;
  }
  show();
}

// --- the microphone ---

const decibels = (power) => 10 * Math.log10(Math.max(power, 1e-12));

async function openMicrophone(deviceId) {
  closeMicrophone();
  let stream;
  try {
    const raw = Object.fromEntries(NEEDED.map((name) => [name, false]));
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { ...raw, channelCount: 1, sampleRate: RATE, ...(deviceId && { deviceId: { exact: deviceId } }) },
    });
  } catch (error) {
    throw { phrase: [error.name === "NotFoundError" || error.name === "OverconstrainedError" ? "missing" : "denied"] };
  }
  let context = new AudioContext({ sampleRate: RATE });
  let source;
  try {
    source = context.createMediaStreamSource(stream);
  } catch {
    context.close(); // some browsers do not resample a microphone; the program will
    context = new AudioContext();
    source = context.createMediaStreamSource(stream);
  }
  await context.audioWorklet.addModule("microphone.js");
  await context.resume();
  const node = new AudioWorkletNode(context, "microphone", { channelCount: 1, channelCountMode: "explicit" });
  node.port.onmessage = ({ data }) => hearBlock(data);
  source.connect(node).connect(context.destination); // silence, without which some do not run it
  const [track] = stream.getAudioTracks();
  track.onended = () => attempt(() => {
    closeMicrophone();
    throw { phrase: ["ended"] };
  });
  microphone = { context, stream, node, source };
  const used = track.getSettings();
  const kept = NEEDED.filter((name) => used[name]);
  element("processing").hidden = kept.length === 0;
  element("processing").textContent = say("processing", { what: kept.join(", ") });
  await listDevices(used.deviceId);
  quiet = [];
  state = "ready";
}

function closeMicrophone() {
  if (!microphone) return;
  microphone.node.port.onmessage = null;
  for (const track of microphone.stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
  microphone.context.close();
  microphone = null;
  state = "off";
}

async function listDevices(used) {
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "audioinput");
  element("device").replaceChildren(
    ...devices.map(({ deviceId, label }) => new Option(label || deviceId, deviceId, false, deviceId === used)),
  );
}

function hearBlock(samples) {
  let power = 0;
  let peak = 0;
  for (const sample of samples) {
    power += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
    fullRun = Math.abs(sample) >= FULL ? fullRun + 1 : 0;
    if (fullRun === CLIPPED_RUN) clippedSamples += CLIPPED_RUN;
    else if (fullRun > CLIPPED_RUN) clippedSamples++;
  }
  const level = decibels(power / samples.length);
  peakHold = Math.max(decibels(peak * peak), peakHold - 0.3);
  quiet.push(level);
  if (quiet.length > NOISE_BLOCKS) quiet.shift();
  drawLevel(level);
  if (state !== "recording") return;
  blocks.push(samples);
  const seconds = (blocks.length * samples.length) / microphone.context.sampleRate;
  put("seconds", `${number(seconds, 1)} s`);
  if (seconds > longest - 1) stop();
}

function drawLevel(level) {
  const share = (value) => Math.min(1, Math.max(0, 1 + value / SHOWN));
  element("bar").style.transform = `scaleX(${share(level)})`;
  element("hold").style.left = `${share(peakHold) * 100}%`;
  const noise = [...quiet].sort((a, b) => a - b)[Math.floor(quiet.length / 10)];
  const grade = noise < NOISE_GOOD ? "good" : noise < NOISE_FAIR ? "fair" : "bad";
  put("peak", `${number(peakHold, 0)} dB`);
  put("noise", `${number(noise, 0)} dB`);
  put("noise-word", say(`noise_${grade}`));
  put("clip", String(clippedSamples));
  element("noise-box").classList.toggle("alarm", grade === "bad");
  element("clip-box").classList.toggle("alarm", clippedSamples > 0);
  element("level").setAttribute("aria-valuenow", Math.round(Math.max(-SHOWN, level)));
}

// Screen readers announce again what is written again, so write only changes.
function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

const put = (id, words) => write(element(id), words);

// --- recording ---

function start() {
  if (state !== "ready") return;
  element("player")?.remove();
  blocks = [];
  take = null;
  problem = null;
  clippedSamples = 0;
  put("seconds", `${number(0, 1)} s`);
  state = "recording";
  show();
}

function stop() {
  if (state !== "recording" || !blocks.length) return;
  state = "sending";
  show();
  attempt(send);
}

async function send() {
  const rate = microphone?.context.sampleRate ?? RATE;
  try {
    state = "sending";
    const prompt = prompts[index];
    const answer = await ask("POST", `prompts/${prompt.id}/takes?rate=${rate}`, new Blob(blocks));
    take = await answer.json();
    prompt.takes = take.take;
    blocks = [];
  } finally {
    state = microphone ? "ready" : "off";
  }
}

async function hear() {
  const prompt = prompts[index];
  const answer = await ask("GET", `prompts/${prompt.id}/${take ? `takes/${take.take}` : "kept"}`);
  element("player")?.remove();
  const player = Object.assign(document.createElement("audio"), { id: "player" });
  player.src = URL.createObjectURL(await answer.blob());
  player.onended = () => player.remove();
  document.body.append(player);
  await player.play().catch(() => {}); // removed before it began
}

async function keep() {
  const prompt = prompts[index];
  const answer = await ask("PUT", `prompts/${prompt.id}/kept`, JSON.stringify({ take: take.take }));
  keptSeconds = (await answer.json()).seconds;
  prompt.kept = true;
  goTo(nextOpen() ?? index);
}

// Return the index of the next sentence without a chosen take, after this one or from the start.
function nextOpen() {
  for (let step = 1; step <= prompts.length; step++) {
    const place = (index + step) % prompts.length;
    if (!prompts[place].kept) return place;
  }
  return null;
}

function goTo(place) {
  if (state === "recording" || state === "sending" || !(place in prompts)) return;
  element("player")?.remove();
  index = place;
  take = null;
  blocks = [];
  problem = null;
  element("seconds").textContent = "";
  show();
}

// --- showing ---

function show() {
  document.documentElement.lang = language;
  document.title = say("title");
  for (const node of document.querySelectorAll("[data-word]")) write(node, say(node.dataset.word));
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  write(element("language"), say("other"));
  element("language").lang = language === "vi" ? "en" : "vi";
  document.body.dataset.state = state;
  element("open").hidden = state !== "off";
  element("device").hidden = state === "off";
  element("device").disabled = state !== "ready";
  element("meters").hidden = state === "off";
  const words = problem && (problem.words ?? say(...problem.phrase));
  element("problem").hidden = !words;
  write(element("problem"), words ?? "");
  element("retry").hidden = !(problem && blocks.length && state === "ready");
  if (prompts.length) showPrompt(prompts[index]);
}

function showPrompt(prompt) {
  const recording = state === "recording";
  put("place", say(prompt.kept ? "place_kept" : "place", { number: index + 1, count: prompts.length }));
  put("prompt", prompt.text);
  put("reading", prompt.reading ?? "");
  element("reading-box").hidden = !prompt.reading;
  element("number").value = index + 1;
  element("number").max = prompts.length;
  put("record-word", say(recording ? "stop" : "record"));
  element("record").disabled = state === "off" || state === "sending";
  element("hear").disabled = recording || state === "sending" || !(take || prompt.kept);
  element("keep").disabled = recording || state === "sending" || !take;
  for (const id of ["number", "previous", "next", "open-next"]) element(id).disabled = recording || state === "sending";
  const kept = prompts.filter((each) => each.kept).length;
  element("progress").max = prompts.length;
  element("progress").value = kept;
  put("progress-words", say("progress_words", { kept, count: prompts.length, minutes: number(keptSeconds / 60, 1) }));
  showResult(kept);
}

function showResult(kept) {
  element("result").dataset.verdict = take?.verdict ?? "";
  if (state === "sending") put("verdict", say("sending"));
  else if (take) put("verdict", say(take.verdict, { take: take.take }));
  else put("verdict", kept === prompts.length ? say("finished") : "");
  const lines = [];
  if (take) {
    const { speech, noise, peak, seconds } = take.levels;
    lines.push(...take.reasons.map((reason) => reason[language]));
    lines.push(say("measures", { speech: number(speech, 0), noise: number(noise, 0), peak: number(peak, 0), seconds: number(seconds, 1) }));
  }
  element("reasons").replaceChildren(
    ...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
  );
}

// --- buttons and keys ---

const actions = {
  open: () => attempt(() => openMicrophone()),
  record: () => (state === "recording" ? stop() : start()),
  hear: () => attempt(hear),
  keep: () => attempt(keep),
  retry: () => attempt(send),
  previous: () => goTo(index - 1),
  next: () => goTo(index + 1),
  "open-next": () => goTo(nextOpen() ?? index),
  language: () => {
    language = language === "vi" ? "en" : "vi";
    remember("language", language);
    show();
  },
  theme: () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"),
};

for (const [id, act] of Object.entries(actions)) {
  element(id).addEventListener("click", (event) => {
    if (event.detail) element(id).blur(); // a mouse: keys go to the page again
    act();
  });
}
element("device").addEventListener("change", ({ target }) => attempt(() => openMicrophone(target.value)));
element("number").addEventListener("change", ({ target }) => {
  goTo(Number(target.value) - 1);
  target.value = index + 1;
});

const keys = { " ": "record", Enter: "keep", l: "hear", r: "record", ArrowLeft: "previous", ArrowRight: "next" };

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest("button, select, input")) return; // they have their own keys
  const id = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!id) return;
  event.preventDefault();
  if (!element(id).disabled) actions[id]();
});

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  element("theme").setAttribute("aria-pressed", String(theme === "dark"));
  remember("theme", theme);
}

const theme = remembered("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.documentElement.dataset.theme = theme;
element("theme").setAttribute("aria-pressed", String(theme === "dark"));

await attempt(async () => {
  const answer = await (await ask("GET", "prompts")).json();
  ({ prompts, longest, seconds: keptSeconds } = answer);
  index = prompts.length - 1;
  index = nextOpen() ?? 0; // goes on where one stopped
});
