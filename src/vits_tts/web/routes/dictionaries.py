"""The paths of pronunciation dictionaries, each with its handler and its description."""

from typing import Final

from vits_tts.errors import (
    BodyTooLarge,
    Busy,
    DictionariesUnavailable,
    DictionaryConflict,
    DictionaryInvalid,
    DictionaryNotFound,
    EncodingInvalid,
    FieldInvalid,
    JsonInvalid,
    MediaTypeUnsupported,
    QuotaExceeded,
    RequestError,
)
from vits_tts.web.handlers.dictionaries import (
    DictionariesHandler,
    DictionaryDownloadHandler,
    DictionaryFromFileHandler,
    DictionaryFromRulesHandler,
    DictionaryHandler,
    DictionaryRemoveRulesHandler,
    DictionaryRulesHandler,
    DictionarySetRulesHandler,
    OneDictionaryHandler,
)
from vits_tts.web.schema.route import JSON, Answer, Parameter, Route

_ROOT: Final = "/v1/pronunciation-dictionaries"
_TAG: Final = "Pronunciation dictionaries"
_ID: Final = Parameter("id", "path", "The `id` or name of a dictionary.", {"type": "string"})
_CHANGES: Final = (
    DictionariesUnavailable,
    DictionaryConflict,
    DictionaryInvalid,
    BodyTooLarge,
    Busy,
    EncodingInvalid,
    FieldInvalid,
    JsonInvalid,
    MediaTypeUnsupported,
    RequestError,
)


def _route(
    path: str,
    handler: type[DictionaryHandler],
    summary: str,
    *answers: Answer,
    named: bool = True,
    version: bool = False,
    changes: bool = False,
    bodies: tuple[str, ...] = JSON,
) -> Route:
    number = Parameter("version", "path", "The id of a version.", {"type": "string"})
    errors = [DictionariesUnavailable, *([DictionaryNotFound] if named else [])]
    return Route(
        _ROOT + path,
        handler,
        _TAG,
        summary,
        answers or (Answer("The id of the new version, and its number of rules.", JSON),),
        errors=(
            *errors,
            *(_CHANGES if changes else ()),
            *(() if named else (QuotaExceeded, FieldInvalid)),
        ),
        parameters=(*((_ID,) if named else ()), *((number,) if version else ())),
        bodies=bodies,
        part=r"((?!add-from-)[^/]*)",
        label="dictionaries",
    )


DICTIONARIES: Final = (
    _route(
        "",
        DictionariesHandler,
        "List the dictionaries",
        Answer("The caller's own and the shared ones, the newest first.", JSON),
        named=False,
    ),
    _route(
        "/add-from-rules",
        DictionaryFromRulesHandler,
        "Make a dictionary from rules",
        Answer("The dictionary, with its first version.", JSON),
        named=False,
        changes=True,
    ),
    _route(
        "/add-from-file",
        DictionaryFromFileHandler,
        "Make a dictionary from a PLS file",
        Answer("The dictionary, with its first version.", JSON),
        named=False,
        changes=True,
        bodies=("multipart/form-data",),
    ),
    _route(
        "/{id}",
        OneDictionaryHandler,
        "Show or delete a dictionary",
        Answer("The dictionary with the rules of its latest version.", JSON, method="GET"),
        Answer("The dictionary exists.", method="HEAD"),
        Answer("It is gone.", status=204, method="DELETE"),
    ),
    _route("/{id}/add-rules", DictionaryRulesHandler, "Add or replace rules", changes=True),
    _route("/{id}/set-rules", DictionarySetRulesHandler, "Replace all rules", changes=True),
    _route("/{id}/remove-rules", DictionaryRemoveRulesHandler, "Remove rules", changes=True),
    _route(
        "/{id}/{version}/download",
        DictionaryDownloadHandler,
        "Download a version",
        Answer("The rules as a PLS file.", ("application/pls+xml",)),
        version=True,
    ),
)
"""ElevenLabs' clients use these paths too."""
