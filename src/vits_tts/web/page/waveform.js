// Draws a recording: a bar for every few pixels, as high as its loudest sample. The played part has
// the accent colour.

const BAR = 3;
const STEP = 5; // from bar to bar, in pixels
const QUIETEST = 0.02; // share of the height: silence is a dot
const LOUDNESS = 0.7; // exponent that makes a bar's height closer to the perceived loudness
const EASE = 0.18; // share of the way to the next scale in each frame

export class Waveform {
  #canvas;
  #span = 0; // seconds from edge to edge, while the scale changes

  constructor(canvas, redraw) {
    this.#canvas = canvas;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    new ResizeObserver(redraw).observe(canvas);
  }

  // Show this many seconds at once, without an animation.
  expect(seconds) {
    this.#span = seconds;
  }

  // Draw, and return whether the scale is still changing.
  draw(recording, position, span) {
    this.#span = this.still.matches || !this.#span ? span : this.#span + (span - this.#span) * EASE;
    const settled = Math.abs(span - this.#span) < span * 0.002;
    if (settled) this.#span = span;
    this.#paint(recording, position);
    return !settled;
  }

  #paint(recording, position) {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const density = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * density);
    this.#canvas.height = Math.round(height * density);
    const pen = this.#canvas.getContext("2d");
    const { color, accentColor } = getComputedStyle(this.#canvas);
    pen.scale(density, density);
    const bars = Math.floor(width / STEP);
    for (let bar = 0; bar < bars; bar++) {
      const from = (bar / bars) * this.#span;
      const to = ((bar + 1) / bars) * this.#span;
      const there = recording && from < recording.seconds;
      const level = there ? recording.peak(from, to) ** LOUDNESS : 0
      const length = Math.max(BAR, Math.max(QUIETEST, level) * height);
      pen.globalAlpha = there ? 1 : 0.4;
      pen.fillStyle = there && from < position ? accentColor : color;
      pen.beginPath();
      pen.roundRect(bar * STEP + 1, (height - length) / 2, BAR, length, BAR / 2);
      pen.fill();
    }
  }
}
