// Connects the page: the controls, the requests to the server, and the display of the answers.

import { ANSWER, conversation, rateOf } from "./conversation.js";
import { Dictionary } from "./dictionary.js";
import { Form, SENTENCE } from "./form.js";
import { released } from "./press.js";
import { readingNodes } from "./reading.js";
import { Recording } from "./recording.js";
import { Problem, Service } from "./service.js";
import { settings } from "./settings.js";
import { SNIPPETS } from "./snippets.js";
import { Sound } from "./sound.js";
import { Words } from "./words.js";

const READING_PAUSE = 400; // milliseconds after the last key
const SECONDS_PER_CHARACTER = 0.07;
// Codes of problems after which the same request may succeed later.
const PASSING = ["unreachable", "interrupted", "busy", "not_ready", "rate_limited", "other"];

const root = document.documentElement;
const part = (name) => document.getElementById(name);

class Page {
  #talking = null; // aborts the speech under way
  #asking = null; // aborts the request for the spoken text
  #timer = 0;
  #read = null; // the text and its spoken form, as shown
  #problem = null;
  #answer = { heard: null, count: 0 };
  #conversing = false; // the speech under way is an answer of the conversation

  constructor() {
    this.words = new Words(settings.language);
    this.service = new Service();
    this.form = new Form(root.dataset, () => this.#changed());
    this.sound = new Sound();
    this.dictionary = new Dictionary(this.service, {
      hear: (rule) => this.#speak({ ...this.form.speech, ...rule }),
      changed: () => this.#dictionaryChanged(),
    });
    this.secured = root.dataset.keys === "true";
    part("access").hidden = !this.secured;
    part("more").hidden = root.dataset.docs !== "true";
    part("key").value = this.service.key = settings.key;
    part("keep").checked = Boolean(settings.key);
    this.#listen();
    this.#show();
    this.#loadVoices();
    if (!this.secured || this.service.key) this.dictionary.load();
    this.#askReading();
  }

  #listen() {
    part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#active) this.#stop();
      else this.#speak();
    });
    part("try").addEventListener("click", () => this.#speak({ ...this.form.speech, text: SENTENCE }));
    part("retry").addEventListener("click", () => this.#retry());
    part("converse").addEventListener("click", () => {
      if (this.#active && this.#conversing) this.#stop();
      else this.#converse();
    });
    part("download").addEventListener("click", () => this.#download());
    part("copy").addEventListener("click", () => this.#copy());
    part("key").addEventListener("change", () => this.#keyed());
    part("keep").addEventListener("change", () => this.#keyed());
    part("language").addEventListener("click", () => {
      settings.language = this.words.language === "vi" ? "en" : "vi";
      this.words = new Words(settings.language);
      this.#show();
    });
    part("theme").addEventListener("click", () => {
      settings.dark = !settings.dark;
      this.#showTheme();
    });
    settings.onSystemTheme(() => this.#showTheme());
    const { player } = this.sound;
    for (const event of ["rest", "sound"]) {
      player.addEventListener(event, () => this.#showSpeaking());
    }
    player.addEventListener("end", () => this.#ended());
    document.addEventListener("keydown", (event) => this.#pressed(event));
    const tabs = [...document.querySelectorAll("[role=tab]")];
    tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => this.#choose(tab));
      tab.addEventListener("keydown", ({ key }) => {
        const step = { ArrowRight: 1, ArrowLeft: tabs.length - 1 }[key];
        if (step) this.#choose(tabs[(index + step) % tabs.length], true);
      });
    });
  }

  #pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#speak();
    } else if (event.key === "Escape") {
      this.#stop();
    }
  }

  // --- speaking ---

  // True while audio is being received or played.
  get #active() {
    return Boolean(this.#talking) || this.sound.player.playing;
  }

  #speak(speech = this.form.speech) {
    const { sampleRate } = this.form;
    return this.#play(speech, sampleRate, (signal) => this.service.speech(speech, signal));
  }

  // Speak an answer while it is being written.
  #converse() {
    const { voice, speaker, speed = 1 } = this.form.speech;
    const sampleRate = rateOf(this.form.sampleRate);
    const speech = { text: ANSWER, ...(voice && { voice }), ...(speaker && { speaker }) };
    const begin = (signal) => this.#conversation({ speed, sampleRate }, signal);
    return this.#play(speech, sampleRate, begin, true);
  }

  async *#conversation(options, signal) {
    const address = await this.service.agentAddress(this.form.voice.value, options.sampleRate);
    signal.throwIfAborted();
    let text = "";
    this.#showAnswer(text);
    yield* conversation(address, options, signal, {
      written: (answer) => this.#showAnswer((text = answer)),
      heard: (count) => this.#showAnswer(text, count),
    });
  }

  // Play the sound that `begin` yields.
  async #play(speech, sampleRate, begin, conversing = false) {
    this.#stop();
    this.#conversing = conversing;
    this.service.key = part("key").value.trim(); // also if the field still has the focus
    const talking = (this.#talking = new AbortController());
    this.#showProblem(null);
    this.#say("waiting");
    this.#showSpeaking();
    const { length } = [...speech.text];
    try {
      this.sound.expect((length * SECONDS_PER_CHARACTER) / (speech.speed ?? 1) + 0.5, sampleRate);
      await this.#listenTo(speech, begin(talking.signal), talking);
      this.sound.complete(true);
    } catch (error) {
      if (this.#talking !== talking) return; // another speech has replaced it
      if (this.sound.recording) this.sound.complete(false);
      if (error.name !== "AbortError") this.#showProblem(error);
    }
    if (this.#talking === talking) this.#talking = null;
    this.#showSpeaking();
  }

  async #listenTo(speech, sound, talking) {
    for await (const arrived of sound) {
      talking.signal.throwIfAborted();
      if (typeof arrived === "number") {
        this.sound.begin(new Recording(arrived));
        this.spoken = speech;
        this.#say("speaking");
      } else {
        this.sound.add(arrived);
      }
    }
  }

  // The first failure may have been the request for the voices.
  #retry() {
    if (!this.form.offered) this.#loadVoices();
    part("speak").focus(); // because the pressed button disappears
    this.#speak();
  }

  #stop() {
    if (!this.#active) return;
    const stopped = new DOMException("stopped", "AbortError");
    stopped.playedMs = Math.round(this.sound.player.position * 1000);
    this.#talking?.abort(stopped);
    this.#talking = null;
    if (this.sound.recording) this.sound.complete(false);
    this.sound.player.pause();
    this.#say("stopped");
    this.#showSpeaking();
  }

  #ended() {
    this.#say("done", { seconds: this.words.number(this.sound.recording.seconds, 1) });
  }

  async #download() {
    const format = this.form.format.value;
    const name = `speech.${format}`;
    this.#say("downloading");
    try {
      const file =
        format === "wav"
          ? this.sound.recording.toWav()
          : await this.service.file({ ...this.spoken, format });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      this.#say("downloaded", { name });
    } catch (error) {
      this.#showProblem(error);
    }
  }

  // --- the spoken text, and the request as a program ---

  #changed() {
    this.#showProblem(null); // it belonged to the previous request
    this.form.count();
    this.#showCode();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#askReading(), READING_PAUSE);
  }

  // Another dictionary is chosen, or has other rules.
  #dictionaryChanged() {
    this.form.dictionaries = this.dictionary.names;
    this.#read = null;
    this.#showCode();
    this.#askReading();
  }

  async #askReading() {
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { text } = this.form.speech;
    if (text === this.#read?.text) return;
    if (!text.trim() || this.form.length > this.form.limit) {
      this.#read = null;
      this.#showReading();
      return;
    }
    try {
      this.#read = { text, reading: await this.service.reading(this.form.speech, this.#asking.signal) };
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#read = null; // the request for speech will show the reason
    }
    this.#showReading();
  }

  #showReading() {
    const nodes = this.#read ? readingNodes(this.#read.text, this.#read.reading, this.words) : ["–"];
    part("reading").replaceChildren(...nodes);
  }

  #choose(tab, focus = false) {
    for (const other of document.querySelectorAll("[role=tab]")) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    part("code").setAttribute("aria-labelledby", tab.id);
    if (focus) tab.focus();
    this.#showCode();
  }

  #showCode() {
    const { code } = document.querySelector("[role=tab][aria-selected=true]").dataset;
    const format = this.form.format.value;
    part("code-words").textContent = SNIPPETS[code]({
      url: this.service.address("tts/stream"),
      speech: { ...this.form.speech, ...(format !== "wav" && { format }) },
      file: `speech.${format}`,
      secured: this.secured,
    });
  }

  async #copy() {
    const text = part("code-words").textContent;
    const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    const done = copied || copiedBySelection(part("code-words"));
    this.#say(done ? "copied" : "not_copied");
    part("copy").textContent = this.words.say(done ? "copied" : "copy");
    setTimeout(() => (part("copy").textContent = this.words.say("copy")), 2000);
  }

  // --- the rest ---

  async #loadVoices() {
    try {
      const { voices } = await this.service.voices();
      released(() => {
        this.form.offer(voices, this.words);
        this.#showCode();
      });
    } catch (error) {
      if (this.secured && !this.service.key) part("key").focus();
      else this.#showProblem(error);
    }
  }

  #keyed() {
    this.service.key = part("key").value.trim();
    settings.key = part("keep").checked ? this.service.key : "";
    released(() => {
      this.#showProblem(null);
      this.#loadVoices();
      if (!this.secured || this.service.key) this.dictionary.load();
      this.#askReading();
    });
  }

  #say(name, values) {
    part("status").textContent = this.words.say(name, values);
  }

  #showProblem(error) {
    this.#problem = error;
    part("problem").hidden = !error;
    if (!error) return;
    if (!(error instanceof Problem)) console.error(error);
    const code = error instanceof Problem ? error.code : "no_sound";
    const known = this.words.say(`errors.${code}`) ? code : "other";
    part("retry").hidden = !PASSING.includes(known);
    part("problem-words").textContent = this.words.say(`errors.${known}`, {
      count: this.words.number(this.form.length),
      limit: this.words.number(this.form.limit),
      seconds: error.retryAfter,
      id: error.id,
    });
    part("status").textContent = "";
  }

  #showSpeaking() {
    const word = this.#active ? "stop" : "speak";
    part("speak").dataset.state = word;
    part("speak-word").dataset.word = word;
    part("speak-word").textContent = this.words.say(word);
    const { dataset } = part("converse");
    dataset.word = this.#active && this.#conversing ? "interrupt" : "converse";
    part("converse").textContent = this.words.say(dataset.word);
  }

  // Show the answer so far. After an interruption, `heard` characters of it were heard.
  #showAnswer(text, heard = null) {
    const letters = [...text];
    const rest = document.createElement("s");
    rest.textContent = heard === null ? "" : letters.slice(heard).join("");
    part("answer").replaceChildren(letters.slice(0, heard ?? letters.length).join(""), rest);
    this.#answer = { heard, count: letters.length };
    this.#showHeard();
  }

  #showHeard() {
    const { heard, count } = this.#answer;
    const [known, all] = [heard ?? 0, count].map((value) => this.words.number(value));
    part("heard").textContent = heard === null ? "" : this.words.say("heard", { heard: known, all });
  }

  #showTheme() {
    root.dataset.theme = settings.dark ? "dark" : "light";
    part("theme").setAttribute("aria-pressed", String(settings.dark));
    this.sound.show(this.words);
  }

  #show() {
    this.words.show(document);
    part("language").textContent = this.words.say("other_language");
    part("language").lang = this.words.language === "vi" ? "en" : "vi";
    this.form.show(this.words);
    this.sound.show(this.words);
    this.dictionary.show(this.words);
    this.#showTheme();
    this.#showReading();
    this.#showCode();
    this.#showHeard();
    this.#showSpeaking();
    this.#showProblem(this.#problem);
  }
}

// Copies without the Clipboard API, which browsers do not offer over plain HTTP.
function copiedBySelection(element) {
  getSelection().selectAllChildren(element);
  return document.execCommand("copy");
}

new Page();
