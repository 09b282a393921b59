"""`nbkit deliver` from end to end: a folder in, a message in the channel, an exit code out."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from run_folders import a_finding, write_run
from slack_server import CUT_AFTER, CUT_BEFORE, TOKEN, says

from nbkit.cli import main


@pytest.fixture
def nbkit(project, slack, monkeypatch, capsys):
    """Run the command in this project; gives exit code, stdout and stderr."""
    for name in list(os.environ):
        if name.startswith(("SLACK_", "NBKIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NBKIT_PROJECT", str(project.root))

    def _nbkit(*arguments: str, **environment: str) -> tuple[int, str, str]:
        with monkeypatch.context() as here:
            for name, value in environment.items():
                here.setenv(name, value)
            code = main(["deliver", *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return _nbkit


def test_a_run_is_sent_once(nbkit, project, slack):
    folder = write_run(project.root, [a_finding()])
    code, out, err = nbkit(folder, **slack.bot_environment)
    assert (code, err) == (0, "")
    assert out == (
        "Sent to slack C0123456789: daily_health of 2026-01-13 12:00 UTC (message, report)\n"
    )
    code, out, _ = nbkit(folder, **slack.bot_environment)
    assert code == 0
    assert out.startswith("Already sent to slack C0123456789")
    assert len(slack.posts()) == 1


def test_the_command_works_as_a_process_of_its_own(project, slack):
    folder = write_run(project.root, [a_finding()])
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLACK_", "NBKIT_"))}
    command = [sys.executable, "-c", "import sys; from nbkit.cli import main; sys.exit(main())"]
    done = subprocess.run(
        [*command, "deliver", str(folder), "--json"],
        env={**kept, **slack.bot_environment, "NBKIT_PROJECT": str(project.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["sent"] == ["message", "report"]
    assert told["ts"] == slack.posts()[0].ts


def test_slack_down_is_exit_code_3_and_pending_sends_it_later(nbkit, project, slack):
    folder = write_run(project.root, [a_finding()])
    down = slack.bot_environment | {"SLACK_API_URL": "http://127.0.0.1:9/api/"}
    slack.fail("chat.postMessage", says("invalid_auth"))
    code, out, err = nbkit(folder, **slack.bot_environment)
    assert (code, out) == (3, "")
    assert err.startswith("nbkit: The bot token is not valid (invalid_auth). Copy the Bot User")
    assert TOKEN not in err
    assert folder.exists()

    code, out, _ = nbkit("--list", **down)
    assert code == 0
    assert "daily_health of 2026-01-13 12:00 UTC" in out
    assert "for slack C0123456789" in out
    assert "(invalid_auth)" in out

    code, out, _ = nbkit("--pending", **slack.bot_environment)
    assert code == 0
    assert out.startswith("Sent to slack C0123456789: daily_health")
    assert nbkit("--list", **down)[1] == "Nothing waits in the outbox.\n"
    assert nbkit("--pending", **down)[1] == "Nothing waits in the outbox.\n"


def test_pending_sends_what_it_can_oldest_first_and_tells_the_rest(nbkit, project, slack):
    for day in ("14", "13"):
        folder = write_run(project.root, [a_finding()], as_of=f"2026-01-{day}T12:00:00Z")
        nbkit(folder)
    code, out, _ = nbkit("--pending", **slack.bot_environment)
    assert code == 0
    days = [line.split(" of ")[1][:10] for line in out.splitlines()]
    assert days == ["2026-01-13", "2026-01-14"]
    assert "Still open (1)" in json.dumps(slack.posts()[1].blocks)


def test_pending_does_not_repeat_what_may_have_arrived(nbkit, project, slack):
    folder = write_run(project.root, [a_finding()])
    slack.fail("hook", CUT_AFTER)
    code, _, err = nbkit(folder, **slack.hook_environment)
    assert code == 3
    assert "--arrived" in err

    code, out, err = nbkit("--pending", "--json", **slack.hook_environment)
    assert code == 3
    assert "not known whether the message arrived" in err
    report = json.loads(out)
    assert report["sent"] == []
    run_id = report["failed"][0]["run_id"]
    assert "may have arrived since" in nbkit("--list")[1]

    assert nbkit(run_id[:6], "--arrived")[1].startswith("Noted as sent: daily_health")
    assert nbkit("--list", "--json")[1] == "[]\n"
    assert len(slack.posted_by_hook) == 1


def test_what_did_not_arrive_is_sent_again_when_a_person_says_so(nbkit, project, slack):
    folder = write_run(project.root, [a_finding()])
    slack.fail("hook", CUT_BEFORE)
    nbkit(folder, **slack.hook_environment)
    (entry,) = json.loads(nbkit("--list", "--json")[1])
    assert entry["state"] == "doubtful"

    assert nbkit(entry["run_id"], "--resend", **slack.hook_environment)[0] == 0
    assert len(slack.posted_by_hook) == 1


def test_an_entry_can_be_dropped(nbkit, project):
    folder = write_run(project.root, [a_finding()])
    assert nbkit(folder)[0] == 3
    assert nbkit(folder, "--forget")[1].startswith("Dropped from the outbox: daily_health")
    assert nbkit("--list")[1] == "Nothing waits in the outbox.\n"


def test_a_preview_prints_its_page(nbkit, project, tmp_path):
    folder = write_run(project.root, [a_finding()])
    code, out, _ = nbkit(folder, "--to", f"dir:{tmp_path / 'out'}")
    assert (code, out) == (0, f"{tmp_path / 'out' / 'preview.html'}\n")


def test_a_link_and_a_channel_can_be_given(nbkit, project, slack):
    folder = write_run(project.root, [a_finding()])
    slack.members.add("C0999999999")
    url = "https://reports.example/x"
    nbkit(folder, "--channel", "quiet", "--report-url", url, **slack.bot_environment)
    (post,) = slack.posts()
    assert post.channel == "C0999999999"
    assert url in json.dumps(post.blocks)


def test_earlier_messages_that_wait_are_mentioned(nbkit, project, slack):
    folder = write_run(project.root, [a_finding()], picture=False)
    slack.fail("chat.postMessage", says("is_archived"))
    nbkit(folder, **slack.bot_environment)
    tomorrow = write_run(project.root, [], as_of="2026-01-14T12:00:00Z", picture=False)
    _, out, _ = nbkit(tomorrow, **slack.bot_environment)
    assert out.splitlines()[-1] == "1 more in the outbox: nbkit deliver --pending"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Give one of: a RUN, --pending, --list"),
        (["--pending", "--list"], "Give one of"),
        (["--pending", "--resend"], "are about one RUN"),
        (["abc", "--resend", "--forget"], "exclude another"),
        (["abc"], "nothing in the outbox has that id"),
        (["no/such/folder"], "no such run folder"),
        (["abc", "--to", "slack"], "An id sends what the outbox holds"),
        ([".", "--to", "mail"], "findings.json"),
    ],
)
def test_misuse_is_exit_code_2(nbkit, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    code, out, err = nbkit(*arguments)
    assert (code, out) == (2, "")
    assert says in err
