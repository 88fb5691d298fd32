"""Compiled voices that tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of compiled voices for all processes of this run.

    Compiling a real voice takes seconds. The folder is new in each run, so its content was compiled
    by the code under test.
    """
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared" / "pieces"
