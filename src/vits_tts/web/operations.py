"""The requests of operators: `/healthz` (and `/health`), `/readyz` and `/metrics`."""

import asyncio

from vits_tts import metrics
from vits_tts.web import vitals
from vits_tts.web.answers import HealthAnswer, ReadyAnswer, Status
from vits_tts.web.base import Handler


class HealthHandler(Handler):
    """Alive: answers as long as the event loop turns."""

    quiet = True
    operations = True

    def get(self) -> None:
        """Say so."""
        self.write_json(HealthAnswer(status="ok"))

    head = get


class ReadyHandler(Handler):
    """Ready: a voice can speak and the process is not about to end."""

    quiet = True
    operations = True

    def get(self) -> None:
        """Answer 200, or 503 and what is wrong."""
        voices = self.speech.voices
        if self.state.draining and not self.state.replaced:
            status: Status = "draining"
        elif voices.failure:
            status = "voice_broken"
        elif not voices.can_speak:
            status = "loading"
        else:
            status = "degraded" if self.speech.degraded else "ready"
        self.set_status(200 if status in {"ready", "degraded"} else 503)
        answer = ReadyAnswer(status=status, voices=list(voices.manifests))
        if self.speech.degraded:
            answer["degraded"] = self.speech.degraded
        self.write_json(answer)

    head = get


class MetricsHandler(Handler):
    """`/metrics`: for Prometheus, over all workers."""

    quiet = True
    operations = True

    async def get(self) -> None:
        """Return them in Prometheus's text format; this process's are of this moment."""
        vitals.show(self.state)
        page = await asyncio.to_thread(metrics.page)
        self.set_header("Content-Type", metrics.CONTENT_TYPE)
        self.set_header("Cache-Control", "no-store")
        self.write(page)
