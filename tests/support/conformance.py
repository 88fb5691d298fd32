"""Rules for schemathesis that the description itself cannot express."""

from typing import Any

import schemathesis
from schemathesis.checks import CheckContext

_UNSAID = {
    "text_empty",
    "text_unspeakable",
    "speaker_unknown",
    "sample_rate_invalid",
    "bit_rate_invalid",
    "markup_invalid",
    "markup_unsupported",
    "callback_refused",  # the server's settings allow no host
    "document_invalid",  # subtitles, and books in base64
    "dictionary_invalid",  # strings have letters, phonemes are those of the voice, files are PLS
}
"""Reasons to refuse a request that matches the description."""


_OF_REQUESTS = (
    *("Parameters", "Creation", "VoiceId", "OutputFormat", "GenerationConfig", "Message"),
    *("VoiceSettings", "DictionaryLocator"),
)
"""The ends of the names of schemas of requests."""
_TOKEN_SECONDS = 3600
"""The default of `access.max_token_seconds`."""


@schemathesis.hook
def before_load_schema(_context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Forbid fields of answers that the description does not name."""
    for name, schema in raw_schema["components"]["schemas"].items():
        if not name.endswith(_OF_REQUESTS):
            schema["additionalProperties"] = False


@schemathesis.check
def refused_for_what_no_schema_says(
    _context: CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Check that a good request is answered, or refused for a reason that no schema can express."""
    good = case.meta is not None and case.meta.generation.mode.is_positive
    is_head = case.method.upper() == "HEAD"  # whose errors have no body to read a code from
    if good and response.status_code == 400 and not is_head:
        code = _code(response.json())
        # Random names of parameters may make the form unreadable.
        unsaid = _UNSAID | ({"request_invalid"} if "multipart" in str(case.media_type) else set())
        if isinstance(case.body, dict) and case.body.get("turns"):
            unsaid |= {"text_too_long"}  # all turns together
        if case.path in {"/tts/bytes", "/tts/sse"}:
            unsaid |= {"format_invalid"}  # the encoding counts in two containers only
        if {"since", "until"} <= set(case.query or {}):
            unsaid |= {"field_invalid"}  # their order
        seconds = case.body.get("expires_in") if isinstance(case.body, dict) else None
        if isinstance(seconds, int | float) and seconds > _TOKEN_SECONDS:
            unsaid |= {"field_invalid"}  # the longest time is a setting
        assert code in unsaid, f"refused, though it is as described: {code}"


def _code(body: dict[str, Any]) -> str:
    """Return the code in the JSON of an error, in the form of any interface."""
    problem = body.get("error") or body.get("detail") or body
    return str(problem.get("code") or problem["error_code"])
