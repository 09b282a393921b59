"""`nbkit registry`: what a person on call reads, and what a machine does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from nbkit.cli import main
from nbkit.registry import load_registry
from nbkit.warehouse.schema import RUN_HISTORY, duckdb_ddl

FAILED = "2026-01-13T08:30:00Z"  # 03:30 in New York
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit code, stdout and stderr of `nbkit registry …` on 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["registry", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "processor_registry.yaml"
    shutil.copy(load_registry().source, path)
    text = path.read_text(encoding="utf-8")
    text = text.replace("timeout_seconds: 600\n    expected", "timeout_seconds: ten\n    expected")
    text = text.replace("      - MLFeatureStoreProcessor\n", "      - MLFeatureStorProcessor\n", 1)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def history(tmp_path: Path) -> Callable[..., str]:
    """URL of a warehouse with a run a row: (name, phase, dataset, table, day of January)."""

    def history(*runs: tuple[str, str | None, str | None, str | None, int]) -> str:
        path = tmp_path / "runs.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("CREATE SCHEMA nba_reference")
            connection.execute(duckdb_ddl())
            for i, (name, phase, dataset, table, day) in enumerate(runs):
                started = f"2026-01-{day:02} 06:00:00+00"
                connection.execute(
                    f"INSERT INTO {RUN_HISTORY} (processor_name, run_id, status, started_at, "
                    "processed_at, data_date, phase, output_dataset, output_table) "
                    "VALUES (?, ?, 'success', ?, ?, ?, ?, ?, ?)",
                    [name, f"r{i}", started, started, started[:10], phase, dataset, table],
                )
        return f"duckdb:///{path}"

    return history


def test_a_sound_registry_is_a_line_and_its_slas_another(run: Run) -> None:
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert out == (
        "registry/processor_registry.yaml: 60 processors, 21 exporters, 98 dependencies: "
        "no problems.\n"
        "registry/slas.yaml: 21 targets, 0 exceptions: no problems.\n"
    )
    code, out, _ = run("check", "--json")
    document = json.loads(out)
    assert code == 0
    assert document["valid"] is True
    assert (document["processors"], document["exporters"]) == (60, 21)
    assert (document["slas"], document["sla_exceptions"]) == (21, 0)


def test_a_wrong_sla_beside_the_registry_is_told(run: Run, tmp_path: Path) -> None:
    folder = load_registry().source.parent
    for name in ("processor_registry.yaml", "slas.yaml"):
        shutil.copy(folder / name, tmp_path / name)
    text = (tmp_path / "slas.yaml").read_text(encoding="utf-8")
    (tmp_path / "slas.yaml").write_text(text.replace("05:00 PM ET", "06:00 PM ET"))
    code, out, err = run("check", tmp_path / "processor_registry.yaml")
    assert (code, out) == (2, "")
    assert "slas.yaml" in err
    assert "a deadline is one" in err


def test_all_that_is_wrong_comes_at_once_with_exit_code_2(run: Run, broken: Path) -> None:
    code, out, err = run("check", broken)
    assert (code, out) == (2, "")
    assert err.startswith("nbkit: 2 problems in ")
    assert "processors.NbacGamebookProcessor.timeout_seconds: 'ten' will not do" in err
    assert "'MLFeatureStorProcessor' is not registered; did you mean MLFeatureStoreP" in err
    code, out, err = run("check", broken, "--json")
    document = json.loads(out)
    assert (code, err, document["valid"], len(document["problems"])) == (2, "", False, 2)
    line = broken.read_text(encoding="utf-8").splitlines().index("    timeout_seconds: ten") + 1
    assert f"processor_registry.yaml:{line}: " in "".join(document["problems"])
    for command in ("show", "impact"):
        assert run(command, "PredictionCoordinator", "--file", broken)[0] == 2


def test_a_registry_that_is_contradicted_by_runs_exits_with_1(
    run: Run, history: Callable[..., str]
) -> None:
    url = history(
        ("NbacScheduleProcessor", "phase_2_raw", "nba_raw", "nbac_schedule", 3),
        ("NbacScheduleProcessor", "phase_2_raw", "nba_raw", "nbac_schedule_v2", 9),
        ("NbacRefereesProcessor", "phase_2_raw", "nba_raw", "referees", 8),
        ("PlayerGameSummaryProcessor", "grading", "nba_analytics", "player_game_summary", 7),
        ("LaterProcessor", "phase_2_raw", None, None, 20),
    )
    code, out, _ = run("check", "--warehouse", url, "--as-of", "2026-01-13T12:00:00Z")
    assert code == 1
    assert "Compared with 4 runs from 2025-12-14 12:00 to 2026-01-13 12:00 UTC." in out
    assert "NbacRefereesProcessor  1 run, last 2026-01-08" in out
    assert "is it NbacRefereeProcessor, renamed?" in out
    assert "now writes nba_raw.nbac_schedule_v2" in out
    assert "grading, registered phase_3_analytics" in out
    assert "Registered but never seen (79)" in out
    assert "LaterProcessor" not in out
    assert max(len(line) for line in out.splitlines()) <= 95
    code, out, _ = run("check", "--warehouse", url, "--as-of", "2026-01-13T12:00:00Z", "--json")
    drift = json.loads(out)["drift"]
    assert code == 1
    assert [m["since"] for m in drift["moved"]] == ["2026-01-09T06:00:00Z"]
    assert [s["name"] for s in drift["not_registered"]] == ["NbacRefereesProcessor"]
    assert len(drift["never_seen"]) == 79


def test_silence_alone_is_no_contradiction(run: Run, history: Callable[..., str]) -> None:
    url = history(("NbacScheduleProcessor", "phase_2_raw", "nba_raw", "nbac_schedule", 12))
    code, out, _ = run("check", "--warehouse", url, "--as-of", "2026-01-13T12:00:00Z")
    assert code == 0
    assert "Registered but never seen (80)" in out
    assert "Nothing that ran contradicts the registry." in out


def test_a_window_without_runs_says_so_instead_of_calling_all_unseen(
    run: Run, history: Callable[..., str]
) -> None:
    url = history(("NbacScheduleProcessor", "phase_2_raw", "nba_raw", "nbac_schedule", 12))
    code, out, err = run("check", "--warehouse", url)  # now: long after that history
    assert code == 2
    assert "no problems" not in out
    assert "nothing to compare with. Give --as-of" in " ".join(err.split())
    assert run("check", "--as-of", FAILED)[0] == 2
    assert run("check", "--warehouse", "duckdb:////nowhere/x.duckdb")[0] == 3


def test_show_marks_defaults_and_says_where_they_come_from(run: Run) -> None:
    code, out, _ = run("show", "NbacGamebookProcessor")
    assert code == 0
    assert "Deadline    03:00 ET, the day after (America/New_York)\n" in out
    assert "Timeout     10 min\n" in out
    assert "Records     100 to 500 a date\n" in out
    assert "Owner       data-engineering  (default)\n" in out
    assert "owner: the team that the escalation matrix names: #data-engineering" in out
    assert "and, through them, 27 more" in out
    line = load_registry().line_of("NbacGamebookProcessor")
    assert f"Stands in   registry/processor_registry.yaml:{line}\n" in out
    assert max(map(len, out.splitlines())) <= 80
    _, out, _ = run("show", "BestBetsExporter")
    assert "exports JSON for the site  (default)" in out
    assert "Records     unknown  (default)" in out
    assert out.count("  (default)") == 7


def test_show_for_machines_and_for_all(run: Run) -> None:
    document = json.loads(run("show", "NbacGamebookProcessor", "--json")[1])
    assert document["sla_completion_time"] == {
        "text": "03:00 AM ET",
        "time": "03:00",
        "zone": "America/New_York",
        "days_after": 1,
    }
    assert document["criticality"] == "CRITICAL"
    assert list(document["defaults"]) == ["owner"]
    assert len(document["downstream"]) == 32
    assert len(json.loads(run("show", "--json")[1])) == 81
    out = run("show")[1]
    assert "Phase 2 · Raw (38)" in out
    assert all(name in out for name in load_registry().order())
    assert max(map(len, out.splitlines())) <= 80


def test_impact_says_what_breaks_whose_it_is_and_which_deadline_is_next(run: Run) -> None:
    code, out, _ = run("impact", "NbacGamebookProcessor", "--as-of", FAILED)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "If NbacGamebookProcessor fails, 32 others may fail with it"
    assert lines[1] == "5 directly; 1 critical, 8 high, 23 medium"
    assert lines[3] == "Next due    Tue 13 Jan 04:00 ET (09:00 UTC), in 30 min"
    assert lines[4].strip() == "PlayerGameSummaryProcessor, data of 2026-01-12"
    assert lines[5] == "Critical    Tue 13 Jan 17:00 ET (22:00 UTC), in 13 h 30 min  (default)"
    assert "Just due    Tue 13 Jan 02:00 ET, 1 h 30 min ago: 3 of these" in lines
    assert "Owners      data-engineering" in lines
    assert "Phase 6 · Publishing (19)  due Tue 13 Jan 18:00 ET" in lines
    assert max(map(len, lines)) <= 80
    out = run("impact", "BdlBoxscoresProcessor", "--as-of", FAILED)[1]
    assert "Same table  BdlPlayerBoxScoresProcessor" in out
    out = run("impact", "NewsExporter", "--as-of", FAILED)[1]
    assert out.startswith("If NewsExporter fails, nothing else registered breaks\n")


def test_impact_for_machines(run: Run) -> None:
    out = run("impact", "MlbPitcherStatsProcessor", "--as-of", FAILED, "--json")[1]
    document = json.loads(out)
    assert document["by_criticality"] == {"HIGH": 2, "MEDIUM": 2}
    assert document["at"] == FAILED
    first = document["deadlines"][0]
    assert first == {
        "name": "MlbPredictionGradingProcessor",
        "due": "2026-01-13T15:00:00Z",
        "data_date": "2026-01-12",
    }
    assert {a["name"]: a["distance"] for a in document["affected"]}[
        "MlbPitcherFeaturesProcessor"
    ] == 2


@pytest.mark.parametrize("command", ["show", "impact"])
def test_an_unknown_name_is_misuse_and_names_the_nearest(run: Run, command: str) -> None:
    code, _, err = run(command, "NbacGamebok")
    assert code == 2
    assert "Did you mean NbacGamebookProcessor?" in err
    assert run("graph", "--processor", "NbacGamebok")[0] == 2


def test_impact_at_a_moment_that_is_none_is_misuse(run: Run) -> None:
    code, _, err = run("impact", "NewsExporter", "--as-of", "yesterday")
    assert code == 2
    assert "'yesterday' is not a moment" in err


def test_the_graph_goes_to_a_file_by_its_ending_or_to_stdout(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "graph.svg"
    code, out, _ = run("graph", "-o", target, "--processor", "PredictionCoordinator")
    assert (code, out.strip()) == (0, str(target))
    assert ElementTree.parse(target).getroot().tag.endswith("svg")
    assert run("graph", "-o", tmp_path / "graph.mmd")[0] == 0
    assert (tmp_path / "graph.mmd").read_text(encoding="utf-8").startswith("flowchart LR")
    assert run("graph", "--format", "dot")[1].startswith("digraph processors {")
    ElementTree.fromstring(run("graph")[1])


def test_a_graph_of_no_known_kind_or_to_nowhere_is_misuse(run: Run, tmp_path: Path) -> None:
    code, _, err = run("graph", "--format", "png")
    assert (code, "use one of svg, mermaid, dot" in err) == (2, True)
    code, _, err = run("graph", "-o", tmp_path / "graph.png")
    assert (code, "give --format" in err) == (2, True)
    code, _, err = run("graph", "-o", tmp_path / "none" / "graph.svg")
    assert (code, "cannot be written" in err) == (2, True)


def test_the_demo_is_read_at_its_own_moment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    shutil.copytree(load_registry().source.parent, tmp_path / "registry")
    monkeypatch.setenv("NBKIT_PROJECT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "build", "--runs", "20000", "demo.duckdb"]) == 0
    code, out, _ = run("check", "--warehouse", "duckdb:///demo.duckdb")
    assert code == 0
    assert "to 2026-01-13 12:00 UTC." in out


def test_more_days_than_any_history_has_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["registry", "check", "--warehouse", "duckdb:///none.duckdb", "--days", "100000000"]
    assert main(asked) == 2
    assert "--days is at most 1,095" in capsys.readouterr().err
