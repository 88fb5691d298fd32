"""`/v1/pronunciation-dictionaries`, as ElevenLabs has it.

Reference: https://elevenlabs.io/docs/api-reference/pronunciation-dictionaries. Names of fields are
theirs. A dictionary belongs to the caller's API key; `workspace_access` shares it.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema
from tornado import httputil

from vits_tts.dictionaries import pls
from vits_tts.dictionaries.model import ALL, Dictionary
from vits_tts.dictionaries.rules import MAX_ALIAS_CHARS, MAX_STRING_CHARS, Rule, Rules
from vits_tts.dictionaries.service import NAME, Dictionaries, locator
from vits_tts.errors import DictionaryInvalid, FieldInvalid, RequestError
from vits_tts.text.normalizer.pipeline import CONTROLS
from vits_tts.text.phonemes import given as given_phonemes
from vits_tts.web.base import Handler
from vits_tts.web.context import RequestContext
from vits_tts.web.http import parameters
from vits_tts.web.schema.fields import Written
from vits_tts.web.schema.requests import checked

Edit: TypeAlias = Callable[[Sequence[Rule]], Sequence[Rule]]

_NOT_IN_XML: Final = re.compile(f"[{CONTROLS}\ufffe\uffff]")
_MAX_DESCRIPTION: Final = 500
_DESCRIPTION: Final[dict[str, object]] = {"type": "string", "maxLength": _MAX_DESCRIPTION}
_MAX_PAGE: Final = 100
_MAX_DIGITS: Final = 9
_ACCESS: Final[Mapping[str, str]] = {"viewer": "viewer", "editor": "editor", "admin": "editor"}


class RuleParameters(BaseModel):
    """One rule of a request."""

    model_config = ConfigDict(frozen=True)

    string_to_replace: Written = Field(
        json_schema_extra={"minLength": 1, "maxLength": MAX_STRING_CHARS}
    )
    type: Literal["alias", "phoneme"]
    alias: Written | None = Field(
        None, description=f"For `alias`: the words, up to {MAX_ALIAS_CHARS} characters."
    )
    phoneme: Written | None = None
    alphabet: Written | None = None
    case_sensitive: StrictBool = True
    word_boundaries: StrictBool = True


class NewDictionary(BaseModel):
    """The parameters of a new dictionary, besides its rules."""

    model_config = ConfigDict(frozen=True)

    name: Written = Field(
        json_schema_extra={"pattern": f"^{NAME.pattern}$"}, examples=["Tên khách hàng"]
    )
    description: Annotated[Written, WithJsonSchema(_DESCRIPTION)] | None = None
    workspace_access: Literal["admin", "editor", "viewer", "commenter"] | None = None


class Expected(BaseModel):
    """The version that a change expects; another latest version is a conflict."""

    model_config = ConfigDict(frozen=True)

    expected_latest_version_id: Written | None = None


class _Rules(BaseModel):
    rules: list[RuleParameters] = Field(
        min_length=1,
        examples=[[{"string_to_replace": "Zalo", "type": "alias", "alias": "da lô"}]],
    )


class NewDictionaryParameters(NewDictionary, _Rules):
    """The parameters of `…/add-from-rules`."""


class DictionaryFileParameters(NewDictionary):
    """The form of `…/add-from-file`."""

    file: Written = Field(json_schema_extra={"format": "binary"}, examples=["<lexicon/>"])


class RulesParameters(Expected, _Rules):
    """The parameters of `…/add-rules` and `…/set-rules`."""


class RemovedRulesParameters(Expected):
    """The parameters of `…/remove-rules`."""

    rule_strings: list[Written] = Field(examples=[["Zalo"]])


def owner_of(context: RequestContext) -> str:
    """Return the owner of dictionaries: an API key, or all callers if there are no keys."""
    return f"key:{context.key}" if context.key else ALL


async def rules(handler: Handler, names: Sequence[str] | None) -> tuple[Rules, ...] | None:
    """Return the rules of the dictionaries that a request names; None if it names none.

    A name may be followed by ``@`` and the id of a version.

    Raises:
        DictionaryNotFound: the caller has no such dictionary or version.
        DictionariesUnavailable: the rules cannot be read.

    """
    if names is None:
        return None
    return await handler.speech.dictionaries.resolve(
        list(map(locator, names)), owner_of(handler.context)
    )


class DictionaryHandler(Handler):
    """Base of the handlers of dictionaries, which also accept a key in ``xi-api-key``."""

    async def prepare(self) -> None:
        """Read the API key from ElevenLabs' header, then admit the request."""
        if given := self.request.headers.get("xi-api-key"):
            self.request.headers["X-API-Key"] = given
            self.request.headers.pop("Authorization", None)
        await super().prepare()
        self.dictionaries.refresh()

    @property
    def dictionaries(self) -> Dictionaries:
        """The dictionaries of this server."""
        return self.speech.dictionaries

    @property
    def owner(self) -> str:
        """The caller, as the owner of dictionaries."""
        return owner_of(self.context)

    def check(self, rules: Sequence[Rule]) -> None:
        """Check the lengths of rules, and that the default voice has the phonemes.

        Raises:
            DictionaryInvalid: a rule cannot be used; the message names it.

        """
        symbols = self.speech.voices.find(None).phoneme_id_map
        if not rules:
            raise DictionaryInvalid("there is no rule", field="rules")
        for index, rule in enumerate(rules):
            if reason := _fault(rule, symbols):
                raise DictionaryInvalid(
                    f"rules[{index}], {rule.string!r:.60}: {reason}", field="rules"
                )

    def shown(self, dictionary: Dictionary) -> dict[str, object]:
        """Return a dictionary for JSON, with the fields of lists and of single dictionaries."""
        latest = dictionary.latest
        return {
            "id": dictionary.id,
            "name": dictionary.name,
            "created_by": dictionary.owner.removeprefix("key:"),
            "creation_time_unix": dictionary.created,
            "archived_time_unix": None,
            "description": dictionary.description,
            "version_id": latest.id,
            "version_rules_num": latest.rules,
            "latest_version_id": latest.id,
            "latest_version_rules_num": latest.rules,
            "permission_on_resource": (
                "admin" if dictionary.changed_by(self.owner) else dictionary.access
            ),
        }


