"""The commands ``serve`` and ``health``."""

from pathlib import Path

import click

from vits_tts.cli.options import Examples, Load, config_option
from vits_tts.telemetry.printable import printable
from vits_tts.uncollected import uncollected


@click.command(cls=Examples, examples=("vits-tts serve", "vits-tts serve --config my.yaml"))
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Settings to use instead of ./config.yaml.",
)
def serve(path: Path | None) -> None:
    """Serve over HTTP until SIGTERM; SIGHUP reloads settings and voices."""
    with uncollected():
        from vits_tts.config import Settings
        from vits_tts.server.start import start

    start(Settings(path))


@click.command(cls=Examples, examples=("vits-tts health", "vits-tts health --ready"))
@click.option("--ready", is_flag=True, help="Check whether it can speak, not only whether it runs.")
@config_option
def health(ready: bool, load: Load) -> None:
    """Check the health of the server of these settings; exit with status 1 if it has a problem."""
    from vits_tts.cli import health_check

    problem = health_check.ask(load().server, "/readyz" if ready else "/healthz")
    if problem:
        click.echo(printable(problem), err=True)
        raise click.exceptions.Exit(1)
    click.echo("ok")
