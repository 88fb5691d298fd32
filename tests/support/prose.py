"""Check the English of docstrings and comments where ruff has no rule for it.

Prints one line for each finding and exits with status 1 if there are any. Paths as arguments
restrict the check to these files and folders, even if they are listed in NOT_YET.

Rules:

- A function's docstring begins with a verb in the imperative. Properties and tests are exempt: a
  property is a noun, and a test's docstring states the behaviour that it holds.
- No docstring begins with "What", "Who", "Whether", "Where", "How" and the like.
- No sentence contains one of the BANNED forms: relative clauses without a noun ("who waits",
  "return what was read") and idioms for which the glossary has a plain form.
- A sentence has at most MAX_WORDS words.
- A docstring says more than the name of its function.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

ROOTS = ("src", "tests", "benchmarks", "training")

# Folders and files whose English has not been rewritten yet. Delete a line to hold it to the rules.
NOT_YET: tuple[str, ...] = ()

MAX_WORDS = 35

# Verbs that a docstring of a function may begin with. Add a verb that says plainly what happens.
VERBS = frozenset(
    """
    abort accept acquire act activate add adjust admit advance align allocate allow announce
    answer append apply approximate ask assemble assert assign assume attach attack await begin
    bind block bound bring build cache calculate call cancel cap carry change charge check
    choose clamp classify clean clear clone close collapse collect combine compare compile
    complete compose compress compute configure confirm connect consume continue convert
    convolve copy correct count cover create cut damage deactivate decide declare decode
    decompose decorate decrease defer define delay delegate delete deliver derive describe
    deselect deserialize detach detect determine disable discard disconnect dispatch display
    distribute divide do double download draw drop dump emit enable encode end enforce enqueue
    ensure enter erase escape establish estimate evaluate evict exclude execute exit expand
    expect explain export expose extend extract fail feed fetch fill filter find finish fit flag
    flush fold follow forbid force forget fork format forward free freeze fuse gather generate
    get give grant group grow guess handle hash hide hold identify ignore implement import
    increase increment index infer initialise initialize inject insert inspect install
    interpolate interpret invalidate invoke iterate join judge keep kill launch let limit link
    list listen load locate lock log look lower make map mark mask match measure merge mix
    modify monitor mount move multiply normalise normalize note notify obtain offer open
    optimise optimize order override overwrite pack pad parse pass patch pause permit phonemise
    pick place plan play poll pop populate post prefer prefix prepare prepend preserve press
    prevent print prioritise probe process produce promise protect prove provide prune publish
    pull push put query queue quote raise rank re-estimate reach react read rebuild receive
    recognise reconnect record redirect reduce refresh refuse register reject release reload
    remember remove rename render renew reopen repeat replace reply report represent request
    require reserve reset reshape resolve respell respond restart restore restrict resume retry
    return reuse reverse revoke rewrite roll rotate round route run sample save scale scan
    schedule search select send separate serialise serialize serve set share shift shorten show
    shut sign signal simplify simulate skip sleep slice smooth solve sort speak specify spell
    split start state step stop store stream strip subscribe subtract suggest sum summarise
    support suppress sweep switch synthesise synthesize take tell terminate test throttle time
    tokenise tokenize touch trace track train transform translate transpose trim try tune turn
    type undo unload unlock unmount unpack unregister unsubscribe update upload use validate
    verify visit wait wake walk warm warn watch wire withdraw wrap write yield
    """.split()
)

QUESTIONS = frozenset("how what whatever when where whether which who whoever whose why".split())

# A relative clause has to stand beside its noun: "the client who waits", not "of who waits".
_LOOSE = r"(?:about|and|as|because|but|by|for|from|if|of|on|or|than|that|to|until|when|with|[;:(])"
_GIVING = (
    r"(?:answer|find|get|give|hold|keep|make|note|print|read|return|say|send|show|take|write|yield)"
)
_PERSON = "name the person or the client before 'who'"
_THING = "name the thing instead of 'what'"
BANNED = {
    rf"\b{_LOOSE} who(?:ever|m)?\b": _PERSON,
    r"\b(?:those|he|she|they) who\b": _PERSON,
    r"(?:^|(?<=[.;:] ))who(?:ever)? [^.?]*(?:[.;:,]|$)": _PERSON,
    r"\b(?:those|that) which\b": "name the thing before 'which'",
    rf"\b{_GIVING}s? (?:only |just |back )?(?:what|who)(?:ever)?\b": _THING,
    r"\b(?:all|much|more|less|most|anything|everything|nothing|something) what\b": _THING,
    r"(?:^|(?<=[.;:,] ))what(?:ever)? (?!to\b)[^.?]*(?:[.;:,]|$)": _THING,
    r"\bso many\b|\bso much\b(?! that)": "say 'this many' or name the number",
    r"\b(?:some|no|any|every)body\b": "name the client, the caller or the thread",
    r"\bin vain\b": "say that it fails",
    r"\b(?:be it|were it|had it|lest|save that|save for|thus far)\b": "use a modern form",
    r"\bas (?:good|fast|soon|much|long) as may be\b": "say 'possible'",
    r"\bthat (?:is|are) none\b": "say 'does not exist' or 'is not one'",
}
_BANNED = tuple((re.compile(pattern, re.IGNORECASE), advice) for pattern, advice in BANNED.items())

_CODE = re.compile(r"``[^`]*``|`[^`]*`|:\w+:`[^`]*`|\"[^\"\n]{1,60}\"|“[^”\n]*”")
_SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z`\"“(])|\n\s*\n|\n\s*(?=[-*|] )")
_NOTHING = frozenset(
    "a all an and are as at by for from in into is it its of on or that the this to with".split()
)


class Finding(NamedTuple):
    """A place in a file, and the fault that was found there."""

    path: Path
    line: int
    text: str


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a docstring or a comment, on one line each, without quoted code."""
    for sentence in _SENTENCE_END.split(text):
        yield " ".join(_CODE.sub("X", sentence).split())


