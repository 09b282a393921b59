"""Exports are read back by the parsers of their readers, and mean the moments of the schedule."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_samples import at, job, project

from nbkit.cli import main
from nbkit.errors import InputError
from nbkit.schedule.due import LastRun, due
from nbkit.schedule.export import EXPORTERS, Target
from nbkit.schedule.export.lines import Line, fields, meant_moment, safe_lines, utc_lines
from nbkit.schedule.job import Job

NOW = at("2025-12-20T00:00Z")
START, END = at("2026-01-01T00:00Z"), at("2026-12-31T23:59Z")
NEW_YORK = "America/New_York"
JOBS = [
    job(name=f"job_{number}", cron=cron, time_zone=zone, grace="2h")
    for number, (cron, zone) in enumerate(
        [
            ("0 7 * * *", NEW_YORK),
            ("30 2 * * *", NEW_YORK),  # jumped over in spring
            ("30 1 * * *", NEW_YORK),  # shown twice in autumn
            ("*/30 * * * *", NEW_YORK),
            ("5 6-23 * * *", NEW_YORK),
            ("0 8 * * MON#1", NEW_YORK),
            ("45 9 * * MON#2,FRI", NEW_YORK),
            ("15 20 * * SUN,2", NEW_YORK),  # another weekday in UTC
            ("0 20 28 2,4 *", NEW_YORK),  # another month in UTC, in April too
            ("0 5 * * MON", "UTC"),
            ("0 3 1 * *", "Asia/Kolkata"),  # the last of the month before in UTC
            ("15 2 * * *", "Australia/Lord_Howe"),
        ]
    )
]
IDS = [f"{each.cron} {each.time_zone}" for each in JOBS]
every_job = pytest.mark.parametrize("each", JOBS, ids=IDS)


def clock_starts(line: Line, start: datetime = START, end: datetime = END) -> Iterator[datetime]:
    """A scheduler that looks at the clock of the zone every minute: it starts nothing in a jump,
    and all things twice in a repeated hour."""
    parsed = CronSim(line.expression, datetime(2000, 1, 1))  # noqa: DTZ001 - only to parse
    zone = ZoneInfo(line.zone)
    moment = start
    while moment <= end:
        wall = moment.astimezone(zone)
        if (
            wall.minute in parsed.minutes
            and wall.hour in parsed.hours
            and wall.month in parsed.months
            and parsed.match_day(wall.date())
        ):
            yield moment
        # Offsets are whole half-hours here: minutes of an hour recur.
        minutes = (wall.minute, *parsed.minutes)
        step = min((m - wall.minute) % 30 or 30 for m in minutes)
        moment += timedelta(minutes=step)


def cron_starts(line: Line) -> Iterator[datetime]:
    """cron itself, by cronsim's reading of it."""
    for moment in CronSim(line.expression, START.astimezone(ZoneInfo(line.zone))):
        if moment > END:
            return
        yield moment.astimezone(UTC)


def runs(each: Job, starts: list[datetime]) -> list[datetime]:
    """What `nbkit schedule run --only-if-due` makes of the starts."""
    last = LastRun(scheduled_at=START)
    found = []
    for moment in sorted(starts):
        for run in due([each], {each.name: last}, moment):
            assert not run.too_late
            found.append(run.scheduled_at)
            last = LastRun(scheduled_at=run.scheduled_at)
    return found


def moments(each: Job) -> list[datetime]:
    return list(each.when.between(START, END))


@every_job
def test_lines_for_schedulers_with_zones_mean_the_moments_of_the_job(each: Job) -> None:
    lines = safe_lines(each.when, now=NOW)
    starts = [moment for line in lines for moment in clock_starts(line)]
    assert runs(each, starts) == moments(each)
    if not lines[0].is_utc:  # no night matters: cron's reading is the same
        assert sorted(m for line in lines for m in cron_starts(line)) == sorted(starts)


