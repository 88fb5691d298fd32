"""Cost model: the measured speed of a voice on this machine."""

from typing import Final

from vits_tts.inference.engine import Trial
from vits_tts.scheduling.scheduler import CROWDED_FACTOR

_WEIGHT_OF_NEW: Final = 0.1


class Rate:
    """A ratio of two quantities, learned from pairs of values.

    It is an exponentially weighted mean, in which new values and large values weigh more.
    """

    def __init__(self, guess: float, ordinary: float) -> None:
        """Start from the ratio ``guess``, with the weight of one value of size ``ordinary``."""
        self._ordinary = ordinary
        self._of, self._to = guess * ordinary, ordinary

    @property
    def value(self) -> float:
        """The current ratio."""
        return self._of / self._to

    def learn(self, of: float, to: float) -> None:
        """Add a measurement: ``of`` of the first quantity for ``to`` of the second."""
        kept = 1 - _WEIGHT_OF_NEW * min(1.0, to / self._ordinary)
        self._of = self._of * kept + of
        self._to = self._to * kept + to


class CostModel:
    """Predicts seconds of work and of speech from the length of a text, for one voice.

    - ``per_character``: seconds of work of the text stage for one character.
    - ``first_window``: seconds of work of the first window of a sentence.
    - ``per_second``: seconds of work of the frame stages for one second of speech. It is learned
      from whole sentences. First windows are short and cost more for each second. Many listeners
      that begin at once would make the voice look several times as slow as it is.
    - ``length``: seconds of speech for one character at ``length_scale`` 1.

    Until there are measurements, the values are those of a typical voice on a typical core, or of
    the sentence that the voice spoke on trial when it was loaded.
    """

    def __init__(self, trial: Trial | None = None) -> None:
        """Start with the values of ``trial``, or else with those of a typical voice."""
        self.guessed: Final = trial is None
        """True if the first values are no measurement of this voice."""
        self.per_character = Rate(0.001, 60)
        self.first_window = Rate(0.07, 1)
        self.per_second = Rate(0.1, 1)
        self.length = Rate(0.065, 60)
        if trial:
            self.per_character = Rate(CROWDED_FACTOR * trial.text / trial.characters, 60)
            self.first_window = Rate(CROWDED_FACTOR * trial.first_window, 1)
            self.per_second = Rate(CROWDED_FACTOR * trial.windows / trial.speech, 1)

    def speech(self, characters: int, length_scale: float) -> float:
        """Return the expected seconds of speech of a text with this many characters."""
        return self.length.value * characters * length_scale

    def work(self, characters: int, length_scale: float) -> float:
        """Return the expected seconds of one thread's work for a text with this many characters."""
        frames = self.speech(characters, length_scale) * self.per_second.value
        return self.per_character.value * characters + frames

    def start(self, characters: int) -> float:
        """Return the expected seconds of work before the first sound of a sentence."""
        return self.per_character.value * characters + self.first_window.value
