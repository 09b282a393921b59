from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from nbkit.findings import Verdict
from nbkit.report.archive import Place, place_for, read_index, update_index
from nbkit.report.index_page import SHOWN_RUNS, render_index
from nbkit.report.outcome import ExitState
from nbkit.store import LocalStore, folder_stamp, open_store

AS_OF = datetime(2026, 1, 13, 12, tzinfo=UTC)


def manifest(
    notebook: str = "daily",
    as_of: datetime = AS_OF,
    verdict: str = "GREEN",
    state: str = "completed",
    parameters: dict[str, Any] | None = None,
    warehouse: str = "duckdb:///demo.duckdb",
    variant: str = "",
) -> dict[str, Any]:
    return {
        "notebook": notebook,
        "title": "Is all well?",
        "variant": variant,
        "as_of": as_of.isoformat(),
        "verdict": verdict,
        "counts": {"warning": 1} if verdict == "YELLOW" else {},
        "parameters": {"as_of": "2026-01-13T12:00:00Z", "days": 7} | (parameters or {}),
        "warehouse": warehouse,
        "seconds": 1.5,
        "exit": {"state": state},
    }


def put(store: LocalStore, path: str, content: dict[str, Any]) -> None:
    store.put_folder(path, {"manifest.json": json.dumps(content).encode(), "index.html": b"x"})


def place(
    store: LocalStore, *, completed: bool = True, label: str = "demo", **changed: Any
) -> Place:
    wanted = manifest(**changed)
    return place_for(
        store,
        notebook="daily",
        as_of=AS_OF,
        parameters=wanted["parameters"],
        warehouse=wanted["warehouse"],
        label=label,
        completed=completed,
    )


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def test_the_same_parameters_replace_and_others_get_a_name_of_their_own(store: LocalStore) -> None:
    plain = place(store)
    assert plain == Place(path="daily/2026-01-13T120000Z", variant="")
    put(store, plain.path, manifest())
    assert place(store) == plain
    other = place(store, parameters={"days": 30}, label="month")
    assert other == Place(path="daily/2026-01-13T120000Z-month", variant="month")
    put(store, other.path, manifest(parameters={"days": 30}))
    assert place(store, parameters={"days": 30}, label="month") == other
    third = place(store, parameters={"days": 90}, label="month")
    assert third.path.startswith("daily/2026-01-13T120000Z-")
    assert len(third.variant) == 6
    assert place(store, warehouse="duckdb:///mine.duckdb", label="").variant not in ("", "month")


def test_a_run_that_did_not_complete_never_replaces_one_that_did(store: LocalStore) -> None:
    put(store, "daily/2026-01-13T120000Z", manifest())
    assert place(store, completed=False).path == "daily/2026-01-13T120000Z-failed"
    put(store, "daily/2026-01-13T120000Z", manifest(state="failed"))
    assert place(store, completed=False).path == "daily/2026-01-13T120000Z"
    assert place(store, completed=True).path == "daily/2026-01-13T120000Z"


def test_a_folder_of_somebody_else_is_left_alone(store: LocalStore) -> None:
    store.put_folder("daily/2026-01-13T120000Z", {"manifest.json": b"not ours"})
    assert place(store).path == "daily/2026-01-13T120000Z-demo"


def test_the_stamp_is_in_utc() -> None:
    eastern = datetime.fromisoformat("2026-01-13T07:00:00-05:00")
    assert folder_stamp(eastern) == "2026-01-13T120000Z"