class DictionariesHandler(DictionaryHandler):
    """`/v1/pronunciation-dictionaries`: lists the caller's dictionaries and the shared ones."""

    async def get(self) -> None:
        """Send a page of the list, the newest first."""
        query = parameters.from_query(self.request)
        size = _page_size(query.get("page_size", "30"))
        found = await self.dictionaries.list(self.owner)
        ids = [each.id for each in found]
        cursor = query.get("cursor")
        start = ids.index(cursor) + 1 if cursor in ids else 0
        page = found[start : start + size]
        more = len(found) > start + size
        self.write_json(
            {
                "pronunciation_dictionaries": [self.shown(each) for each in page],
                "next_cursor": page[-1].id if more else None,
                "has_more": more,
            }
        )

    head = get


class DictionaryFromRulesHandler(DictionaryHandler):
    """`…/add-from-rules`: creates a dictionary from rules in JSON."""

    model: ClassVar[type[BaseModel] | None] = NewDictionaryParameters

    async def post(self) -> None:
        """Make a dictionary, and send its id and that of its first version."""
        given = parameters.from_json(self.body)
        await self.add(given, _rules(given))

    async def add(self, given: parameters.Parameters, rules: Sequence[Rule]) -> None:
        """Create a dictionary from ``rules`` and the other parameters of the request."""
        asked = checked(NewDictionary, given)
        if not NAME.fullmatch(asked.name) or not asked.name.strip():
            message = "name has 1 to 100 characters, without line breaks and slashes"
            raise FieldInvalid(message, field="name")
        if len(asked.description or "") > _MAX_DESCRIPTION:
            message = f"description has up to {_MAX_DESCRIPTION} characters"
            raise FieldInvalid(message, field="description")
        self.check(rules)
        access = _ACCESS.get(asked.workspace_access or "")
        made = await self.dictionaries.add(asked.name, rules, self.owner, asked.description, access)
        self.write_json(self.shown(made))


