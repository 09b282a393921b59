"""`nbkit schedule`: what runs when, what is due now, and the same for other schedulers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nbkit.cli.schedule_export import export_command
from nbkit.errors import InputError

if TYPE_CHECKING:
    from nbkit.project import Project
    from nbkit.schedule.claims import Claims
    from nbkit.schedule.due import Due
    from nbkit.schedule.job import Job
    from nbkit.schedule.tick import Done, Place

app = typer.Typer(
    name="schedule",
    help="Jobs of registry/schedule.yaml: when they run, running what is due, exporting them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

JobName = Annotated[str, typer.Argument(metavar="JOB", help="Its name in registry/schedule.yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON, for machines.")]
Out = Annotated[
    str,
    typer.Option(
        help="Where reports go: a folder, gs://… or s3://…  [default: NBKIT_REPORTS, else reports/]"
    ),
]
ExitZero = Annotated[
    bool, typer.Option("--exit-zero", help="Exit 0 whatever a completed run found.")
]
Now = Annotated[
    str, typer.Option(hidden=True, help="The moment to take for now, instead of the clock's.")
]


@app.command("list")
def list_command(as_json: AsJson = False, now: Now = "") -> None:
    """Every job: when it runs next, how its last run ended, whose it is."""
    from nbkit.cli.schedule_text import job_json, show_jobs

    project, jobs = _jobs()
    clock = _clock(now)
    moment = clock()
    with _claims(project) as claims:
        entries = claims.latest(jobs, now=moment)
    if as_json:
        typer.echo(_dump([job_json(job, entries, moment) for job in jobs]))
    else:
        show_jobs(jobs, entries, moment)


@app.command("next")
def next_command(
    job: Annotated[str, typer.Argument(metavar="[JOB]", help="Only this job.")] = "",
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 10,
    after: Annotated[str, typer.Option(help="From this moment on. [default: now]")] = "",
    as_json: AsJson = False,
) -> None:
    """The coming runs of the enabled jobs, on their own clocks and in UTC."""
    from nbkit.cli.schedule_text import coming, show_coming
    from nbkit.schedule.loading import load_schedule

    schedule = load_schedule(_project())
    jobs = (schedule.job(job),) if job else schedule.enabled
    runs = coming(jobs, _clock(after, option="--after")(), count)
    if as_json:
        typer.echo(
            _dump([{"job": j.name, "at": _utc(m), "local": j.when.local(m)} for m, j in runs])
        )
    else:
        show_coming(runs)


@app.command("tick")
def tick_command(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run; run nothing.")
    ] = False,
    out: Out = "",
    exit_zero: ExitZero = False,
    as_json: AsJson = False,
    now: Now = "",
) -> None:
    """Run what is due, once; for cron, every minute. Says nothing when nothing is due.

    However many tick at the same time, a job runs once. Exits with the worst code of the jobs that
    ran: 0 healthy, 1 a critical finding (or a run that was missed), 2 misuse, 3 failed.
    """
    from nbkit.schedule.claims import find_due
    from nbkit.schedule.locks import held

    project, jobs = _jobs()
    clock = _clock(now)
    if dry_run:
        with _claims(project) as claims:
            _say_due(find_due(jobs, claims, clock()), as_json=as_json)
        return
    # What is due while a tick is at work waits for its end: jobs run one after another.
    with held(project.state / "schedule.tick.lock") as alone, _claims(project) as claims:
        runs = find_due(jobs, claims, clock()) if alone else ()
        if runs:  # cron asks every minute: what runs notebooks is imported only then
            from nbkit.schedule.tick import run_due

            place = _place(project, out, clock)
            done = run_due(runs, claims, place, on_start=_starting, on_end=_ended(as_json))
            _leave(done, exit_zero=exit_zero)


@app.command("run")
def run_command(
    job: JobName,
    as_of: Annotated[str, typer.Option(help="The moment the report is about. [default: now]")] = "",
    only_if_due: Annotated[
        bool,
        typer.Option(
            "--only-if-due",
            help="For other schedulers: run it for its last scheduled moment, unless it has run.",
        ),
    ] = False,
    started_by: Annotated[
        str,
        typer.Option(
            metavar="CRON",
            help="With --only-if-due: the exported UTC line that started this, where several are "
            "exported for one job.",
        ),
    ] = "",
    out: Out = "",
    exit_zero: ExitZero = False,
    as_json: AsJson = False,
    now: Now = "",
) -> None:
    """Run one job now, due or not, as the schedule would: its parameters, channel and timeout."""
    from nbkit.schedule.tick import run_by_hand

    if only_if_due and as_of:
        raise InputError("--only-if-due takes the scheduled moment; leave --as-of out.")
    if started_by and not only_if_due:
        raise InputError("--started-by belongs to --only-if-due.")
    project = _project()
    chosen = _job(project, job)
    clock = _clock(now)
    place = _place(project, out, clock)
    with _claims(project) as claims:
        if only_if_due:
            done = _run_if_due(chosen, claims, place, started_by, _ended(as_json))
        else:
            moment = _moment(as_of, "--as-of") if as_of else clock().replace(second=0)
            done = (run_by_hand(chosen, as_of=moment, claims=claims, place=place),)
            _ended(as_json)(done[0])
    _leave(done, exit_zero=exit_zero)


app.command("export")(export_command)


def _run_if_due(
    job: Job, claims: Claims, place: Place, started_by: str, on_end: Callable[[Done], None]
) -> tuple[Done, ...]:
    from nbkit.schedule.claims import find_due
    from nbkit.schedule.export.lines import meant_moment
    from nbkit.schedule.tick import run_due

    if not job.enabled:
        raise InputError(f"{job.name} is not enabled: {job.reason}. Enable it, or remove its line.")
    now: datetime | None = place.clock()
    if started_by and now:
        now = meant_moment(job.when, started_by, now)
    # Whoever starts this knows a moment of the job to have come: a first run is due as well.
    runs = find_due((job,), claims, now, first_grace=job.grace) if now else ()
    if not runs and (started_by or sys.stdout.isatty()):
        ahead = job.when.local(job.when.after(place.clock()))
        typer.echo(f"{job.name}: not due; next {ahead:%a %d %b %H:%M %Z}")
    return run_due(runs, claims, place, on_start=_starting, on_end=on_end)


def _say_due(runs: tuple[Due, ...], *, as_json: bool) -> None:
    if as_json:
        typer.echo(_dump([_run_json(run) for run in runs]))
        return
    for run in runs:
        more = f", for {run.missed} missed before it as well" if run.missed else ""
        what = "missed" if run.too_late else "would run"
        typer.echo(f"{run.job.name}: {what} for {_local(run)}{more}")
    if not runs:
        typer.echo("Nothing is due.")


def _starting(run: Due) -> None:
    if sys.stderr.isatty():
        typer.echo(f"{run.job.name}: running for {_local(run)} …", err=True)


def _ended(as_json: bool) -> Callable[[Done], None]:
    """A line for each run as it ends; on stderr what cron should mail even when it is quiet."""
    from nbkit.schedule.launch import near

    def say(done: Done) -> None:
        run, outcome = done.run, done.outcome
        if as_json:
            typer.echo(json.dumps(_done_json(done), default=str, ensure_ascii=False))
            return
        more = f" [{run.missed} missed before it]" if run.missed else ""
        more += " [second attempt]" if run.attempt > 1 else ""
        line = f"{run.job.name} {_local(run)}{more}: {outcome.said}"
        place = f"\n{near(outcome.report)}" if outcome.report else ""
        if outcome.exit_code > 1 or run.too_late:
            typer.echo(f"nbkit: {line}", err=True)
        else:
            typer.echo(f"{line}{place}")

    return say


def _leave(done: tuple[Done, ...], *, exit_zero: bool) -> None:
    from nbkit.schedule.claims import MISSED

    codes = [
        d.outcome.exit_code
        for d in done
        # A completed run found something, which --exit-zero forgives; a missed one did not run.
        if not exit_zero or d.outcome.exit_code != 1 or d.outcome == MISSED
    ]
    if code := max(codes, default=0):
        raise typer.Exit(code)


def _run_json(run: Due) -> dict[str, Any]:
    return {
        "job": run.job.name,
        "scheduled_at": _utc(run.scheduled_at),
        "attempt": run.attempt,
        "missed": run.missed,
        "too_late": run.too_late,
    }


def _done_json(done: Done) -> dict[str, Any]:
    outcome = done.outcome
    return _run_json(done.run) | {
        "exit_code": outcome.exit_code,
        "said": outcome.said,
        "report": outcome.report or None,
    }


def _project() -> Project:
    from nbkit.project import find_project

    return find_project()


def _jobs() -> tuple[Project, tuple[Job, ...]]:
    from nbkit.schedule.loading import load_schedule

    project = _project()
    return project, load_schedule(project).jobs


def _job(project: Project, name: str) -> Job:
    from nbkit.schedule.loading import load_schedule

    return load_schedule(project).job(name)


@contextmanager
def _claims(project: Project) -> Iterator[Claims]:
    from nbkit.schedule.memory import open_claims

    with open_claims(project, runs_url=os.environ.get("NBKIT_RUNS", "")) as claims:
        yield claims


def _place(project: Project, out: str, clock: Callable[[], datetime]) -> Place:
    from nbkit.schedule.tick import Place
    from nbkit.store import open_store

    reports = out or os.environ.get("NBKIT_REPORTS") or project.reports
    return Place(project=project, store=open_store(reports), environment=os.environ, clock=clock)


def _clock(now: str, option: str = "--now") -> Callable[[], datetime]:
    if not now:
        return lambda: datetime.now(UTC)
    moment = _moment(now, option)
    return lambda: moment


def _moment(text: str, option: str) -> datetime:
    from nbkit.errors import ParameterError
    from nbkit.params import parse_moment

    try:
        return parse_moment(text)
    except ParameterError as error:
        raise InputError(f"{option}: {error}") from None


def _local(run: Due) -> str:
    return f"{run.job.when.local(run.scheduled_at):%a %d %b %H:%M %Z}"


def _utc(moment: datetime) -> str:
    from nbkit.findings import iso_utc

    return iso_utc(moment)


def _dump(document: object) -> str:
    return json.dumps(document, indent=1, default=str, ensure_ascii=False)
