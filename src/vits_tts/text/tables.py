"""Tables of texts in YAML: the package's own, and users' lexicons."""

from typing import Any, Final

import yaml

# It makes no objects. libyaml reads ten times as fast, and the tables are read at every start.
_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def texts(document: str) -> Any:
    """Return a YAML document in which every scalar is a text: ``yes`` and ``on`` are words here.

    Raises:
        yaml.YAMLError: it is not YAML.

    """
    return yaml.load(document, _Loader)  # noqa: S506
