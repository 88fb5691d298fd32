"""The command ``config``, which prints settings."""

import click

from vits_tts.cli.options import Examples, Load, config_option


@click.command(
    "config",
    cls=Examples,
    examples=("vits-tts config", "VITS_TTS__SERVER__PORT=80 vits-tts config"),
)
@click.option("--reference", "page", is_flag=True, help="Print the reference page instead.")
@click.option("--template", is_flag=True, help="Print a config.yaml with all defaults instead.")
@config_option
def show_config(page: bool, template: bool, load: Load) -> None:
    """Print the settings in effect, with secrets masked."""
    from vits_tts.config import reference

    if page:
        click.echo(reference.page(), nl=False)
    elif template:
        click.echo(reference.template(), nl=False)
    else:
        click.echo(reference.effective(load()), nl=False)
