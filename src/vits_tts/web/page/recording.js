// The samples of one speech, which grow while they arrive.

const BLOCK_SECONDS = 0.005; // the finest resolution that is drawn
const HEADER_BYTES = 44;

export class Recording {
  #samples;
  #peaks = []; // the loudest sample of each block, 0 to 1

  constructor(sampleRate) {
    this.sampleRate = sampleRate;
    this.length = 0; // in samples
    this.complete = false;
    this.#samples = new Int16Array(sampleRate * 8);
    this.blockLength = Math.max(1, Math.round(sampleRate * BLOCK_SECONDS));
  }

  get seconds() {
    return this.length / this.sampleRate;
  }

  add(samples) {
    const length = this.length + samples.length;
    if (length > this.#samples.length) {
      const larger = new Int16Array(Math.max(length, this.#samples.length * 2));
      larger.set(this.#samples.subarray(0, this.length));
      this.#samples = larger;
    }
    this.#samples.set(samples, this.length);
    for (let index = 0; index < samples.length; index++) {
      const block = Math.floor((this.length + index) / this.blockLength);
      const level = Math.abs(samples[index]) / 32768;
      if (!(this.#peaks[block] >= level)) this.#peaks[block] = level;
    }
    this.length = length;
  }

  // Return samples from start up to end as floats in [-1, 1), for Web Audio.
  floats(start, end) {
    return Float32Array.from(this.#samples.subarray(start, end), (sample) => sample / 32768);
  }

  // Return the loudest level, 0 to 1, between two times in seconds.
  peak(from, to) {
    const perSecond = this.sampleRate / this.blockLength;
    const first = Math.floor(from * perSecond);
    const last = Math.max(first + 1, Math.floor(to * perSecond));
    let peak = 0;
    for (let block = first; block < last && block < this.#peaks.length; block++) {
      peak = Math.max(peak, this.#peaks[block]);
    }
    return peak;
  }

  // Return a WAV file with its length in the header, which a stream does not have.
  toWav() {
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    const bytes = this.length * 2;
    const name = (offset, text) =>
      [...text].forEach((letter, index) => header.setUint8(offset + index, letter.charCodeAt(0)));
    name(0, "RIFF");
    header.setUint32(4, bytes + HEADER_BYTES - 8, true);
    name(8, "WAVEfmt ");
    header.setUint32(16, 16, true);
    header.setUint16(20, 1, true); // PCM
    header.setUint16(22, 1, true); // mono
    header.setUint32(24, this.sampleRate, true);
    header.setUint32(28, this.sampleRate * 2, true);
    header.setUint16(32, 2, true);
    header.setUint16(34, 16, true);
    name(36, "data");
    header.setUint32(40, bytes, true);
    return new Blob([header, this.#samples.slice(0, this.length)], { type: "audio/wav" });
  }
}
