"""All paths of the server's own interface and OpenAI's, each with its handler and description.

Both the application and `/openapi.json` are built from these lists, so that they always agree.
"""

from typing import Final

from vits_tts.web.routes.clients import CARTESIA, OPENAI, PIPER
from vits_tts.web.routes.dictionaries import DICTIONARIES
from vits_tts.web.routes.jobs import JOBS
from vits_tts.web.routes.operations import OPERATIONS
from vits_tts.web.routes.sockets import SOCKETS
from vits_tts.web.routes.speech import SPEECH

ROUTES: Final = (*SPEECH, *OPENAI, *OPERATIONS, *DICTIONARIES)
"""The paths that every server has, in the order of `/openapi.json`."""

__all__ = ["CARTESIA", "JOBS", "PIPER", "ROUTES", "SOCKETS"]