def test_only_jobs_of_the_nights_when_clocks_change_are_written_in_utc() -> None:
    now = NOW.replace(microsecond=345678)
    written = {each.cron: safe_lines(each.when, now=now) for each in JOBS}
    assert safe_lines(job(cron="0 3 * * *").when, now=now) == (Line("0 3 * * *", NEW_YORK),)
    assert written["0 7 * * *"] == (Line("0 7 * * *", NEW_YORK),)
    assert written["0 8 * * MON#1"] == (Line("0 8 * * 1", NEW_YORK),)
    assert [line.expression for line in written["30 2 * * *"]] == ["30 6 * * *", "30 7 * * *"]
    assert [line.expression for line in written["*/30 * * * *"]] == ["0,30 * * * *"]


@every_job
def test_lines_in_utc_start_each_moment_without_memory_however_late(each: Job) -> None:
    """GitHub: a fresh checkout, a start up to 55 minutes late, several lines a job."""
    often = "*/30" in each.cron or "6-23" in each.cron
    nights = [
        ("2026-03-05T12:10Z", "2026-03-10T12:10Z"),
        ("2026-10-30T12:10Z", "2026-11-03T12:10Z"),
    ]
    late = timedelta(minutes=29 if "*/30" in each.cron else 55)
    for start, end in [(at(a), at(b)) for a, b in nights] if often else [(START, END)]:
        found = []
        for line in utc_lines(each.when, now=NOW):
            for number, moment in enumerate(clock_starts(line, start, end)):
                started = moment + late * (number % 7) / 7
                if meant := meant_moment(each.when, line.expression, started):
                    ran = due([each], {}, meant, first_grace=timedelta(hours=1))
                    found += [run.scheduled_at for run in ran]
        assert sorted(found) == list(each.when.between(start, end))


@settings(max_examples=40)
@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    weekday=st.sampled_from(["*", "1", "0,6", "5#2"]),
    zone=st.sampled_from([NEW_YORK, "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"]),
    month=st.integers(1, 12),
)
def test_lines_in_utc_name_every_moment(
    minute: int, hour: int, weekday: str, zone: str, month: int
) -> None:
    each = job(cron=f"{minute} {hour} * * {weekday}", time_zone=zone)
    start = datetime(2026, month, 1, tzinfo=UTC)
    end = start + timedelta(days=40)
    named = {
        moment
        for line in utc_lines(each.when, now=start)
        for moment in Job.model_copy(
            each, update={"cron": line.expression, "time_zone": "UTC"}
        ).when.between(start, end + timedelta(hours=1))
    }
    for moment in each.when.between(start, end):
        assert min(abs(other - moment) for other in named) <= timedelta(hours=1)
        if moment not in named:  # only after a jump
            assert (
                each.when.local(moment - timedelta(hours=1)).utcoffset()
                != each.when.local(moment).utcoffset()
            )


def test_a_line_that_was_not_exported_is_said() -> None:
    with pytest.raises(InputError, match=r"'0 11 \* \* \*', '0 12 \* \* \*'"):
        meant_moment(JOBS[0].when, "0 9 * * *", NOW)


def test_gcloud_commands_are_sound_and_say_what_the_schedule_says(tmp_path: Path) -> None:
    nasty = Target(slack_channel="#it's $HOME; `x`".replace(";", ","), project="a-project")
    (text,) = EXPORTERS["cloud-scheduler"](JOBS, nasty, NOW).values()
    # gcloud is played by a function that notes its arguments: what really arrives is looked at.
    log = tmp_path / "calls"
    script = tmp_path / "script.sh"
    describe = 'if [ "$4" = describe ] || [ "$3" = describe ]; then return 1; fi'
    player = f'gcloud() {{ {describe}; printf "%s\\0" "$@" >> {log}; printf "\\n" >> {log}; }}\n'
    script.write_text(player + text)
    subprocess.run(["bash", str(script)], check=True, timeout=60)
    calls = [line.split("\0")[:-1] for line in log.read_text().split("\n") if line]
    deployed = [call for call in calls if call[:3] == ["run", "jobs", "deploy"]]
    created = [call for call in calls if call[:4] == ["scheduler", "jobs", "create", "http"]]
    assert len(deployed) == len(JOBS)
    for each, call in zip(JOBS, deployed, strict=True):
        said = options(call)
        assert call[3] == f"nbkit-{each.name.replace('_', '-')}"
        assert said["--args"] == f"^;^schedule;run;{each.name};--only-if-due;--exit-zero"
        assert said["--task-timeout"] == "2100s"
        assert "SLACK_CHANNEL=#it's $HOME, `x`" in said["--set-env-vars"].split(";")
    lines = [line for each in JOBS for line in safe_lines(each.when, now=NOW)]
    assert len(created) == len(lines)
    for line, call in zip(lines, created, strict=True):
        said = options(call)
        assert Line(said["--schedule"], said["--time-zone"]) == line
        assert said["--location"] == "us-west2"
        assert said["--oauth-service-account-email"] == "nbkit@a-project.iam.gserviceaccount.com"
        assert said["--uri"].startswith(
            "https://run.googleapis.com/v2/projects/a-project/locations/us-west2/jobs/nbkit-job-"
        )
        assert said["--uri"].endswith(":run")