class DictionaryFromFileHandler(DictionaryFromRulesHandler):
    """`…/add-from-file`: creates a dictionary from a PLS file in a form."""

    model = DictionaryFileParameters

    async def post(self) -> None:
        """Make a dictionary, and send its id and that of its first version."""
        given, data = _form(self.request.headers.get("Content-Type", ""), self.body)
        rules = await asyncio.to_thread(pls.read, data, self.dictionaries.max_rules)
        await self.add({name: value for name, value in given.items() if value}, rules)


class OneDictionaryHandler(DictionaryHandler):
    """`…/{id}`: shows a dictionary with its rules, or deletes it."""

    async def get(self, name: str) -> None:
        """Send a dictionary and the rules of its latest version."""
        found = await self.dictionaries.get(name, self.owner)
        rules = await self.dictionaries.rules(found, found.latest.id)
        versions = [{"id": each.id, "rules_num": each.rules} for each in found.versions]
        told = [_described(rule) for rule in rules.rules]
        self.write_json({**self.shown(found), "rules": told, "versions": versions})

    head = get

    async def delete(self, name: str) -> None:
        """Remove a dictionary with all its versions."""
        await self.dictionaries.remove(name, self.owner)
        self.set_status(HTTPStatus.NO_CONTENT)


class DictionaryRulesHandler(DictionaryHandler):
    """`…/{id}/add-rules`: adds rules, in place of those with the same strings."""

    model: ClassVar[type[BaseModel] | None] = RulesParameters

    async def post(self, name: str) -> None:
        """Change the rules of the latest version, and send the id of the new one."""
        given = parameters.from_json(self.body)
        expected = checked(Expected, given).expected_latest_version_id
        edited = self.edited(given)
        made = await self.dictionaries.edit(name, self.owner, edited, expected)
        self.write_json(
            {
                "id": made.id,
                "version_id": made.latest.id,
                "version_rules_num": made.latest.rules,
            }
        )

    def edited(self, given: parameters.Parameters) -> Edit:
        """Return the change that the request asks for."""
        new = _rules(given)
        self.check(new)
        return lambda rules: [*rules, *new]


class DictionarySetRulesHandler(DictionaryRulesHandler):
    """`…/{id}/set-rules`: replaces all rules."""

    def edited(self, given: parameters.Parameters) -> Edit:
        """Return the change that the request asks for."""
        new = _rules(given)
        self.check(new)
        return lambda _: new


class DictionaryRemoveRulesHandler(DictionaryRulesHandler):
    """`…/{id}/remove-rules`: removes the rules of some strings."""

    model = RemovedRulesParameters

    def edited(self, given: parameters.Parameters) -> Edit:
        """Return the change that the request asks for."""
        strings = given.get("rule_strings")
        if not isinstance(strings, list) or not all(isinstance(each, str) for each in strings):
            raise FieldInvalid("rule_strings must be a list of texts", field="rule_strings")
        gone = frozenset(Rule(each).string for each in strings)
        return lambda rules: [rule for rule in rules if rule.string not in gone]


class DictionaryDownloadHandler(DictionaryHandler):
    """`…/{id}/{version_id}/download`: the rules of a version as a PLS file."""

    async def get(self, name: str, version: str) -> None:
        """Send the file."""
        found = await self.dictionaries.get(name, self.owner)
        rules = await self.dictionaries.rules(found, version)
        self.set_header("Content-Type", pls.MEDIA_TYPE)
        self.set_header("Content-Disposition", f'attachment; filename="{version}.pls"')
        self.set_header("Cache-Control", "no-store")
        self.write(await asyncio.to_thread(pls.written, rules.rules))

    head = get


