"""`connector`: the command line, put together from one module per command."""

from __future__ import annotations

import errno
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from connector import __version__
from connector.cli import demo, mappings, orders, pauses, run, settings, workers
from connector.cli.session import FAILED, is_of_output


class _Commands(TyperGroup):
    """What holds for all commands: how what goes in and comes out may fail."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take no argument that is not text in the encoding of the terminal: no command could look for it."""
        for argument in args:
            if not argument.isascii() and any("\ud800" <= mark <= "\udfff" for mark in argument):
                ctx.fail(f"{argument!a} is not text in UTF-8.")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """End in one line when what is printed can't be written, and without a word when nobody reads it any more."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE or not is_of_output(error):
                raise  # Typer ends quietly then
            typer.echo(f"connector: The output can't be written: {error.strerror}.", err=True)
            raise typer.Exit(FAILED) from None


app = typer.Typer(
    name="connector",
    cls=_Commands,
    help="An order management connector for Salesforce: decompose, orchestrate, call out, write back.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("settings")(settings.show_settings)
app.add_typer(orders.app, name="orders")
app.command("workers")(workers.list_workers)
app.command("drain")(workers.drain)
app.command("pauses")(pauses.list_pauses)
app.add_typer(pauses.pause, name="pause")
app.add_typer(pauses.resume, name="resume")
app.add_typer(mappings.app, name="mappings")


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it with one argument
    if wanted:
        typer.echo(f"connector {__version__}")
        raise typer.Exit


@app.callback()
def _connector(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """An order management connector for Salesforce: decompose, orchestrate, call out, write back."""
