"""The paths for operators: `/healthz`, `/health`, `/readyz` and `/metrics`."""

import asyncio

from vits_tts.telemetry import metrics
from vits_tts.web import process_metrics
from vits_tts.web.base import Handler
from vits_tts.web.schema.responses import HealthAnswer, NamedHealthAnswer, ReadyAnswer, Status


class HealthHandler(Handler):
    """`/healthz` and `/health`: answer as long as the event loop runs."""

    quiet = True
    operations = True

    def get(self) -> None:
        """Report that the process is running; `/health` uses the words of an older server."""
        if self.request.path == "/health":
            self.write_json(NamedHealthAnswer(status="healthy", message="TTS service is running"))
        else:
            self.write_json(HealthAnswer(status="ok"))

    head = get


class ReadyHandler(Handler):
    """`/readyz`: can a voice speak, and does the process accept requests?"""

    quiet = True
    operations = True

    def get(self) -> None:
        """Answer 200 if the process is ready, else 503, with the state in both cases."""
        voices = self.speech.voices
        if self.state.draining and not self.state.replaced:
            status: Status = "draining"
        elif voices.failure:
            status = "voice_broken"
        elif not voices.can_speak:
            status = "loading"
        else:
            status = "degraded" if self._degraded else "ready"
        self.set_status(200 if status in {"ready", "degraded"} else 503)
        answer = ReadyAnswer(status=status, voices=list(voices.manifests))
        if self._degraded:
            answer["degraded"] = self._degraded
        self.write_json(answer)

    head = get

    @property
    def _degraded(self) -> str | None:
        """Names of parts that fail while speech works, separated by commas; None if all work."""
        troubles = [
            self.speech.degraded,
            None if metrics.complete() else "metrics",
            "usage" if self.services.usage.trouble else None,
            self.services.jobs.degraded if self.services.jobs else None,
        ]
        return ", ".join(filter(None, troubles)) or None


class MetricsHandler(Handler):
    """`/metrics`: the metrics of all workers, for Prometheus."""

    quiet = True
    operations = True

    async def get(self) -> None:
        """Send the metrics in Prometheus's text format; update those of this process first."""
        process_metrics.show(self.state)
        page = await asyncio.to_thread(metrics.page)
        self.set_header("Content-Type", metrics.CONTENT_TYPE)
        self.set_header("Cache-Control", "no-store")
        self.write(page)

    head = get
