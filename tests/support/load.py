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
    """Asks the voice `pair` for something short, by GET and by POST, again and again."""

    def __init__(self, url: str, *, keep_alive: bool = False) -> None:
        """Begin at once; over one connection, or each time over one of its own."""
        super().__init__(daemon=True)
        self.url = url
        self.headers = {} if keep_alive else {"Connection": "close"}
        self.answered = 0
        self.refused = 0
        """Told to come back, because the machine is busy: an answer, but no speech."""
        self.problems: list[str] = []
        self._enough = threading.Event()
        self.start()

    def run(self) -> None:
        """Ask until stopped."""
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=30) as client:
            while not self._enough.wait(0.005):
                again = {"text": "xin chao ban", "voice": "pair"}
                new = {"text": f"so {self.answered}.", "voice": "pair"}
                try:
                    self._count(client.get("/tts/stream", params=again))
                    self._count(client.post("/tts/stream", json=new))
                except httpx.HTTPError as problem:
                    self.problems.append(repr(problem))

    def _count(self, answer: httpx.Response) -> None:
        if answer.status_code == 503 and "Retry-After" in answer.headers:
            self.refused += 1
        elif answer.status_code != 200:
            self.problems.append(f"{answer.status_code} {answer.text}")
        elif len(answer.content) < 1000:
            self.problems.append(f"only {len(answer.content)} bytes")
        else:
            self.answered += 1

    def stop(self) -> None:
        """Ask no more."""
        self._enough.set()
        self.join(30)
