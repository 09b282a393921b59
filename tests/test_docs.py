"""The code and the commands in the documents run."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbkit.cli import main

ROOT = Path(__file__).parents[1]
RECORDING = (ROOT / "docs" / "recording.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", RECORDING, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_on_recording_runs_as_it_stands(
    snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("notebooks", "registry"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBKIT_PROJECT", str(tmp_path))
    exec(compile(snippet, "docs/recording.md", "exec"), {"__name__": "snippet"})
    assert (tmp_path / "runs.duckdb").is_file()
    assert not (tmp_path / ".nbkit" / "spool").exists()


COMMANDS = sorted(
    {
        command.split("#")[0].strip()
        for page in (ROOT / "docs").rglob("*.md")
        for block in re.findall(r"```(?:bash)?\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
        for command in block.splitlines()
        if command.startswith("nbkit ")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_in_the_documents_exists(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command.replace("[", "").replace("]", ""))[1:]
    names = []
    for word in words:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", word):
            break
        names.append(word)
    options = [word.split("=")[0] for word in words if word.startswith("--") and word != "--"]
    # The deepest of the leading words that is a command: what follows are its arguments.
    for depth in (2, 1):
        if main([*names[:depth], "--help"]) == 0:
            shown = capsys.readouterr().out
            break
        capsys.readouterr()
    else:
        raise AssertionError(f"no such command: {command}")
    assert all(option in shown for option in options), (command, options)


DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
FUNCTIONS = "nbkit-functions@nba-props-platform.iam.gserviceaccount.com"
CALLER = "nbkit-scheduler@nba-props-platform.iam.gserviceaccount.com"

# Each command of the page with flags that it has; read off gcloud 528, which parses them all.
FLAGS = {
    "artifacts repositories create": {"repository-format", "location"},
    "builds submit": {"tag"},
    "config set": set(),
    "eventarc triggers describe": {"format"},
    "functions add-invoker-policy-binding": {"region", "member"},
    "functions call": {"gen2", "region", "data"},
    "functions delete": {"no-gen2", "region"},
    "functions deploy": {
        *("gen2", "region", "runtime", "source", "entry-point", "trigger-http", "trigger-topic"),
        *("no-allow-unauthenticated", "service-account", "trigger-service-account", "retry"),
        *("memory", "cpu", "timeout", "concurrency", "max-instances"),
        *("set-env-vars", "set-secrets"),
    },
    "functions describe": {"gen2", "region", "format"},
    "functions logs read": {"gen2", "region", "limit"},
    "iam service-accounts create": set(),
    "projects add-iam-policy-binding": {"member", "role", "condition"},
    "projects describe": {"format"},
    "pubsub subscriptions add-iam-policy-binding": {"member", "role"},
    "pubsub subscriptions create": {"topic", "message-retention-duration", "expiration-period"},
    "pubsub subscriptions pull": {"limit"},
    "pubsub subscriptions update": {
        *("min-retry-delay", "max-retry-delay", "dead-letter-topic", "max-delivery-attempts"),
    },
    "pubsub topics add-iam-policy-binding": {"member", "role"},
    "pubsub topics create": set(),
    "pubsub topics publish": {"message"},
    "run revisions list": {"service", "region"},
    "run services update-traffic": {"region", "to-revisions", "to-latest"},
    "scheduler jobs create http": {
        *("location", "schedule", "time-zone", "uri", "http-method", "message-body"),
        *("oidc-service-account-email", "attempt-deadline"),
    },
    "scheduler jobs pause": {"location"},
    "scheduler jobs resume": {"location"},
    "scheduler jobs run": {"location"},
    "scheduler jobs update http": {"location", "message-body"},
    "scheduler jobs update pubsub": {"location", "topic", "message-body"},
    "secrets add-iam-policy-binding": {"member", "role"},
    "secrets create": {"data-file"},
    "services enable": set(),
    "storage buckets add-iam-policy-binding": {"member", "role"},
    "storage buckets create": {"location", "uniform-bucket-level-access"},
}


@dataclass(frozen=True)
class Command:
    """One call of gcloud, as the shell makes it of the page."""

    name: str
    arguments: tuple[str, ...]
    flags: dict[str, str]


@pytest.fixture(scope="module")
def gcloud(tmp_path_factory: pytest.TempPathFactory) -> list[Command]:
    """What the page's commands call, in their order: bash runs them all, with programs of their
    names that only write down how they were called."""
    folder = tmp_path_factory.mktemp("deploy")
    (folder / "deploy").mkdir()
    (folder / "deploy" / "nbkit-schedule.sh").touch()
    for name in ("gcloud", "bq", "nbkit"):
        stub = folder / "bin" / name
        stub.parent.mkdir(exist_ok=True)
        # What is piped in is read, as gcloud does: else the writer may die of SIGPIPE.
        stub.write_text(
            f"#!/bin/bash\nprintf '%s\\0' {name} \"$@\" $'\\n' >>calls\n"
            'case "$*" in *--data-file=-*) cat >/dev/null;; esac\necho answer\n'
        )
        stub.chmod(0o755)
    script = "\n".join(re.findall(r"```bash\n(.*?)```", DEPLOY, re.DOTALL))
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "SLACK_BOT_TOKEN": "xoxb-1"}
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, check=True
    )
    called = []
    for call in (folder / "calls").read_text().split("\n\0")[:-1]:
        program, *words = call.split("\0")[:-1]
        if program == "gcloud":
            given = dict(w[2:].partition("=")[::2] for w in words if w.startswith("--"))
            plain = [word for word in words if not word.startswith("--")]
            name = next(n for n in FLAGS if plain[: len(n.split())] == n.split())
            called.append(Command(name, tuple(plain[len(name.split()) :]), given))
    return called


def test_gcloud_has_each_flag_that_the_page_gives_it(gcloud: list[Command]) -> None:
    assert {command.name for command in gcloud} == set(FLAGS)
    for command in gcloud:
        assert set(command.flags) <= FLAGS[command.name], command
        assert not [word for word in command.arguments if word.startswith("-")], command


def test_each_entry_point_is_deployed_once_as_its_kind_needs(gcloud: list[Command]) -> None:
    import main as deployed

    found = {}
    for command in gcloud:
        if command.name == "functions deploy":
            given = command.flags
            assert "gen2" in given
            assert given["service-account"] == FUNCTIONS
            assert ("trigger-http" in given) != ("trigger-topic" in given)
            if "trigger-http" in given:
                assert "no-allow-unauthenticated" in given
                assert given["set-env-vars"].endswith(",NBKIT_BEHIND_IAM=1")
            else:
                assert given["trigger-service-account"] == CALLER
                assert "retry" in given
            found[given["entry-point"]] = given.get("trigger-topic", "http")
    assert set(found) == set(deployed.__all__)
    assert {name: topic for name, topic in found.items() if topic != "http"} == {
        "self_heal": "nba-processor-failure",
        "cleanup_upcoming_tables": "upcoming-tables-cleanup-trigger",
    }


def test_each_function_may_be_called_and_each_that_answers_http_has_a_clock(
    gcloud: list[Command],
) -> None:
    deployed = {c.arguments[0]: c.flags for c in gcloud if c.name == "functions deploy"}
    invoked = {c.arguments[0] for c in gcloud if c.name == "functions add-invoker-policy-binding"}
    clocks = {c.arguments[0]: c.flags for c in gcloud if c.name == "scheduler jobs create http"}
    assert invoked == set(deployed)
    assert set(clocks) == {name for name, given in deployed.items() if "trigger-http" in given}
    for name, clock in clocks.items():
        assert clock["oidc-service-account-email"] == CALLER
        assert clock["uri"].endswith(f".cloudfunctions.net/{name}")
        seconds = [int(text.rstrip("s")) for text in (clock["attempt-deadline"],)]
        assert seconds[0] >= int(deployed[name]["timeout"].rstrip("s"))


def test_the_clocks_are_read_as_the_entry_points_say(gcloud: list[Command]) -> None:
    from nbkit.schedule.cron import Cron

    said = " ".join((ROOT / "nbkit" / "cloud" / "__init__.py").read_text(encoding="utf-8").split())
    for command in gcloud:
        if command.name == "scheduler jobs create http":
            schedule, zone = command.flags["schedule"], command.flags["time-zone"]
            Cron(schedule, zone)
            assert f"HTTP, {schedule} {zone}".removesuffix(" UTC") in said


def test_the_settings_are_those_that_the_functions_and_the_notebooks_read(
    gcloud: list[Command],
) -> None:
    from nbkit.cloud.settings import read_access, read_settings
    from nbkit.schedule.export.target import Target

    (given,) = {
        command.flags["set-env-vars"].removesuffix(",NBKIT_BEHIND_IAM=1")
        for command in gcloud
        if command.name == "functions deploy"
    }
    settings = dict(one.split("=", 1) for one in given.split(","))
    read = read_settings(settings)
    assert read.gcp_project == "nba-props-platform"
    assert read_access({"NBKIT_BEHIND_IAM": "1"}).is_behind_iam
    # One place for claims and reports, or the daily report would be told twice.
    jobs = Target(project="nba-props-platform", region="us-west2")
    assert settings["NBKIT_RUNS"] == jobs.runs
    assert settings["NBKIT_REPORTS"] == jobs.reports
    assert settings["NBKIT_WAREHOUSE"] == jobs.warehouse
    assert settings["SLACK_CHANNEL"] == jobs.slack_channel
    secrets = {c.flags["set-secrets"] for c in gcloud if c.name == "functions deploy"}
    assert secrets == {f"SLACK_BOT_TOKEN={jobs.slack_secret}:latest"}


def test_functions_may_publish_where_they_ask_for_runs(gcloud: list[Command]) -> None:
    from nbkit.runs.healing import TOPICS
    from nbkit.runs.partial_start import TOPIC

    allowed = {
        c.arguments[0]
        for c in gcloud
        if c.name == "pubsub topics add-iam-policy-binding" and FUNCTIONS in c.flags["member"]
    }
    assert allowed == {*TOPICS.values(), TOPIC}


def test_what_fails_five_times_goes_where_the_alert_looks(gcloud: list[Command]) -> None:
    updates = [c for c in gcloud if c.name == "pubsub subscriptions update"]
    assert len(updates) == 2  # of the two functions that hear a topic
    for update in updates:
        assert update.flags == {
            "min-retry-delay": "60s",
            "max-retry-delay": "600s",
            "dead-letter-topic": "nbkit-dead-letters",
            "max-delivery-attempts": "5",
        }
    (kept,) = [c.arguments[0] for c in gcloud if c.name == "pubsub subscriptions create"]
    policy = (ROOT / "registry" / "alerts" / "dead-letters.yaml").read_text(encoding="utf-8")
    assert f'subscription_id="{kept}"' in policy


def test_what_acts_runs_dry_beside_the_first_generation(gcloud: list[Command]) -> None:
    bodies: dict[str, list[str]] = {}
    for command in gcloud:
        if "message-body" in command.flags:
            bodies.setdefault(command.arguments[0], []).append(command.flags["message-body"])
    dry, acting = '{"dry_run": true}', '{"dry_run": false}'
    assert bodies == {
        "nbkit-phase4-timeout-check": [dry, acting],
        "nbkit-stale-running-cleanup": [dry, acting],
        "upcoming-tables-cleanup-schedule": [acting],
    }
