"""YAML files of any content, as settings and as lexicons, neither end nor hang a process.

Files that could end or hang a process are read in a separate process.
"""

import os
import sys
from collections.abc import Callable
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.support.server import ended
from vits_tts import yaml_files
from vits_tts.text.normalizer.tables import texts

_READ = (
    "import sys; from pathlib import Path; from vits_tts.text.normalizer import lexicon\n"
    "try: lexicon.read(Path(sys.argv[1]))\n"
    "except lexicon.LexiconInvalid as error: sys.exit(str(error))"
)


def _deep(opening: str) -> Callable[[Path], object]:
    return lambda path: path.write_text("a:\n  " + opening * 50_000)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _bomb(path: Path) -> None:
    names = "abcdefghi"
    lists = [f"  {name}: &{name} [{','.join(['x'] * 9)}]" for name in names[:1]]
    lists += [
        f"  {name}: &{name} [{','.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)
    ]
    path.write_text("\n".join(["x:", *lists, "server: {workers: *i}", ""]))


HARMFUL: dict[str, tuple[Callable[[Path], object], str]] = {
    "deep lists": (_deep("["), "more than 50 levels of nesting"),
    "deep mappings": (_deep("{a: "), "more than 50 levels of nesting"),
    "deep blocks": (_deep("- "), "more than 50 levels of nesting"),
    "a file of a tebibyte": (_sparse, "File too large"),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_settings(name: str, tmp_path: Path) -> None:
    """Such settings are refused in one line."""
    make, reason = HARMFUL[name]
    path = tmp_path / "config.yaml"
    make(path)
    done = ended([sys.executable, "-m", "vits_tts", "config", "--config", str(path)], tmp_path)
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert reason in line


def test_a_list_of_billions(tmp_path: Path) -> None:
    """Aliases that refer to each other are shown by their beginning alone."""
    _bomb(tmp_path / "config.yaml")
    done = ended([sys.executable, "-m", "vits_tts", "config"], tmp_path)
    assert done.returncode == 2, done
    (line,) = done.stderr.splitlines()
    assert "server.workers" in line
    assert len(line) < 300


@pytest.mark.parametrize("name", HARMFUL)
def test_lexicons(name: str, tmp_path: Path) -> None:
    """Such lexicons are refused, for the same reasons and without reading them to the end."""
    make, reason = HARMFUL[name]
    path = tmp_path / "lexicon.yaml"
    make(path)
    done = ended([sys.executable, "-c", _READ, str(path)], tmp_path)
    assert done.returncode == 1, done
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_pipe_that_nobody_writes_to(tmp_path: Path) -> None:
    """A pipe without a writer is not waited for: as settings it is empty, as a lexicon refused."""
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    serve = [sys.executable, "-m", "vits_tts", "serve", "--config", str(path)]
    done = ended(serve, tmp_path)
    assert (done.returncode, "is empty" in done.stderr) == (2, True), done
    done = ended([sys.executable, "-c", _READ, str(path)], tmp_path)
    assert "Not a regular file" in done.stderr


def test_a_pipe_that_somebody_writes_to(tmp_path: Path) -> None:
    """`--config <(…)` works: a pipe is read to its end."""
    command = (
        f"{sys.executable} -m vits_tts config --config <(sleep 0.2; echo 'server: {{port: 7}}')"
    )
    done = ended(["bash", "-c", command], tmp_path)
    assert done.returncode == 0, done
    assert "port: 7" in done.stdout


def test_very_many_settings(tmp_path: Path) -> None:
    """Many names are compared with one another fast, however many there are."""
    path = tmp_path / "config.yaml"
    path.write_text("".join(f"k{number}: 1\n" for number in range(80_000)))
    done = ended([sys.executable, "-m", "vits_tts", "config", "--config", str(path)], tmp_path)
    assert done.returncode == 2, done
    assert "unknown setting" in done.stderr


@pytest.mark.parametrize("text", ["{0}: 1", "server: {{{0}: 1}}", "{0}: 1\n{0}: 2"])
def test_very_long_names(text: str, tmp_path: Path) -> None:
    """Errors about very long names stay readable lines."""
    path = tmp_path / "config.yaml"
    path.write_text(text.format("? " + "x" * 100_000 + "\n"))
    done = ended([sys.executable, "-m", "vits_tts", "config", "--config", str(path)], tmp_path)
    assert (done.returncode, len(done.stderr) < 1000) == (2, True)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "# nothing",
        "a: b",
        "yes: no\n1: 2\nnull: ~\n",
        "a: &x b\nc: *x\n",
        "a: b\na: c\n",
        "{a: 'b: c', \"d\": e}",
        "a: |\n  b\n  c\n",
        "? a\n: b\n",
        "just a text",
    ],
)
def test_pairs_are_what_yaml_says(document: str) -> None:
    """Reading event by event gives the same result as PyYAML."""
    expected = yaml.load(document, yaml.BaseLoader)  # noqa: S506  # it creates only texts
    assert yaml_files.read_pairs(document) == (expected or {})


@pytest.mark.parametrize("name", ["lexicon", "abbreviations"])
def test_tables_are_what_yaml_says(name: str) -> None:
    """The package's tables have the same content as PyYAML gives; other files end in an error."""
    document = resources.files("vits_tts.text").joinpath(f"data/{name}.yaml").read_text("utf-8")
    assert texts(document) == yaml.load(document, yaml.BaseLoader)  # noqa: S506
    assert texts("# nothing") is None
    for wrong in ("a: &x b\nc: *x\n", "a: [", "a: b: c"):
        with pytest.raises(yaml.YAMLError):
            texts(wrong)


def test_the_lexicon_of_the_package_is_read_alike() -> None:
    """The package's own lexicon is read alike, although it is large."""
    document = resources.files("vits_tts.text").joinpath("data/lexicon.yaml").read_text("utf-8")
    assert yaml_files.read_pairs(document) == texts(document)


@pytest.mark.parametrize("document", ["a: b\n---\nc: d\n", "? [a]\n: b\n", "a: [", "a: b: c"])
def test_what_is_no_mapping_of_texts(document: str) -> None:
    """A file that is not a mapping of texts is an error, as it is for PyYAML."""
    with pytest.raises(yaml.YAMLError):
        yaml_files.read_pairs(document)


def test_readings_that_are_no_texts() -> None:
    """Readings that are not texts are left for the caller to report."""
    assert yaml_files.read_pairs("a: [b, {c: d}]\ne: f\n") == {"a": [], "e": "f"}
    assert yaml_files.read_pairs("a: &a {b: *a}\n") == {"a": []}
    assert yaml_files.read_pairs("- a\n- b\n") == []
