"""Regular expressions that are compiled when they are first used.

The package has a thousand of them, and Python takes a fifth of a millisecond to compile one. Most
texts need only a few, and the commands and the workers that start should not wait for the others.
"""

import re
from functools import cached_property
from typing import Any, cast


class _Pattern:
    """A regular expression that is compiled at the first call of one of its methods."""

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, self._flags)

    def __getattr__(self, name: str) -> Any:
        """Keep the method as an attribute, so that this is called once for each."""
        found = getattr(self._compiled, name)
        setattr(self, name, found)
        return found


def lazily(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a regular expression that is compiled when its first method is called.

    A mistake in the pattern raises ``re.error`` only then. The functions of ``re`` do not accept
    the result: call its methods.
    """
    return cast("re.Pattern[str]", _Pattern(pattern, flags))
