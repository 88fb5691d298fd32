// The audio on the page: its waveform, the player's position, and the numbers beside it.

import { Player } from "./player.js";
import { Waveform } from "./waveform.js";

const part = (name) => document.getElementById(name);

const clock = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export class Sound {
  recording = null;
  #expected = 0;
  #facts = {};
  #frame = 0;
  #pressed = 0;

  constructor() {
    this.player = new Player();
    this.wave = new Waveform(part("wave"), () => this.#draw());
    this.player.addEventListener("sound", ({ detail }) => this.#sounded(detail));
    this.player.addEventListener("rest", () => this.#show());
    part("play").addEventListener("click", () => this.toggle());
    part("position").addEventListener("input", ({ target }) => {
      this.player.seek(Number(target.value));
      this.#show();
    });
  }

  // Prepare for a new speech of about this many seconds.
  expect(seconds, sampleRate) {
    this.#pressed = performance.now();
    this.player.pause();
    this.player.prepare(sampleRate);
    this.recording = null;
    this.#facts = {};
    this.#expected = seconds;
    this.wave.expect(seconds);
    this.#show();
  }

  begin(recording) {
    this.recording = recording;
    this.player.load(recording);
    this.player.play(0);
    this.#show();
  }

  add(samples) {
    this.recording.add(samples);
    this.player.grown();
    this.#show();
  }

  // End the recording; `whole` is false if it was interrupted.
  complete(whole) {
    const { recording } = this;
    recording.complete = true;
    this.#expected = 0;
    if (whole && recording.length) {
      this.#facts.factor = (performance.now() - this.#pressed) / 1000 / recording.seconds;
    }
    this.player.grown();
    this.#show();
  }

  toggle() {
    if (this.player.playing) this.player.pause();
    else if (this.player.position >= this.recording.seconds) this.player.play(0);
    else this.player.play();
    this.#show();
  }

  show(words) {
    this.words = words;
    this.#show();
  }

  #sounded(moment) {
    this.#facts.first ??= moment - this.#pressed;
    this.#show();
  }

  #show() {
    const { words, recording, player } = this;
    const ready = Boolean(recording?.length);
    part("sound").dataset.state = player.playing ? "playing" : ready ? "resting" : "empty";
    part("play").disabled = part("position").disabled = !ready;
    part("play").dataset.label = player.playing ? "pause" : "play";
    part("play").setAttribute("aria-label", words.say(part("play").dataset.label));
    part("download").disabled = !recording?.complete || !ready;
    const { first, factor } = this.#facts;
    const told = (value, unit, digits) => words.say(unit, { value: words.number(value, digits) });
    part("first").textContent = first ? told(Math.round(first), "milliseconds", 0) : "–";
    part("factor").textContent = factor ? words.number(factor, factor < 0.1 ? 3 : 2) : "–";
    part("length").textContent = ready ? told(recording.seconds, "seconds", 1) : "–";
    this.#draw();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    const { recording, player, words } = this;
    const seconds = recording?.seconds ?? 0;
    const position = Math.min(player.position, seconds);
    const moving = this.wave.draw(recording, position, Math.max(this.#expected, seconds) || 1);
    part("now").textContent = clock(position);
    part("whole").textContent = clock(seconds);
    const slider = part("position");
    slider.max = seconds;
    slider.value = position;
    const [now, whole] = [position, seconds].map((value) => words.number(value, 0));
    slider.setAttribute("aria-valuetext", words.say("position_value", { now, whole }));
    if (player.playing || moving) this.#frame = requestAnimationFrame(() => this.#draw());
  }
}
