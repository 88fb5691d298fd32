"""How fast a voice is here: what it took lately of one thread's time."""

from typing import Final

_WEIGHT_OF_NEW: Final = 0.1


class Rate:
    """How much of one thing comes with another; what is newer weighs more, and what is larger."""

    def __init__(self, guess: float, ordinary: float) -> None:
        """Begin with a guess that counts like one value of an ``ordinary`` size."""
        self._ordinary = ordinary
        self._of, self._to = guess * ordinary, ordinary

    @property
    def value(self) -> float:
        """The rate."""
        return self._of / self._to

    def learn(self, of: float, to: float) -> None:
        """Take in that ``of`` came with ``to``."""
        kept = 1 - _WEIGHT_OF_NEW * min(1.0, to / self._ordinary)
        self._of = self._of * kept + of
        self._to = self._to * kept + to


class Pace:
    """Seconds of work and of speech that a text comes to, for one voice.

    ``per_character`` is the text's piece, ``per_second`` the work for a second of speech,
    ``length`` the seconds of speech of a character at the voice's own tempo. The guesses are an
    ordinary voice's on an ordinary core.
    """

    def __init__(self) -> None:
        """Begin with guesses."""
        self.per_character = Rate(0.001, 60)
        self.per_second = Rate(0.1, 1)
        self.length = Rate(0.065, 60)

    def speech(self, characters: int, length_scale: float) -> float:
        """Return how many seconds so many characters are expected to last."""
        return self.length.value * characters * length_scale

    def work(self, characters: int, length_scale: float) -> float:
        """Return how many seconds of work so many characters are expected to be."""
        frames = self.speech(characters, length_scale) * self.per_second.value
        return self.per_character.value * characters + frames

    def start(self, characters: int, window: float) -> float:
        """Return the work before the first sound of a sentence, of a window of some seconds."""
        return self.per_character.value * characters + window * self.per_second.value
