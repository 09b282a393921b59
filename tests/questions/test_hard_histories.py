"""Every question answers, or says what is missing, whatever the history holds: no traceback, no
warning, JSON as evidence, and never GREEN for lack of data."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from grammar import ungrammatical
from hard_histories import AS_OF, COORDINATOR, GAMEBOOK, HISTORIES, write

from nbkit.figures import Figure
from nbkit.findings import Verdict
from nbkit.questions.baselines import baselines
from nbkit.questions.daily_health import daily_health
from nbkit.questions.handoff import handoff
from nbkit.questions.incident import incident
from nbkit.questions.parity import parity
from nbkit.questions.phase5 import phase5
from nbkit.questions.retry_storm import retry_storm
from nbkit.questions.sla_monthly import sla_monthly
from nbkit.questions.sla_weekly import sla_weekly
from nbkit.questions.slas import sla_status
from nbkit.questions.trends import trends
from nbkit.questions.validation import scorecard, validation
from nbkit.questions.zero_records import zero_record_report
from nbkit.registry import load_registry
from nbkit.registry.metrics import load_metrics
from nbkit.tables import Note, Table, Text

ROOT = Path(__file__).resolve().parents[2]
DAY = timedelta(days=1)
Question = Callable[..., Any]
REGISTRY = load_registry(ROOT / "registry" / "processor_registry.yaml")
# As if something had been done within these histories.
METRICS = tuple(
    metric.model_copy(update={"changed_at": datetime(2026, 1, 5, tzinfo=UTC)})
    for metric in load_metrics(ROOT / "registry" / "metrics.yaml")
)


def _zero_records(url: str, *, as_of: datetime) -> object:
    days = (date(2026, 1, 5), as_of.date())
    return zero_record_report(
        url, days=days, baseline_days=(date(2025, 12, 1), days[0]), as_of=as_of
    )


QUESTIONS: dict[str, Question] = {
    "baselines": baselines,
    "daily_health": daily_health,
    "handoff": handoff,
    "incident": partial(incident, since="6h"),
    "parity": partial(parity, name="job", processors=[GAMEBOOK, COORDINATOR]),
    "phase5": phase5,
    "retry_storm": retry_storm,
    "scorecard": partial(scorecard, metrics=METRICS),
    "sla_monthly": sla_monthly,
    "sla_weekly": sla_weekly,
    "slas": sla_status,
    "trends": trends,
    "validation": partial(validation, metric="phase5_success", metrics=METRICS),
    "validation_of_records": partial(validation, metric="zero_records", metrics=METRICS),
    "zero_records": _zero_records,
}
# Of these the figures are drawn as well: nothing at all, next to nothing, and names that are long.
DRAWN = ("empty", "one_run", "hostile_texts")
# The hand-off asks the daily report twice, `slas` what the weekly report asks: a few will do.
FEW = dict.fromkeys(("handoff", "slas"), ("empty", "one_run", "wild_numbers"))
CASES = [(name, each) for name in QUESTIONS for each in FEW.get(name, tuple(HISTORIES))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hard")


def asked(name: str, history: str, folder: Path, *, as_of: datetime = AS_OF) -> Any:
    path = folder / f"{history}.duckdb"
    if not path.exists():
        write(history, folder)
    nobody = folder / "no_reports"
    more: dict[str, dict[str, Any]] = {
        "handoff": {
            "reports": str(nobody),
            "state": nobody,
            "runs_url": f"duckdb:///{folder}/x.duckdb",
        },
        "sla_weekly": {"reports": str(nobody)},
        "sla_monthly": {"reports": str(nobody)},
    }
    question, given = QUESTIONS[name], more.get(name, {})
    if "registry" in inspect.signature(question).parameters:
        given["registry"] = REGISTRY  # else each would read it again
    return question(f"duckdb:///{path}", as_of=as_of, **given)


def shown(report: object, *, draw: bool = False) -> dict[str, str]:
    """Everything public that the report says without being asked for something."""
    said = {}
    for name in dir(type(report)):
        member = inspect.getattr_static(type(report), name)
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            value = getattr(report, name)
        elif inspect.isfunction(member) and not any(
            parameter.default is parameter.empty
            for parameter in list(inspect.signature(member).parameters.values())[1:]
        ):
            value = getattr(report, name)()
        else:
            continue
        if isinstance(value, Table | Note | Text):
            repr(value)
            said[name] = value._repr_html_()
        elif isinstance(value, Figure):
            said[name] = value.title + value.alt
            assert value.title
            assert not draw or value.png()
        elif isinstance(value, str) and name == "headline":
            said[name] = value
    return said


@pytest.mark.parametrize(("name", "history"), CASES)
def test_every_question_answers_and_all_of_its_report_can_be_shown(
    name: str, history: str, folder: Path
) -> None:
    report = asked(name, history, folder)
    said = shown(report, draw=history in DRAWN)
    if history == "hostile_texts":  # its markup is text
        for html in (text for text in said.values() if text.startswith("<")):
            assert "<script" not in html
            assert "<b>" not in html
    else:
        told = " ".join(said.values())
        assert ungrammatical(told) == []
        assert not re.search(r"(?<![\w<])(nan|NaN|NaT|<NA>|[Ii]nf|Infinity)(?!\w)", told)
    judgement = getattr(report, "judgement", None)
    if judgement is None:
        return
    document = json.loads(json.dumps(judgement.to_json(), allow_nan=False))
    fingerprints = [finding["fingerprint"] for finding in document["findings"]]
    assert len(set(fingerprints)) == len(fingerprints)
    for finding in document["findings"]:
        assert ungrammatical(finding["title"]) == []
        assert finding["owner"]
        assert finding["next_step"]
        assert (ROOT / finding["runbook"]).is_file()
    if history in ("empty", "one_run", "ended_days_ago"):
        assert judgement.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("name", ["daily_health", "trends"])
def test_asked_twice_it_says_the_same(name: str, folder: Path) -> None:
    first, again = (asked(name, "ordinary", folder) for _ in range(2))
    assert shown(first) == shown(again)
    if hasattr(first, "judgement"):
        told = [
            json.dumps([f.to_json() for f in each.judgement.findings]) for each in (first, again)
        ]
        assert told[0] == told[1]


@pytest.mark.parametrize("name", ["slas", "scorecard"])
def test_the_same_trouble_has_the_same_fingerprint_a_day_later(name: str, folder: Path) -> None:
    before, now = (
        {f.fingerprint for f in asked(name, "ordinary", folder, as_of=at).judgement.findings}
        for at in (AS_OF - DAY, AS_OF)
    )
    assert len(before & now) >= max(len(before), len(now)) - 1
    assert before & now