def options(call: list[str]) -> dict[str, str]:
    return {a: b for a, b in pairwise(call) if a.startswith("--")}


def test_a_crontab_runs_each_job_in_its_zone() -> None:
    target = Target(command="/opt/my tools/nbkit", folder="/srv/100% ours")
    (text,) = EXPORTERS["crontab"](JOBS, target, NOW).values()
    zone = ""
    found = {}
    for line in text.splitlines():
        if line.startswith("CRON_TZ="):
            zone = line.removeprefix("CRON_TZ=")
        elif line and not line.startswith("#") and line[0] in "0123456789*":
            *when, command = line.split(maxsplit=5)
            unescaped = command.replace("\\%", "%")
            assert command.count("%") == command.count("\\%")
            words = shlex.split(unescaped)
            assert words[:2] == ["cd", "/srv/100% ours"]
            assert words[words.index("flock") + 3 :][:3] == [
                *("/opt/my tools/nbkit", "schedule", "run"),
            ]
            assert words[-2:] == ["--only-if-due", "--exit-zero"]
            assert subprocess.run(["bash", "-n", "-c", unescaped], check=False).returncode == 0
            found[words[-3]] = Line(" ".join(when), zone)
    assert list(found) == [each.name for each in sorted(JOBS, key=lambda each: each.time_zone)]
    for each in (each for each in JOBS if "*/30" not in each.cron):
        assert runs(each, list(cron_starts(found[each.name]))) == moments(each)


def test_units_of_systemd(tmp_path: Path) -> None:
    target = Target(command="/opt/my tools/nbkit", folder="/srv/100% ours")
    files = EXPORTERS["systemd"](JOBS, target, NOW)
    assert len(files) == 2 * len(JOBS)
    service = ConfigParser(strict=True, interpolation=None)
    service.optionxform = str  # type: ignore[assignment,method-assign]
    service.read_string(files["nbkit-job-0.service"])
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["WorkingDirectory"] == "/srv/100%% ours"
    assert service["Service"]["ExecStart"] == (
        '"/opt/my tools/nbkit" schedule run job_0 --only-if-due --exit-zero'
    )
    assert service["Service"]["TimeoutStartSec"] == "2100"
    timer = ConfigParser(strict=True)
    timer.optionxform = str  # type: ignore[assignment,method-assign]
    timer.read_string(files["nbkit-job-5.timer"])
    assert dict(timer["Timer"]) == {
        "OnCalendar": "Mon *-*-01,02,03,04,05,06,07 08:00:00 America/New_York",
        "AccuracySec": "1s",
        "Persistent": "true",
    }
    if tool := shutil.which("systemd-analyze"):
        for name, text in files.items():
            (tmp_path / name).write_text(text.replace('"/opt/my tools/nbkit"', "/bin/true"))
        verified = subprocess.run(
            [tool, "verify", *map(str, tmp_path.glob("*.timer"))],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "nbkit" not in verified.stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize(
    "each", [each for each in JOBS if "/30" not in each.cron and "-" not in each.cron]
)
def test_systemd_reads_the_moments_of_the_job(each: Job) -> None:
    text = EXPORTERS["systemd"]([each], Target(), NOW)[f"nbkit-{each.name.replace('_', '-')}.timer"]
    events = [line.partition("=")[2] for line in text.splitlines() if "OnCalendar" in line]
    said = subprocess.run(
        [
            *("systemd-analyze", "calendar", "--iterations=400"),
            *("--base-time", f"{START:%Y-%m-%d %H:%M:%S} UTC", *events),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"TZ": "UTC"},
    ).stdout
    starts = [
        datetime.strptime(line.split(": ", 1)[1].strip(), "%a %Y-%m-%d %H:%M:%S UTC").replace(
            tzinfo=UTC
        )
        for line in said.splitlines()
        if "elapse:" in line or "Iter." in line
    ]
    assert runs(each, [moment for moment in starts if moment <= END]) == moments(each)


def test_cron_jobs_of_kubernetes() -> None:
    (text,) = EXPORTERS["kubernetes"](JOBS, Target(), NOW).values()
    documents = list(yaml.safe_load_all(text))
    names = [document["metadata"]["name"] for document in documents]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 52 for name in names)
    for each in JOBS:
        own = [d for d in documents if d["metadata"]["labels"]["nbkit/job"] == each.name]
        found = tuple(Line(d["spec"]["schedule"], d["spec"]["timeZone"]) for d in own)
        assert found == safe_lines(each.when, now=NOW)
        for document in own:
            spec = document["spec"]
            assert spec["concurrencyPolicy"] == "Forbid"
            assert spec["startingDeadlineSeconds"] == 7200
            run = spec["jobTemplate"]["spec"]
            assert (run["activeDeadlineSeconds"], run["backoffLimit"]) == (2100, 0)
            (container,) = run["template"]["spec"]["containers"]
            assert container["args"][:3] == ["schedule", "run", each.name]
            assert all(isinstance(e["value"], str) for e in container["env"])


