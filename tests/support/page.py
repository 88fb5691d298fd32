"""The page at `/` in a browser: typing, pressing, and the samples that it plays."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

from tests.support.server import until

TAP = """
(() => {
  // Note what is started, when, and that it leads to the loudspeaker.
  const heard = (window.heard = []);
  const loud = new WeakSet();
  const { connect } = AudioNode.prototype;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) loud.add(this);
    return connect.call(this, target, ...rest);
  };
  const { start } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (when, ...rest) {
    const samples = Array.from(this.buffer.getChannelData(0), (sample) => sample * 32768);
    heard.push({
      samples,
      frame: when * this.context.sampleRate,
      rate: this.buffer.sampleRate,
      contextRate: this.context.sampleRate,
      loud: loud.has(this),
    });
    return start.call(this, when, ...rest);
  };
})();
"""


@dataclass(frozen=True)
class Heard:
    """The samples that the page played, and the frame on which each slice starts."""

    samples: NDArray[np.int16]
    starts: list[float]
    lengths: list[int]
    sample_rate: int


def slices(page: Page) -> int:
    """Return the number of slices of sound that were started."""
    return int(page.evaluate("heard.length"))


def heard(page: Page, first: int = 0) -> Heard:
    """Return the samples from slice ``first`` on, and assert that all of them can be heard."""
    parts: list[dict[str, Any]] = page.evaluate(f"heard.slice({first})")
    rates = {part["rate"] for part in parts} | {part["contextRate"] for part in parts}
    assert len(rates) == 1, "nothing is resampled at the seams"
    assert all(part["loud"] for part in parts)
    samples = np.concatenate([np.array(part["samples"]) for part in parts])
    assert np.all(samples == np.round(samples))
    return Heard(
        samples.astype(np.int16),
        [part["frame"] for part in parts],
        [len(part["samples"]) for part in parts],
        int(rates.pop()),
    )


def wait_heard(page: Page, count: int, first: int = 0) -> Heard:
    """Wait until ``count`` samples were started from slice ``first`` on, and return them."""
    script = f"heard.slice({first}).reduce((sum, part) => sum + part.samples.length, 0)"
    until(lambda: page.evaluate(script) >= count, f"{count} samples", lambda: shown(page))
    return heard(page, first)


def shown(page: Page) -> str:
    """Return the visible text of the page, for a failing test."""
    return page.inner_text("body")


def write(page: Page, text: str, **choices: str) -> None:
    """Enter a text; ``choices`` are values of the page's lists (voice, speaker, speed, format)."""
    page.locator("#voice option").first.wait_for(state="attached")
    until(lambda: page.input_value("#voice"), "voices", lambda: shown(page))
    for name, value in choices.items():
        page.select_option(f"#{name}", value)
    page.fill("#text", text)
