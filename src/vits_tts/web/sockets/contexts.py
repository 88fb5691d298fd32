"""A WebSocket with several texts under way, each of which is a context with a name."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from tornado.iostream import StreamClosedError

from vits_tts.audio.formats import Encoding
from vits_tts.errors import Busy, ContextInvalid
from vits_tts.speech import SpeechOptions, TextPace
from vits_tts.telemetry.metrics import CONTEXTS
from vits_tts.web.sockets.context import Sound, SpokenContext
from vits_tts.web.sockets.heard import Heard
from vits_tts.web.sockets.socket import GOING_AWAY, POLICY, SocketHandler

_LAST_SECONDS: Final = 1.0
"""Seconds without a message after which a quiet socket is closed when the process ends."""
NAME_CHARS: Final = 128
"""The maximum length of a context's name."""


@dataclass(slots=True)
class Running:
    """A context, the task that sends its sound, and how it was interrupted."""

    context: SpokenContext
    task: "asyncio.Task[None]"
    begun: bool = False
    """Whether the task has taken its first step."""
    cancelled: bool = False
    failed: bool = False
    """True if it ended with an error, which was reported to the client."""
    played_seconds: float | None = None

    def stop(self) -> None:
        """Stop the task of the context, unless this is called from that task.

        A task that is cancelled before its first step would never run, and so never report the end
        of its context. Such a task looks at ``cancelled`` itself.
        """
        self.cancelled = True
        if self.begun and self.task is not asyncio.current_task():
            self.task.cancel()