def form_findings(path: Path, line: int, text: str) -> Iterator[Finding]:
    """Yield each banned form and each sentence that is too long."""
    for sentence in sentences(text):
        for pattern, advice in _BANNED:
            if found := pattern.search(sentence):
                yield Finding(path, line, f"{found[0].strip()!r}: {advice}")
        if (words := len(sentence.split())) > MAX_WORDS:
            yield Finding(path, line, f"a sentence of {words} words: {sentence[:60]}...")


def docstring_findings(path: Path, node: ast.AST) -> Iterator[Finding]:
    """Yield the findings of one docstring: of a module, a class or a function."""
    if not isinstance(
        node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    ) or not (docstring := ast.get_docstring(node)):
        return
    line = node.body[0].lineno
    first = re.match(r"[\w'-]*", docstring)
    word = first[0].lower() if first else ""
    if word in QUESTIONS:
        yield Finding(path, line, f"begins with {word!r}")
    if not isinstance(node, ast.Module):
        said = re.sub(r"\W+", " ", docstring).lower().split()
        name = set(re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", node.name).lower().split())
        if not set(said) - name - _NOTHING - {"return", "yield"}:
            yield Finding(path, line, f"only repeats the name: {docstring!r}")
    if (
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and word not in VERBS | QUESTIONS
        and not node.name.startswith("test_")
        and not any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
    ):
        yield Finding(path, line, f"does not begin with a verb of the list: {word!r}")
    yield from form_findings(path, line, docstring)


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield each block of comment lines and each trailing comment, with its first line's number."""
    start, last, block = 0, -1, [""]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or re.match(r"#(?:!|:| ?noqa| ?type:)", token.string):
            continue
        line, own = token.start[0], not token.line[: token.start[1]].strip()
        if not (own and line == last + 1):
            yield start, "\n".join(block)
            start, block = line, []
        block.append(token.string.lstrip("# "))
        last = line if own else -1
    yield start, "\n".join(block)


def attribute_docstrings(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield the strings that stand alone behind an assignment and describe it."""
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef):
            for before, after in pairwise(node.body):
                if isinstance(before, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
                    yield from _strings(after)


def messages(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield the texts of errors, of log lines, and of descriptions for users."""
    for node in nodes:
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from _strings(*node.exc.args)
        elif isinstance(node, ast.keyword) and node.arg in {"description", "help"}:
            yield from _strings(node.value)
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"debug", "info", "warning", "error", "exception", "critical"}
        ):
            yield from _strings(*node.args)


def _strings(*nodes: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each string in the nodes that may be a sentence, with its line."""
    for node in chain.from_iterable(map(ast.walk, nodes)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def findings(path: Path) -> Iterator[Finding]:
    """Yield the findings of one file of Python."""
    source = path.read_text("utf-8")
    nodes = list(ast.walk(ast.parse(source)))  # once: it is most of the time
    for node in nodes:
        yield from docstring_findings(path, node)
    for line, text in (*attribute_docstrings(nodes), *messages(nodes), *comments(source)):
        yield from form_findings(path, line, text)


def files(names: list[str]) -> Iterator[Path]:
    """Yield the files of Python under the given paths; of all rooms in order if none is given."""
    for name in names or ROOTS:
        path = Path(name)
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if names or not file.as_posix().startswith(NOT_YET):
                yield file


def main() -> int:
    """Print the findings and return the exit status."""
    found = sorted({finding for path in files(sys.argv[1:]) for finding in findings(path)})
    for path, line, text in found:
        print(f"{path}:{line}: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
