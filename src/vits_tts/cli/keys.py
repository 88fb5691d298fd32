"""``keys``: API keys."""

import click

from vits_tts.cli.options import Examples


@click.group()
def keys() -> None:
    """Look after API keys."""


@keys.command("make", cls=Examples, examples=("vits-tts keys make reader >>keys.txt",))
@click.argument("name")
def make_key(name: str) -> None:
    """Make a key for NAME: the key, shown once, on stderr, the server's line for it on stdout.

    The line, NAME:HASH, goes into the file of `access.keys_file` or the list `access.keys`; the key
    itself goes to the caller and is kept nowhere.
    """
    from vits_tts.web import access

    key, line = access.make_key(name)
    click.echo(f"key: {key}", err=True)
    click.echo(line)
