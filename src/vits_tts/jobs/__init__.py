"""Jobs: speech that is made after its request was answered, also by another process."""

from vits_tts.jobs.service import JobService

__all__ = ["JobService"]
