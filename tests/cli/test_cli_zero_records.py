"""`nbkit zero-records`: the plan's command as a table, with the baseline beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
from asked_once import asked_once
from conftest import Fill

from nbkit.cli import main

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "warehouse"))
from demo_fixture import shared_demo

FIVE_DAYS = ("zero-records", "--start-date", "2026-01-14", "--end-date", "2026-01-19")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with asked_once(import_module("nbkit.questions.zero_records"), "zero_record_report"):
        yield f"duckdb:///{shared_demo(tmp_path_factory)}"


def test_five_days_after_the_fix_beside_the_105_before(
    demo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FIVE_DAYS, "--warehouse", demo]) == 0
    shown = capsys.readouterr().out
    assert "Found 7 zero-record runs in 5 days (2026-01-14 to 2026-01-18): 1.4 a day" in shown
    assert "OddsGameLinesProcessor" in shown
    assert "2,346 in 105 days, 22.3 a day" in shown
    assert "a clear change" in shown
    assert "All are false alarms" in shown


def test_a_pattern_narrows_both_sides_and_json_says_the_same(
    demo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FIVE_DAYS, "--processor", "Bdl*", "--json", "--warehouse", demo]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == 2
    assert set(told["processors"]) == {"BdlLiveBoxscoresProcessor", "BdlStandingsProcessor"}
    assert 0 < told["baseline"]["runs"] < 2346
    assert told["ratio"]["high"] < 1


def test_days_that_the_history_does_not_know_are_not_zero(
    demo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["zero-records", "--start-date", "2026-03-01", "--end-date", "2026-03-05"]
    assert main([*asked, "--warehouse", demo]) == 0
    assert "nothing was observed" in capsys.readouterr().out
    assert main([*asked, "--json", "--warehouse", demo]) == 0
    assert json.loads(capsys.readouterr().out)["per_day"] is None


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (("2026-01-32", "2026-02-05"), "is not a date; write 2026-01-14"),
        (("2026-01-19", "2026-01-14"), "No whole UTC day lies from 2026-01-19"),
    ],
)
def test_dates_that_make_no_sense_are_refused(
    demo: str, capsys: pytest.CaptureFixture[str], dates: tuple[str, str], said: str
) -> None:
    asked = ["zero-records", "--start-date", dates[0], "--end-date", dates[1]]
    assert main([*asked, "--warehouse", demo]) == 2
    assert said in capsys.readouterr().err


def test_after_a_baseline_without_any_the_json_is_still_json(
    on_duckdb: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    days = pd.date_range("2026-01-01", "2026-01-18", tz="UTC")
    runs = pd.DataFrame(
        {
            "processor_name": "NbacScheduleProcessor",
            "run_id": [f"r{n}" for n in range(len(days))],
            "status": "success",
            "started_at": days,
            "processed_at": days,
            "data_date": days.date,
            "records_processed": [50 if day < days[13] else 0 for day in days],
        }
    )
    with on_duckdb(runs) as warehouse:
        url = warehouse.url
    assert main([*FIVE_DAYS, "--json", "--warehouse", url]) == 0
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (told["per_day"], told["baseline"]["per_day"]) == (1.0, 0.0)
    assert told["ratio"]["low"] > 1
    assert told["ratio"]["high"] is None


def test_successes_that_do_not_say_their_records_are_not_days_of_zero(
    on_duckdb: Fill, capsys: pytest.CaptureFixture[str]
) -> None:
    days = pd.date_range("2026-01-14", "2026-01-18", tz="UTC")
    own = {"status": "success", "started_at": days, "processed_at": days, "data_date": days.date}
    silent, other = (
        pd.DataFrame(own | {"processor_name": name, "run_id": name + days.strftime("%d")})
        for name in ("Silent", "Other")
    )
    with on_duckdb(pd.concat([silent, other.assign(records_processed=5)])) as warehouse:
        url = warehouse.url
    for processor, days_known in (("Silent", 0), ("Other", 5), ("*", 5)):
        asked = [*FIVE_DAYS, "--processor", processor, "--json", "--warehouse", url]
        assert main(asked) == 0
        assert json.loads(capsys.readouterr().out)["days"] == days_known
