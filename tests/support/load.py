"""Callers in the background: one listens to the end, another sends requests repeatedly."""

import socket
import threading

import httpx

from tests.support.server import Server

LONG = " ".join(f"Đây là câu thứ {number} của một bài đọc khá dài." for number in range(12))


VERY_LONG = " ".join([LONG] * 4)
"""Its speech is more than the kernel buffers for a client that reads slowly."""
_BUFFER = (socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
"""Less than a tenth of that speech. With a receive buffer of a few KiB, Linux passes on one
segment in each 0.2 s: the receiver's window stays smaller than the sender's segments, so the sender
waits for its timer."""


class Listener(threading.Thread):
    """Read a stream to its end, in the background."""

    def __init__(self, server: Server, text: str = LONG, *, held: bool = False) -> None:
        """Begin to read at once.

        If ``held``, pause after the first bytes until :meth:`release`. So the stream of a very long
        text is under way for as long as a test needs, with a fast voice and on any machine.
        """
        super().__init__(daemon=True)
        self.server = server
        self.text = text
        self.first = threading.Event()
        self.sound = b""
        self.problem: Exception | None = None
        self.address = ("", 0)
        """The address of the connection's end here, as soon as ``first`` is set."""
        self._released = threading.Event()
        self._options = [_BUFFER] if held else []
        if not held:
            self._released.set()
        self.start()

    def run(self) -> None:
        """Store the received bytes."""
        transport = httpx.HTTPTransport(socket_options=self._options)
        try:
            with (
                httpx.Client(base_url=self.server.url, transport=transport, timeout=60) as client,
                client.stream("POST", "/tts/stream", json={"text": self.text}) as response,
            ):
                network = response.extensions["network_stream"]
                self.address = network.get_extra_info("client_addr")
                for chunk in response.iter_raw():
                    self.sound += chunk
                    self.first.set()
                    self._released.wait()
        except httpx.HTTPError as problem:
            self.problem = problem
            self.first.set()

    def release(self) -> None:
        """Read on."""
        self._released.set()


class Caller(threading.Thread):
    """Ask the voice `pair` for something short, by GET and by POST, repeatedly."""

    def __init__(self, url: str, *, keep_alive: bool = False) -> None:
        """Begin at once, over one connection or over a new one each time."""
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
        """Send requests until stopped."""
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=30) as client:
            while not self._enough.wait(0.05):
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
        """Stop, and wait for the thread."""
        self._enough.set()
        self.join(30)
