"""Loading of YAML tables with strings only: those of the package, and users' lexicons."""

from typing import Any, Final

import yaml

# The base loaders create no objects. libyaml is ten times as fast, and tables are read at each
# start.
_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def texts(document: str) -> Any:
    """Return a YAML document in which every scalar is a string, including ``yes`` and ``on``.

    Raises:
        yaml.YAMLError: the document is not YAML.

    """
    return yaml.load(document, _Loader)  # noqa: S506
