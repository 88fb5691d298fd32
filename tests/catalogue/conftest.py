"""A server that offers a voice, and a machine on which it is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import Site, large_model
from tests.support.supplier import Supplier, supplying


@pytest.fixture
def supplier(tmp_path: Path) -> Iterator[Supplier]:
    """Run a server that offers one voice, ``pair``."""
    with supplying() as running:
        running.offer(large_model(tmp_path / "origin"), "pair")
        yield running


@pytest.fixture
def site(tmp_path: Path, supplier: Supplier) -> Site:
    """Return a machine that installs from the server."""
    return Site(tmp_path / "voices", f"{supplier.url}voices.json")