def _fault(rule: Rule, symbols: Mapping[str, object]) -> str | None:
    """Return the reason why a rule cannot be used; None if it can."""
    if fault := _fault_of_string(rule.string):
        return fault
    written = f"{rule.string}{rule.alias or ''}{rule.phonemes or ''}"
    if found := _NOT_IN_XML.search(written):
        return f"it has a control character, U+{ord(found[0]):04X}"
    if rule.alias is not None:
        fits = 0 < len(rule.alias) <= MAX_ALIAS_CHARS and not rule.alias.isspace()
        return None if fits else f"the alias has 1 to {MAX_ALIAS_CHARS} characters"
    try:
        given_phonemes.as_words(rule.phonemes or "", rule.alphabet, symbols)
    except ValueError as error:
        return str(error)
    return None


def _fault_of_string(text: str) -> str | None:
    if not 0 < len(text) <= MAX_STRING_CHARS:
        return f"the string has 1 to {MAX_STRING_CHARS} characters"
    if not any(map(str.isalnum, text)) or text != text.strip():
        return "the string has a letter or a digit, and no space at its ends"
    if text != " ".join(text.split()):
        return "the string is one line, with single spaces between its words"
    return None


def _rules(given: parameters.Parameters) -> list[Rule]:
    """Return the rules of a request.

    Raises:
        RequestError: a rule is invalid; the message has the number of the first such rule.

    """
    rules = given.get("rules")
    if not isinstance(rules, list):
        what = "missing" if rules is None else f"a list, not {parameters.kind(rules)}"
        raise FieldInvalid(f"rules is {what}", field="rules")
    return [_rule(index, rule) for index, rule in enumerate(rules)]


def _rule(index: int, given: object) -> Rule:
    if not isinstance(given, dict):
        raise FieldInvalid(f"rules[{index}] is an object", field="rules")
    try:
        asked = checked(RuleParameters, given)
    except RequestError as error:
        raise FieldInvalid(f"rules[{index}]: {error.message}", field="rules") from None
    alphabet = asked.alphabet or "ipa"
    if alphabet not in {"ipa", "x-voice"}:
        message = f"rules[{index}]: alphabet {alphabet!r:.40} is not ipa or x-voice"
        raise DictionaryInvalid(message, field="rules")
    alias = asked.type == "alias"
    return Rule(
        asked.string_to_replace,
        alias=asked.alias or "" if alias else None,
        phonemes=None if alias else asked.phoneme or "",
        alphabet="ipa" if alias or alphabet == "ipa" else "x-voice",
        case_sensitive=asked.case_sensitive,
        word_boundaries=asked.word_boundaries,
    )


def _described(rule: Rule) -> dict[str, object]:
    """Return a rule for JSON."""
    told: dict[str, object] = {"string_to_replace": rule.string}
    if rule.alias is not None:
        told |= {"type": "alias", "alias": rule.alias}
    else:
        told |= {"type": "phoneme", "phoneme": rule.phonemes, "alphabet": rule.alphabet}
    return told | {
        "case_sensitive": rule.case_sensitive,
        "word_boundaries": rule.word_boundaries,
    }


def _page_size(value: str) -> int:
    digits = value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
    if not digits or not 1 <= int(value) <= _MAX_PAGE:
        raise FieldInvalid(f"page_size is 1 to {_MAX_PAGE}", field="page_size")
    return int(value)


def _form(content_type: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """Return the fields of a form, and its file.

    Raises:
        FieldInvalid: there is no file.
        RequestError: the form cannot be read.

    """
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[httputil.HTTPFile]] = {}
    try:
        httputil.parse_body_arguments(content_type, body, arguments, files)
        fields = {name: values[-1].decode() for name, values in arguments.items()}
    except (httputil.HTTPInputError, UnicodeDecodeError):
        raise RequestError("the form cannot be read") from None
    if "file" not in files:
        message = "file is missing: send a PLS file as multipart/form-data"
        raise FieldInvalid(message, field="file")
    return fields, files["file"][-1].body
