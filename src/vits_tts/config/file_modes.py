"""Finds files of settings, keys and certificates that other users may read or change."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from vits_tts.config.loading import set_by_environment
from vits_tts.config.root import Config
from vits_tts.config.types import without_password


def loose_files(config: Config, file: Path | None) -> Iterator[tuple[Path, str]]:
    """Yield each file whose mode gives other users too many rights, and ``read`` or ``change``.

    ``file`` is the file that ``config`` was read from. Write access is reported for every file,
    read access for files with secrets. On Windows, where files have no such modes, nothing is
    yielded.
    """
    if os.name == "nt":
        return
    server = config.server
    private_key = server.tls_key or server.tls_certificate
    for path, secret in (
        (file, _holds_secrets(config)),
        (config.access.keys_file, True),
        (private_key, True),
    ):
        if path is None:
            continue
        try:
            mode = path.stat().st_mode
        except OSError:  # reported where the file is read
            continue
        if mode & stat.S_IWOTH:
            yield path, "change"
        elif secret and mode & stat.S_IROTH:
            yield path, "read"


def _holds_secrets(config: Config) -> bool:
    """Return whether the settings file has keys or passwords."""
    redis = config.cache.redis
    urls = [redis.url.get_secret_value()] if redis.url else []
    secrets = {
        "access.keys": bool(config.access.keys),
        "cache.redis.password": redis.password is not None,
        "cache.redis.secret": redis.secret is not None,
        "cache.redis.previous_secret": redis.previous_secret is not None,
        "cache.redis.url": any(url != without_password(url) for url in urls),
        "voice.catalogue.urls": any(
            url != without_password(url) for url in config.voice.catalogue.urls
        ),
    }
    return any(there and not set_by_environment(name) for name, there in secrets.items())
