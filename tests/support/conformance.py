"""What schemathesis is told beside the description itself."""

from typing import Any

import schemathesis
from schemathesis.checks import CheckContext

_UNSAID = {
    "text_empty",
    "text_unspeakable",
    "speaker_unknown",
    "sample_rate_invalid",
    "bit_rate_invalid",
}
"""Why a request that is as described may be refused."""


@schemathesis.hook
def before_load_schema(_context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Take the description at its word: an answer has no field that it does not name."""
    for name, schema in raw_schema["components"]["schemas"].items():
        if not name.endswith(("Parameters", "Creation", "VoiceId")):  # those are of requests
            schema["additionalProperties"] = False


@schemathesis.check
def refused_for_what_no_schema_says(
    _context: CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Good requests are answered, or refused for what a schema cannot tell."""
    good = case.meta is not None and case.meta.generation.mode.is_positive
    if good and response.status_code == 400:
        code = response.json()["error"]["code"]
        # Names of parameters that nobody asked for may be such that the form cannot be read.
        unsaid = _UNSAID | ({"request_invalid"} if "multipart" in str(case.media_type) else set())
        assert code in unsaid, f"refused, though it is as described: {code}"
