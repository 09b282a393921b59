"""The command line: parse, read the clock, call one function. One module per group of commands.

Exit codes: 0 healthy, 1 a finding at or above the asked severity, 2 misuse, 3 the tool failed.
Heavy libraries are imported inside the commands, so that `nbkit --help` stays quick.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated

import typer

from nbkit.cli import (
    alerts,
    baselines,
    breaker,
    cloud,
    demo,
    history,
    registry,
    reports,
    schedule,
    slas,
    trends,
)
from nbkit.cli.classify import classify_command
from nbkit.cli.deliver import deliver_command
from nbkit.cli.guard import guard_command
from nbkit.cli.handoff import handoff_command
from nbkit.cli.health import health_command
from nbkit.cli.import_ import import_command
from nbkit.cli.incident import incident_command
from nbkit.cli.monitor import monitor_command
from nbkit.cli.new import new_command
from nbkit.cli.ready import ready_command
from nbkit.cli.run import run_command
from nbkit.cli.timeouts import timeouts_command
from nbkit.cli.zero_records import zero_records_command
from nbkit.errors import NbkitError

app = typer.Typer(
    name="nbkit",
    help="Turn a pipeline's run history into verdicts, reports and messages.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"nbkit {version('nbkit')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


app.command("health")(health_command)
app.command("incident")(incident_command)
app.command("handoff")(handoff_command)
app.command("run")(run_command)
app.command("new")(new_command)
app.command("deliver")(deliver_command)
app.command("classify")(classify_command)
app.command("import")(import_command)
app.command("guard", context_settings={"allow_interspersed_args": False})(guard_command)
app.command("monitor")(monitor_command)
app.command("ready")(ready_command)
app.command("timeouts")(timeouts_command)
app.command("zero-records")(zero_records_command)
app.add_typer(baselines.app, name="baselines")
app.add_typer(demo.app, name="demo")
app.add_typer(reports.app, name="reports")
app.add_typer(registry.app, name="registry")
app.add_typer(alerts.app, name="alerts")
app.add_typer(cloud.app, name="cloud")
app.add_typer(breaker.app, name="breaker")
app.add_typer(schedule.app, name="schedule")
app.add_typer(history.app, name="history")
app.add_typer(slas.app, name="slas")
app.add_typer(trends.app, name="trends")


def main(arguments: list[str] | None = None) -> int:
    """Entry point. Errors become one message on stderr and an exit code, never a traceback."""
    try:
        outcome = app(arguments, standalone_mode=False)
    except NbkitError as error:
        typer.echo(f"nbkit: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        typer.echo("nbkit: interrupted", err=True)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        return _report_failure(error)
    return outcome if isinstance(outcome, int) else 0


def _report_failure(error: Exception) -> int:
    if isinstance(error, typer.Abort):
        typer.echo("nbkit: interrupted", err=True)
        return 130
    # Usage errors. Newer typer brings its own copy of click, so the class has no one home.
    show, code = getattr(error, "show", None), getattr(error, "exit_code", None)
    if callable(show) and isinstance(code, int):
        show()
        return code
    if os.environ.get("NBKIT_DEBUG"):
        raise error
    trace = Path(gettempdir()) / f"nbkit-error-{os.getpid()}.txt"
    trace.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    typer.echo(
        f"nbkit: internal error: {type(error).__name__}: {error}\n"
        f"This is a defect of nbkit. The details are in {trace}; please attach them to an issue.",
        err=True,
    )
    return 3
