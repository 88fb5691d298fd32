"""The command ``completion``, and the completion of names of voices and formats."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from vits_tts.cli.options import PROGRAM, Examples, load_config
from vits_tts.errors import VitsTtsError

_VARIABLE = "_VITS_TTS_COMPLETE"


@click.command(
    cls=Examples,
    examples=(
        'eval "$(vits-tts completion bash)"',
        "vits-tts completion fish > ~/.config/fish/completions/vits-tts.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script with which SHELL completes commands, options, voices and formats."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is not known.")
    root = ctx.find_root().command
    click.echo(kind(root, {}, PROGRAM, _VARIABLE).source())


def complete_voice(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the installed voices that begin with ``incomplete``; none if settings are broken."""
    del parameter
    from vits_tts.voice import installed

    path = ctx.params.get("config_path")
    try:
        config = load_config(Path(path) if path else None)
    except VitsTtsError:
        return []
    names = installed.installed(config.voice.folder)
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_format(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the available formats whose names begin with ``incomplete``."""
    del ctx, parameter
    from vits_tts.audio import formats

    return [CompletionItem(name) for name in formats.offered() if name.startswith(incomplete)]
