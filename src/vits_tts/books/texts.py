"""Reading of text files."""

import re
from pathlib import Path
from typing import Final

from vits_tts.books.book import BadBook

_BYTES: Final = 64 * 1024**2


def read(path: Path, most: int = _BYTES) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with a mark of its order of bytes.

    Raises:
        BadBook: it has another encoding, or more than ``most`` bytes.
        OSError: it cannot be read.

    """
    if path.stat().st_size > most:
        raise BadBook(f"larger than {most} bytes")
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return re.sub(r"\r\n?", "\n", content.decode(encoding))
    except UnicodeDecodeError:
        raise BadBook("not UTF-8") from None