class ContextSocketHandler(SocketHandler):
    """Base of the handlers of WebSockets for speech: starts, feeds and ends contexts."""

    max_contexts: ClassVar[int | None] = None

    def initialize(self, **collaborators: Any) -> None:  # type: ignore[override]
        """Take the collaborators of a handler."""
        super().initialize(**collaborators)
        self.contexts: dict[str, Running] = {}
        self._ended: OrderedDict[str, Heard] = OrderedDict()
        self.ending = False
        """Whether the socket is closed after its last context."""

    @property
    def patience(self) -> float:
        """The seconds without a message or sound after which the socket is closed."""
        return self.config.agents.idle_seconds

    # --- messages --------------------------------------------------------------------------------

    async def under_way(self, name: str) -> SpokenContext | None:
        """Return the context of this name, or None; if it was cancelled, first wait for its end."""
        running = self.contexts.get(name)
        if running and running.cancelled:
            await asyncio.wait({running.task})
            return None
        return running.context if running else None

    def begin(
        self, name: str, options: SpeechOptions, encoding: Encoding, pace: TextPace
    ) -> SpokenContext:
        """Start a context.

        Raises:
            Busy: the process ends.
            ContextInvalid: the socket has too many contexts.
            RequestError: an option is wrong.

        """
        if self.state.draining or self.ending:
            raise Busy("this server is shutting down", retry_after=1)
        most = self.max_contexts or self.config.agents.max_contexts
        if len(self.contexts) >= most:
            raise ContextInvalid(f"there are {most} contexts on this socket already")
        context = SpokenContext(
            self.speech,
            options,
            encoding,
            pace,
            self.context.caller,
            self.config.agents.max_context_chars,
        )
        self._ended.pop(name, None)
        task = asyncio.create_task(self._run(name, context))
        self.contexts[name] = Running(context, task)
        return context

    async def add(self, name: str, context: SpokenContext, text: str) -> None:
        """Add a piece of text to a context.

        Raises:
            ContextInvalid: the context takes no more text.
            RateLimited: the caller has sent too many characters.
            RequestError: the text cannot be spoken, or is too long.

        """
        if context.closing:
            raise ContextInvalid(f"the context {name!r:.60} takes no more text")
        if text:
            context.check(text)  # refused text is not counted
            await self.context.count_written(text)
            context.add(text)

    def cancel(self, name: str, played_seconds: float | None = None) -> bool:
        """Stop a context at once; return False if no context of this name is under way."""
        running = self.contexts.get(name)
        if running is None:
            return False
        if not running.cancelled:
            running.played_seconds = played_seconds
            running.stop()
        return True

    def heard(self, name: str) -> Heard:
        """Return the sound of a context that was sent; the context may have ended.

        Raises:
            ContextInvalid: there is no such context, or it ended long ago.

        """
        if running := self.contexts.get(name):
            return running.context.heard
        if found := self._ended.get(name):
            return found
        raise ContextInvalid(f"there is no context {name!r:.60}", field="context_id")

    # --- sound -----------------------------------------------------------------------------------

    async def _run(self, name: str, context: SpokenContext) -> None:
        """Send the sound of a context, and its last message."""
        end, running = "failed", self.contexts[name]
        running.begun = True
        try:
            if running.cancelled:
                running.task.cancel()
                await asyncio.sleep(0)  # raises CancelledError
            with self.context.place(heard=True):
                async with aclosing(context.sound()) as sounds:
                    async for sound in sounds:
                        for message in self.sound_messages(name, context, sound):
                            await self.send_json(message)
            end = "finished"
        except asyncio.CancelledError:
            end = "failed" if running.failed else "cancelled"
            if not running.cancelled:
                raise
        except StreamClosedError:
            return
        except Exception as error:  # noqa: BLE001  # told to the client and logged
            await self.context_failed(name, error)
        finally:
            CONTEXTS.labels(end).inc()
            self._add_stats(context)
            self.contexts.pop(name, None)
            self._keep(name, context.heard)
        if end == "failed":  # its error was reported; a socket that ends closes after it
            self.context_ended()
        else:
            await self._tell_end(name, running)

    async def _tell_end(self, name: str, running: Running) -> None:
        places: dict[str, object] = {}
        if running.cancelled:
            heard = self._ended[name]
            places["sent"] = heard.sent
            if running.played_seconds is not None:
                places["heard"] = heard.played(running.played_seconds)
        try:
            message = self.end_message(name, cancelled=running.cancelled)
            await self.send_json({**message, **places})
        except StreamClosedError:
            return
        self.context_ended()

    def sound_messages(
        self, name: str, context: SpokenContext, sound: Sound
    ) -> Sequence[Mapping[str, object]]:
        """Return the messages that contain a sound of a context."""
        raise NotImplementedError

    def end_message(self, name: str, *, cancelled: bool = False) -> Mapping[str, object]:
        """Return the last message of a context that was finished or cancelled."""
        raise NotImplementedError

    async def context_failed(self, name: str, error: Exception) -> None:
        """Report an error of one context to the client."""
        del name
        await self.fail(error)

    def context_ended(self) -> None:
        """Do nothing; subclasses may act after the end of a context."""

    def _keep(self, name: str, heard: Heard) -> None:
        """Store the sound of an ended context, for clients that ask for a place after playing it.

        The texts of all stored contexts together are at most as long as one text may be.
        """
        self._ended[name] = heard
        self._ended.move_to_end(name)
        most = self.config.agents.max_contexts, self.config.agents.max_context_chars
        while len(self._ended) > most[0] or self._kept_chars() > most[1]:
            if len(self._ended) == 1:
                return
            self._ended.popitem(last=False)

    def _kept_chars(self) -> int:
        return sum(one.sentences[-1].end for one in self._ended.values() if one.sentences)

    def _add_stats(self, context: SpokenContext) -> None:
        """Add the statistics of a context to those of the socket, for the log."""
        own, stats = self.tally, context.stats
        for field in ("sentences", "audio_seconds", "synthesised_seconds", "synthesis_seconds"):
            setattr(own, field, getattr(own, field) + getattr(stats, field))
        own.outcome.hits += stats.outcome.hits
        own.outcome.joins += stats.outcome.joins
        own.gap_seconds += stats.gap_seconds
        self.context.book()

    # --- time and the end ------------------------------------------------------------------------

    async def check(self, now: float) -> None:
        """Close a socket that was idle for too long, or that is quiet while the process ends."""
        touched = max([self.touched, *(one.context.touched for one in self.contexts.values())])
        quiet = all(running.context.quiet for running in self.contexts.values())
        if self.state.draining and quiet and now - touched > _LAST_SECONDS:
            self.close(GOING_AWAY, "the server ends")
            return
        if now - touched > self.patience:
            told = f"no message came for {self.patience:g} seconds"
            self.context.error_code = "input_timeout_exceeded"
            try:
                await self.send_json(self.timeout_message(told))
            except StreamClosedError:
                return
            self.close(POLICY, f"input_timeout_exceeded: {told}")

    def timeout_message(self, told: str) -> Mapping[str, object]:
        """Return the message for a socket that was idle for too long."""
        return {"error": "input_timeout_exceeded", "message": told, "code": POLICY}

    def stop(self) -> None:
        """Stop all contexts."""
        for running in self.contexts.values():
            running.task.cancel()


def touch(running: Running | None) -> None:
    """Keep a context alive."""
    if running:
        running.context.touched = time.monotonic()
