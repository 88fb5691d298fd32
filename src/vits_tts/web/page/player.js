// Plays a recording while it grows, in slices. Each slice starts at the frame after the end of the
// one before. The context runs at the recording's sample rate, because resampling each slice
// separately would be audible where two slices meet.

const AHEAD_SECONDS = 3; // background tabs wake up once a second
const SLICE_SECONDS = 0.5;
const LEAD_SECONDS = 0.05; // between now and the first sample, so that none is late
const TICK_MILLISECONDS = 200;

// Events: `sound` at the first sample (its detail is that time, on the clock of performance.now()),
// `rest` whenever playing stops, `end` when all has been played.
export class Player extends EventTarget {
  #context = null;
  #recording = null;
  #slices = []; // slices given to the context: {node, frame, start, length}
  #next = 0; // the first sample of the next slice
  #frame = 0; // the context's frame at which it starts; 0 for as soon as possible
  #resting = 0; // the position in samples while nothing plays
  #timer = 0;

  get playing() {
    return this.#timer !== 0;
  }

  // The position in seconds.
  get position() {
    return this.#recording ? this.#sample() / this.#recording.sampleRate : 0;
  }

  // Create the context during the user's gesture: browsers block audio that starts without one.
  prepare(sampleRate) {
    if (this.#context?.sampleRate !== sampleRate) {
      this.#context?.close();
      this.#context = new AudioContext({ sampleRate });
    }
    this.#context.resume();
  }

  load(recording) {
    this.pause();
    this.#recording = recording;
    this.#resting = 0;
    this.prepare(recording.sampleRate);
  }

  play(seconds = this.position) {
    this.#silence();
    this.#context.resume();
    this.#next = this.#resting = Math.round(seconds * this.#recording.sampleRate);
    this.#frame = 0;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.grown(), TICK_MILLISECONDS);
    this.grown();
  }

  pause() {
    if (!this.playing) return;
    this.#resting = this.#sample();
    this.#silence();
    clearInterval(this.#timer);
    this.#timer = 0;
    this.dispatchEvent(new Event("rest"));
  }

  seek(seconds) {
    if (this.playing) this.play(seconds);
    else this.#resting = Math.round(seconds * this.#recording.sampleRate);
  }

  // Give the context the samples that have arrived, up to a few seconds ahead; detect the end.
  grown() {
    if (!this.playing) return;
    const { sampleRate, length, complete } = this.#recording;
    const now = this.#context.currentTime * sampleRate;
    while (this.#next < length && this.#frame < now + AHEAD_SECONDS * sampleRate) {
      this.#hand(this.#next, Math.min(length, this.#next + SLICE_SECONDS * sampleRate));
    }
    this.#slices = this.#slices.filter((slice) => slice.frame + slice.length > now - sampleRate);
    if (complete && this.#next >= length && now >= this.#frame) {
      this.pause();
      this.#resting = length;
      this.dispatchEvent(new Event("end"));
    }
  }

  #hand(start, end) {
    const { sampleRate } = this.#recording;
    const now = this.#context.currentTime;
    const first = this.#frame === 0;
    if (this.#frame < now * sampleRate) this.#frame = Math.ceil((now + LEAD_SECONDS) * sampleRate);
    const buffer = this.#context.createBuffer(1, end - start, sampleRate);
    buffer.copyToChannel(this.#recording.floats(start, end), 0);
    const node = new AudioBufferSourceNode(this.#context, { buffer });
    node.connect(this.#context.destination);
    node.start(this.#frame / sampleRate);
    this.#slices.push({ node, frame: this.#frame, start, length: end - start });
    if (first) {
      const moment = performance.now() + (this.#frame / sampleRate - now) * 1000;
      this.dispatchEvent(new CustomEvent("sound", { detail: moment }));
    }
    this.#frame += end - start;
    this.#next = end;
  }

  #sample() {
    if (!this.playing) return this.#resting;
    const heard = this.#context.currentTime - (this.#context.outputLatency || 0);
    const now = heard * this.#recording.sampleRate;
    const slice = this.#slices.findLast(({ frame }) => frame <= now);
    return slice ? slice.start + Math.min(slice.length, Math.round(now - slice.frame)) : this.#resting;
  }

  #silence() {
    for (const { node } of this.#slices) {
      node.stop();
      node.disconnect();
    }
    this.#slices = [];
  }
}