def test_workflows_of_github() -> None:
    files = EXPORTERS["github-actions"](JOBS, Target(), NOW)
    for each in JOBS:
        workflow = yaml.safe_load(files[f"nbkit-{each.name.replace('_', '-')}.yaml"])
        lines = tuple(Line(entry["cron"], "Etc/UTC") for entry in workflow["on"]["schedule"])
        assert lines == utc_lines(each.when, now=NOW)
        (step,) = [s for s in workflow["jobs"]["run"]["steps"] if s.get("name")]
        assert step["env"]["STARTED_BY"] == "${{ github.event.schedule }}"
        assert "${{" not in step["run"]
        checked = subprocess.run(["bash", "-n", "-c", step["run"]], check=False)
        assert checked.returncode == 0
        assert f"nbkit schedule run {each.name} --only-if-due" in step["run"]


def test_a_weekday_is_a_number_that_all_schedulers_know() -> None:
    assert safe_lines(job(cron="0 9 * * 7").when, now=NOW)[0].expression == "0 9 * * 0"
    assert fields(job(cron="0 9 * * MON-FRI").when).weekdays == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("value", ["a;b", "a\nb"])
def test_names_that_would_break_out_of_their_place_are_refused(value: str) -> None:
    with pytest.raises(InputError, match="--image"):
        Target(image=value)


def test_the_command_shows_one_export_or_writes_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = """\
  - {name: health, notebook: health, params: params/health/production.yaml, cron: 0 7 * * *,
     time_zone: America/New_York, channel: none, owner: data-platform, timeout: 30m}
"""
    monkeypatch.chdir(project(tmp_path, entry).root)
    monkeypatch.delenv("NBKIT_PROJECT", raising=False)
    assert main(["schedule", "export", "--to", "kubernetes", "--image", "eu.example/nb:1"]) == 0
    (cron_job,) = yaml.safe_load_all(capsys.readouterr().out)
    assert cron_job["spec"]["schedule"] == "0 7 * * *"
    assert main(["schedule", "export", "--to", "systemd", "--out", "units"]) == 0
    written = capsys.readouterr().out.split()
    assert written == ["units/nbkit-health.service", "units/nbkit-health.timer"]
    assert all(Path(name).is_file() for name in written)
    assert main(["schedule", "export", "--to", "cloud-scheduler", "--out", "units"]) == 0
    assert Path("units/nbkit-schedule.sh").stat().st_mode & 0o100
    assert main(["schedule", "export", "--to", "windows"]) == 2
    assert "use one of cloud-scheduler, crontab" in capsys.readouterr().err
