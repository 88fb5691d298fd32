"""The minimum rate at which a client must read an answer, or it is dropped.

The rate is in seconds of speech, because bytes mean little: a second of speech has 750 bytes in one
format and 96,000 in another. A client may pause for as long as it can play the speech that it has
read. Beyond that it must read, on average, a quarter of a second of speech in each second, and may
fall behind that by ``patience`` seconds.
"""

from typing import Final

_LEAST: Final = 0.25
"""Seconds of speech that a client must read in each second."""
GRAIN_BYTES: Final = 64 * 1024
"""The bytes that a client may have read before its kernel acknowledges any of them: the largest
segment, which is 64 KiB on the loopback interface, where proxies are."""


class MinimumRate:
    """Follows how fast one client reads, while the server waits for it to read more.

    ``_behind`` is the debt of the client in seconds. It grows by the time in which the client has
    nothing left to play and reads nothing, and shrinks by three seconds for each second of speech
    that it reads.
    """

    def __init__(self, patience: float, now: float) -> None:
        """Start with an answer of which nothing has been read; times are monotonic seconds."""
        self._patience = patience
        self._taken = 0.0
        self._behind = 0.0
        self._played_until = self._since = now

    def resume(self, now: float) -> None:
        """Start to wait for the client again; the time since the last check does not count.

        The server was not ready to send in that time, so the client is not to blame.
        """
        self._since = now

    def too_slow(self, now: float, taken: float, grain: float) -> bool:
        """Return whether the client has fallen too far behind.

        ``taken`` is the seconds of speech that it has read in all, ``grain`` the seconds of speech
        in ``GRAIN_BYTES``.
        """
        new = max(0.0, taken - self._taken)
        self._taken += new
        silent = max(0.0, now - max(self._since, self._played_until))
        self._since = now
        # At the minimum rate of 1/4, a second of speech comes every four seconds. It is played in
        # one of them, so it pays for the other three.
        self._behind = max(0.0, self._behind + silent - new * (1 / _LEAST - 1))
        self._played_until = max(self._played_until, now) + new
        return self._behind > self._allowed(grain)

    def seconds_left(self, now: float, grain: float) -> float | None:
        """Return the seconds until the client is too slow if it reads no more.

        Returns None if it is not behind.
        """
        if not self._behind:
            return None
        return max(0.0, self._allowed(grain) - self._behind) + max(0.0, self._played_until - now)

    def _allowed(self, grain: float) -> float:
        """Return the largest allowed debt in seconds; unacknowledged bytes count as read."""
        return self._patience + grain * (1 / _LEAST - 1)
