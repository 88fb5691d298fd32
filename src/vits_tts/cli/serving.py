"""``serve`` and ``health``: a server, and how it is."""

import click

from vits_tts.cli.options import Examples, Load, config_option


@click.command(cls=Examples, examples=("vits-tts serve", "vits-tts serve --config my.yaml"))
@config_option
def serve(load: Load) -> None:
    """Serve over HTTP until told to stop (SIGTERM); SIGHUP reads settings and voices again."""
    from vits_tts.web.start import start

    start(load)


@click.command(cls=Examples, examples=("vits-tts health", "vits-tts health --ready"))
@click.option("--ready", is_flag=True, help="Ask whether it can speak, not only whether it lives.")
@config_option
def health(ready: bool, load: Load) -> None:
    """Ask the server of these settings, on this machine, how it is; exit status 1 if not well."""
    from vits_tts import probe

    problem = probe.ask(load().server, "/readyz" if ready else "/healthz")
    if problem:
        click.echo(problem, err=True)
        raise click.exceptions.Exit(1)
    click.echo("ok")
