// The audio thread: hands the samples of the microphone to the page, unchanged.

const BLOCK = 1024; // samples, some 20 ms

class Microphone extends AudioWorkletProcessor {
  #block = new Float32Array(BLOCK);
  #length = 0;

  process([channels]) {
    const samples = channels[0];
    if (!samples) return true; // the microphone is not connected yet
    for (const sample of samples) {
      this.#block[this.#length++] = sample;
      if (this.#length === BLOCK) {
        this.port.postMessage(this.#block, [this.#block.buffer]);
        this.#block = new Float32Array(BLOCK);
        this.#length = 0;
      }
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
