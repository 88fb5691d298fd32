"""The command ``keys make``."""

import click

from vits_tts.cli.options import Examples


@click.group()
def keys() -> None:
    """Make API keys."""


@keys.command("make", cls=Examples, examples=("vits-tts keys make reader >>keys.txt",))
@click.argument("name")
def make_key(name: str) -> None:
    """Make a key for NAME: print the key to stderr, and its line for the server to stdout.

    Add the line, NAME:HASH, to the file of `access.keys_file` or to the list `access.keys`. Give
    the key to the client; it is stored nowhere and not shown again.
    """
    from vits_tts.web.auth import api_keys

    key, line = api_keys.make_key(name)
    click.echo(f"key: {key}", err=True)
    click.echo(line)
