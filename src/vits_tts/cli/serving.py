"""``serve`` and ``health``: a server, and how it is."""

from pathlib import Path

import click

from vits_tts import config as configuration
from vits_tts.cli.options import Examples, config_option


@click.command(cls=Examples, examples=("vits-tts serve", "vits-tts serve --config my.yaml"))
@config_option
def serve(config_path: Path | None) -> None:
    """Serve over HTTP until told to stop (SIGTERM); SIGHUP reads settings and voices again."""
    from vits_tts.web.start import start

    start(lambda: configuration.load(config_path))


@click.command(cls=Examples, examples=("vits-tts health", "vits-tts health --ready"))
@click.option("--ready", is_flag=True, help="Ask whether it can speak, not only whether it lives.")
@config_option
def health(ready: bool, config_path: Path | None) -> None:
    """Ask the server of these settings, on this machine, how it is; exit status 1 if not well."""
    from vits_tts import probe

    problem = probe.ask(configuration.load(config_path).server, "/readyz" if ready else "/healthz")
    if problem:
        click.echo(problem, err=True)
        raise click.exceptions.Exit(1)
    click.echo("ok")