def test_the_list_grows_by_the_new_run_and_reads_no_old_one(store: LocalStore) -> None:
    for day in range(3):
        moment = AS_OF - timedelta(days=day)
        put(store, f"daily/{folder_stamp(moment)}", manifest(as_of=moment, verdict="YELLOW"))
    runs = update_index(store)
    assert [run.as_of for run in runs] == [AS_OF - timedelta(days=day) for day in range(3)]
    # An old manifest that changed behind our back shows whether it was read again.
    put(store, f"daily/{folder_stamp(AS_OF)}", manifest(verdict="RED"))
    put(store, "other/2026-01-13T120000Z", manifest("other", verdict="RED"))
    seen = {run.path: run.verdict for run in update_index(store)}
    assert seen[f"daily/{folder_stamp(AS_OF)}"] is Verdict.YELLOW
    assert seen["other/2026-01-13T120000Z"] is Verdict.RED
    changed = update_index(store, changed=f"daily/{folder_stamp(AS_OF)}")
    assert {run.verdict for run in changed if run.as_of == AS_OF} == {Verdict.RED}
    assert read_index(store) == changed


def test_the_list_mends_itself(store: LocalStore) -> None:
    put(store, "daily/a", manifest())
    put(store, "daily/b", manifest())
    update_index(store)
    store.write("index.json", b"{broken")
    assert len(update_index(store)) == 2
    (store.root / "daily" / "a").rename(store.root / "away")
    put(store, "daily/c", {"some": "other manifest"})
    assert [run.path for run in update_index(store)] == ["daily/b"]


def test_the_list_works_in_a_bucket() -> None:
    store = open_store("memory://archive-test/reports")
    store.put_folder("daily/a", {"manifest.json": json.dumps(manifest()).encode()})
    assert [run.path for run in update_index(store, changed="daily/a")] == ["daily/a"]
    assert b"Is all well?" in (store.read("index.html") or b"")


def test_the_page_shows_each_notebook_and_folds_the_older_runs(store: LocalStore) -> None:
    verdicts = ["GREEN", "YELLOW", "RED", "UNKNOWN"]
    for day in range(60):
        moment = AS_OF - timedelta(days=day)
        state = "failed" if day % 4 == 3 else "completed"
        said = manifest(as_of=moment, verdict=verdicts[day % 4], state=state)
        put(store, f"daily/{folder_stamp(moment)}", said)
    html = BeautifulSoup(render_index(update_index(store)), "html.parser")
    card = html.select_one("a.card")
    assert card["href"] == "daily/2026-01-13T120000Z/index.html"
    assert "GREEN Healthy" in card.get_text(" ", strip=True)
    trend = card.select_one("svg.trend")
    assert len(trend.select("rect")) == 40
    assert trend["aria-label"].startswith("The last 40 runs, oldest first: 10 GREEN, 10 YELLOW")
    assert len(html.select("main > section > ol > li.run")) == SHOWN_RUNS
    folds = [fold.get_text(" ", strip=True) for fold in html.select("details.month summary")]
    assert folds == ["December 2025 4 runs", "November 2025 16 runs"]
    assert "did not finish" in html.select("li.run")[3].get_text()


def test_names_in_the_list_are_text(store: LocalStore) -> None:
    hostile = {**manifest(), "title": "<script>alert(1)</script>", "notebook": "<b>x</b>"}
    put(store, "daily/a b", hostile)
    html = BeautifulSoup(render_index(update_index(store)), "html.parser")
    assert not html.select("script")
    assert html.select_one("a.card b").get_text() == "<script>alert(1)</script>"
    assert html.select_one("a.card")["href"] == "daily/a%20b/index.html"


def test_an_empty_store_says_how_to_begin(store: LocalStore) -> None:
    assert "No report yet" in render_index(update_index(store))


def test_thousands_of_runs_make_a_page_that_a_phone_can_open(store: LocalStore) -> None:
    from nbkit.report.archive import Run

    runs = [
        Run(
            path=f"n{n}/{day}",
            notebook=f"n{n}",
            title="Is all well?",
            as_of=AS_OF - timedelta(days=day),
            variant="",
            verdict=Verdict.RED,
            counts={"critical": 2, "warning": 3},
            state=ExitState.COMPLETED,
            seconds=1,
        )
        for day in range(1000)
        for n in range(5)
    ]
    began = time.process_time()
    page = render_index(runs)
    assert time.process_time() - began < 3
    assert len(page) < 2_500_000
    assert page.count('class="run red') == 5000
