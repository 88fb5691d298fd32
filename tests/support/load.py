"""Callers in the background: one who listens to the end, one who asks again and again."""

import threading

import httpx

from tests.support.server import Server

LONG = " ".join(f"Đây là câu thứ {number} của một bài đọc khá dài." for number in range(12))


class Listener(threading.Thread):
    """Reads a stream to its end, in the background."""

    def __init__(self, server: Server, text: str = LONG) -> None:
        """Begin to read at once."""
        super().__init__(daemon=True)
        self.server = server
        self.text = text
        self.first = threading.Event()
        self.sound = b""
        self.problem: Exception | None = None
        self.start()

    def run(self) -> None:
        """Keep what comes."""
        try:
            url = f"{self.server.url}/tts/stream"
            with httpx.stream("POST", url, json={"text": self.text}, timeout=60) as response:
                for chunk in response.iter_raw():
                    self.sound += chunk
                    self.first.set()
        except httpx.HTTPError as problem:
            self.problem = problem
            self.first.set()


class Caller(threading.Thread):
    """Asks the voice `pair` for something short, each time over a connection of its own."""

    def __init__(self, server: Server) -> None:
        """Begin at once."""
        super().__init__(daemon=True)
        self.server = server
        self.answered = 0
        self.refused = 0
        """Told to come back, because the machine is busy: an answer, but no speech."""
        self.problems: list[str] = []
        self._enough = threading.Event()
        self.start()

    def run(self) -> None:
        """Count what was answered, keep what was not."""
        while not self._enough.wait(0.01):
            try:
                answer = httpx.get(f"{self.server.url}/tts/stream?text=chao&voice=pair", timeout=30)
                if answer.status_code == 503 and "Retry-After" in answer.headers:
                    self.refused += 1
                elif answer.status_code != 200:
                    self.problems.append(answer.text)
                else:
                    self.answered += 1
            except httpx.HTTPError as problem:
                self.problems.append(repr(problem))

    def stop(self) -> None:
        """Ask no more."""
        self._enough.set()
        self.join(30)
