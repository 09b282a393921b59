"""`nbkit run` as a user types it: paths, exit codes, what is kept."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from report_samples import AS_OF, code, emitting, finding, markdown, notebook

from nbkit.cli import main
from nbkit.project import PROJECT_VARIABLE, WAREHOUSE_VARIABLE

REPOSITORY = Path(__file__).parents[2]
STAMP = "2026-01-13T120000Z"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    notebooks = tmp_path / "notebooks" / "reports"
    notebooks.mkdir(parents=True)
    (tmp_path / "registry").mkdir()
    made = {
        "well": notebook(markdown("## Shown?"), code("print(days)"), emitting("GREEN")),
        "ill": notebook(emitting("RED", finding())),
        "broken": notebook(code("print('kept')"), code("1 / 0"), emitting("GREEN")),
        "silent": notebook(code("1")),
        "unfit": notebook(emitting("UNKNOWN", finding("info"))),
        "slow": notebook(
            code("print('kept', flush=True)\nopen('running', 'w').close()"),
            code("import time; time.sleep(60)"),
        ),
    }
    for name, content in made.items():
        (notebooks / f"{name}.ipynb").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(WAREHOUSE_VARIABLE, raising=False)
    monkeypatch.delenv(PROJECT_VARIABLE, raising=False)
    return tmp_path


def run(*arguments: str) -> int:
    return main(["run", *arguments, "--as-of", AS_OF])


def test_a_healthy_run_writes_the_four_files_of_the_contract(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("well", "--out", "elsewhere", "-p", "days=9") == 0
    said = capsys.readouterr()
    folder = project / "elsewhere" / "well" / STAMP
    assert said.out.splitlines() == [
        "GREEN: Healthy",
        f"elsewhere/well/{STAMP}/index.html",
        f"elsewhere/well/{STAMP}/findings.json",
    ]
    assert said.err == ""
    assert sorted(p.name for p in folder.iterdir()) == [
        *("findings.json", "index.html", "manifest.json", "notebook.ipynb"),
    ]
    assert json.loads((folder / "findings.json").read_text()) == {
        "schema": 1,
        "notebook": "well",
        "as_of": AS_OF,
        "window": {"start": "2026-01-12T12:00:00Z", "end": AS_OF},
        "verdict": "GREEN",
        "findings": [],
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["parameters"] == {"as_of": AS_OF, "warehouse": "", "days": 9}
    assert manifest["warehouse"] == "duckdb:///demo.duckdb"
    assert manifest["queries"][0]["name"] == "hourly_counts"
    assert manifest["exit"] == {"state": "completed"}
    assert manifest["git"] is None
    assert manifest["versions"]["python"]
    assert manifest["started_at"] <= manifest["ended_at"]
    assert "9\n" in (folder / "notebook.ipynb").read_text().replace("\\n", "\n")
    assert "Is all well?" in (project / "elsewhere" / "index.html").read_text()


def test_a_rerun_gives_the_same_report_byte_for_byte(project: Path) -> None:
    folder = project / "reports" / "well" / STAMP
    run("well", "-q")
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    run("well", "-q")
    second = {p.name: p.read_bytes() for p in folder.iterdir()}
    for name in ("index.html", "findings.json", "notebook.ipynb"):
        assert first[name] == second[name], name
    assert [p.name for p in folder.parent.iterdir()] == [STAMP]


def test_a_critical_finding_exits_1_and_quiet_prints_one_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("ill", "--quiet") == 1
    assert capsys.readouterr().out == f"reports/ill/{STAMP}/findings.json\n"
    assert run("ill", "--quiet", "--exit-zero") == 0


def test_data_not_fit_to_judge_is_not_healthy(project: Path) -> None:
    assert run("unfit", "-q") == 1
    assert run("unfit", "-q", "--exit-zero") == 0


def test_a_failed_run_keeps_what_was_made_and_says_where_it_stopped(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("broken", "--exit-zero") == 3
    said = capsys.readouterr()
    folder = project / "reports" / "broken" / STAMP
    assert said.out.splitlines()[-1] == f"reports/broken/{STAMP}/findings.json"
    assert 'broken stopped in cell 4 of 5 ("Is all well?"): ZeroDivisionError' in said.err
    findings = json.loads((folder / "findings.json").read_text())
    assert (findings["verdict"], findings["findings"]) == ("UNKNOWN", [])
    ended = json.loads((folder / "manifest.json").read_text())["exit"]
    assert (ended["state"], ended["kind"]) == ("failed", "CellFailed")
    assert ended["cell"] == 'cell 4 of 5 ("Is all well?")'
    assert "kept" in (folder / "notebook.ipynb").read_text()
    assert "What went wrong" in (folder / "index.html").read_text()


def test_a_notebook_that_judges_nothing_has_failed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("silent", "-q") == 3
    assert "no cell called nb.emit(...)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["wel"], "Did you mean `well`?"),
        (["well", "-p", "dys=1"], "did you mean `days`?"),
        (["well", "--fail-on", "bad"], "use one of critical, warning, info"),
        (["well", "--timeout", "soon"], "write 90s, 15m, 2h or 7d"),
        (["well", "--to", "mail"], "write slack, or dir:PATH"),
        (["well", "--params", "none.yaml"], "no such parameter file"),
    ],
)
def test_misuse_exits_2_before_anything_starts(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not (project / "reports").exists()


def test_parameters_can_be_asked_for(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("well", "--help-params") == 0
    said = capsys.readouterr().out
    assert "timestamp" in said
    assert "warehouse URL" in said
    assert not (project / "reports").exists()


def test_a_message_is_delivered_and_a_failed_delivery_keeps_the_report(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("ill", "-q", "--to", "dir:out") == 1
    assert any((project / "out").rglob("*"))
    for name in ("SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL", "SLACK_CHANNEL"):
        monkeypatch.delenv(name, raising=False)
    capsys.readouterr()
    assert run("well", "-q", "--to", "slack") == 3
    said = capsys.readouterr()
    assert f"Send it later with: nbkit deliver reports/well/{STAMP} --to slack" in said.err
    assert (project / "reports" / "well" / STAMP / "index.html").exists()
    assert said.out == f"reports/well/{STAMP}/findings.json\n"


def test_a_report_can_live_in_a_bucket(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ill", "-q", "--out", "memory://bucket/reports", "--to", "dir:out") == 1
    address = f"memory://bucket/reports/ill/{STAMP}"
    assert capsys.readouterr().out == f"{address}/findings.json\n"
    assert main(["reports", "list", "--out", "memory://bucket/reports", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(run["folder"], run["verdict"]) for run in listed] == [(address, "RED")]


def test_ctrl_c_keeps_what_was_made_and_exits_130(project: Path) -> None:
    command = [sys.executable, "-c", "import sys; from nbkit.cli import main; sys.exit(main())"]
    running = subprocess.Popen(
        [*command, "run", "slow", "--as-of", AS_OF],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
    )
    until = time.monotonic() + 30
    while not (project / "running").exists() and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert out.splitlines()[-1] == f"reports/slow/{STAMP}/findings.json"
    assert "nbkit: interrupted. What was made until then" in err
    folder = project / "reports" / "slow" / STAMP
    assert json.loads((folder / "manifest.json").read_text())["exit"]["state"] == "interrupted"
    assert "kept" in (folder / "notebook.ipynb").read_text()


def test_reports_are_listed_and_the_list_made_anew(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reports", "list"]) == 0
    assert "No report yet" in capsys.readouterr().err
    run("ill", "-q")
    (project / "reports" / "index.json").unlink()
    assert main(["reports", "index"]) == 0
    capsys.readouterr()
    assert main(["reports", "list"]) == 0
    said = capsys.readouterr().out
    assert f"ill/{STAMP}" in said
    assert "1 critical" in said
    assert main(["reports", "serve", "--out", "gs://bucket"]) == 2


def test_a_new_notebook_runs_as_it_stands(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(REPOSITORY / "registry", project / "registry", dirs_exist_ok=True)
    with duckdb.connect(str(project / "demo.duckdb")) as history:
        history.execute(
            """CREATE SCHEMA nba_reference; CREATE TABLE nba_reference.processor_run_history AS
            SELECT 'BdlBoxscoresProcessor' AS processor_name, 'run-' || hour AS run_id,
              IF(hour % 50 = 7, 'failed', 'success') AS status,
              began AS started_at, began::DATE AS data_date
            FROM (SELECT hour, TIMESTAMP '2026-01-13 11:30:00' - hour * INTERVAL 1 HOUR AS began
                  FROM range(600) AS hours(hour))"""
        )
    assert main(["new", "late_data", "--title", "Which data is late?"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "notebooks/reports/late_data.ipynb"
    assert main(["run", "late_data"]) in (0, 1), capsys.readouterr().err
    page = (project / "reports" / "late_data" / STAMP / "index.html").read_text()
    assert "Which data is late?" in page
    assert "Is each phase doing its job?" in page
    assert "data:image/png;base64," in page
