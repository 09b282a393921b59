"""A file of SLAs with mistakes: every one is told with its line; the project's own is whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import indent

import pytest

from nbkit.errors import RegistryError
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.registry.sla_exceptions import SlaException, load_sla_exceptions
from nbkit.registry.sla_page import slas_page
from nbkit.registry.slas import NEXT_BUSINESS_DAY, Measure, Slas, load_slas

HEAD = """\
version: "1.0"
last_updated: "2026-01-15"
time_zone: America/New_York
period_days: 30
burn_alerts:
  - {name: fast, rate: 14.4, long_minutes: 60, short_minutes: 5, severity: critical}
responses:
  - {severity: P0, title: Critical, respond: 15 minutes, resolve: 2 hours}
targets:
"""
GOOD = """\
- name: phase_5_on_time
  title: Phase 5 on time
  phase: phase_5_predictions
  measure: on_time
  by: "05:00 PM ET same day"
  objective: 0.95
  unit: dates
  stated: by five
"""
FIRST = HEAD.count("\n") + 1
Load = Callable[..., Slas]
Told = Callable[..., str]


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


@pytest.fixture(scope="module")
def ours(registry: ProcessorRegistry) -> Slas:
    return load_slas(registry)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: ProcessorRegistry) -> Load:
    monkeypatch.chdir(tmp_path)

    def load(targets: str, head: str = HEAD) -> Slas:
        path = tmp_path / "slas.yaml"
        path.write_text(head + indent(targets, "  "), encoding="utf-8")
        return load_slas(registry, path)

    return load


@pytest.fixture
def told(load: Load) -> Told:
    def told(targets: str, head: str = HEAD) -> str:
        with pytest.raises(RegistryError) as raised:
            load(targets, head)
        return str(raised.value)

    return told


def test_the_file_holds_every_target_of_the_plan(ours: Slas) -> None:
    objectives = {target.name: target.objective for target in ours.targets}
    assert objectives["availability"] == 0.995
    assert objectives["completeness"] == 0.999
    assert objectives["hit_rate"] == 0.55
    rates = [objectives[f"phase_{n}_success_rate"] for n in range(1, 7)]
    assert rates == [0.95, 0.95, 0.99, 0.99, 0.95, 0.99]
    assert objectives["phase_1_data_loss"] == 0.99
    assert objectives["phase_2_data_loss"] == 0.995
    assert objectives["phase_3_blocking"] == 0.999
    assert objectives["phase_5_coverage"] == 0.9
    assert ours.target("phase_4_freshness").max_age == timedelta(hours=12)
    by = {t.phase: str(t.by) for t in ours.of(Measure.ON_TIME)}
    assert list(by.values()) == [
        "23:00 ET, the same day",
        "00:00 ET, the day after",
        "02:00 ET, the day after",
        "03:00 ET, the day after",
        "17:00 ET, the same day",
        "18:00 ET, the same day",
    ]
    lengths = {r.severity: (r.respond, r.resolve) for r in ours.responses}
    minute, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    assert lengths == {
        "P0": (15 * minute, 2 * hour),
        "P1": (hour, 8 * hour),
        "P2": (4 * hour, 2 * day),
        "P3": (NEXT_BUSINESS_DAY, 7 * day),
    }


def test_the_on_call_runbook_has_the_same_response_times(
    ours: Slas, registry: ProcessorRegistry
) -> None:
    page = (ours.source.parent.parent / "docs" / "runbooks" / "on-call.md").read_text("utf-8")
    told = slas_page(ours, registry).partition("## Incidents")[2]
    rows = re.findall(r"^\| (P\d) \w+ \| (.*) \| (.*) \|$", told, re.MULTILINE)
    assert len(rows) == 4
    for severity, respond, resolve in rows:
        (own,) = [line for line in page.splitlines() if line.startswith(f"| **{severity}**")]
        assert own.endswith(f"| {respond} | {resolve} |")


def test_burn_alerts_are_those_of_the_workbook(ours: Slas) -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    assert [(a.rate, a.long, a.short) for a in ours.burn_alerts] == [
        (14.4, hour, 5 * minute),
        (6, 6 * hour, 30 * minute),
        (1, 72 * hour, 6 * hour),
    ]


def test_each_deadline_is_the_default_of_its_phase(ours: Slas, registry: ProcessorRegistry) -> None:
    for target in ours.of(Measure.ON_TIME):
        assert target.phase is not None
        default = registry.phase(target.phase).defaults.sla_completion_time
        assert default is not None
        assert str(default.value) == str(target.by)


def test_a_deadline_that_the_registry_has_otherwise_is_an_error(told: Told) -> None:
    message = told(GOOD.replace("05:00 PM", "06:00 PM"))
    assert message.startswith(f"slas.yaml:{FIRST + 4}: targets.phase_5_on_time.by: 18:00 ET")
    assert "17:00 ET, the same day" in message
    assert "a deadline is one" in message


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("objective: 0.95", "objective: 95", 5, "write the share that must be good"),
        ("objective: 0.95", "objective: 1", 5, "write the share that must be good"),
        ("measure: on_time", "measure: ontime", 3, "did you mean on_time?"),
        ("phase_5_predictions", "phase_5_prediction", 2, "did you mean phase_5_predictions?"),
        ("05:00 PM ET same day", "05:00 PM EST", 4, "does not follow daylight saving"),
        ('  by: "05:00 PM ET same day"\n', "", 0, "is missing; measure on_time needs it"),
        ("unit: dates", "units: dates", 6, "unknown key; did you mean unit?"),
        ("unit: dates", "unit: dates\n  processor: X", 7, "does not belong to measure on_time"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_fix(
    told: Told, old: str, new: str, line: int, words: str
) -> None:
    message = told(GOOD.replace(old, new))
    assert f"slas.yaml:{FIRST + line}:" in message
    assert words in message


def test_all_mistakes_are_told_at_once(told: Told) -> None:
    message = told(
        GOOD + GOOD.replace("unit: dates", ""),
        HEAD.replace("15 minutes", "soon").replace("long_minutes: 60", "long_minutes: 3"),
    )
    assert message.startswith("4 problems in slas.yaml")
    for words in (
        "'soon' is not a length",
        "its short window is not shorter than its long one",
        "unit: is missing",
        "phase_5_on_time is there twice",
    ):
        assert words in message


def test_what_only_a_source_can_measure_needs_one(told: Told) -> None:
    entry = GOOD.replace("measure: on_time", "measure: source").replace(
        '  by: "05:00 PM ET same day"\n', ""
    )
    assert "source: is missing; measure source needs it" in told(entry)


EXCEPTION = """\
version: "1.0"
exceptions:
  - name: gamebook-outage
    targets: [phase_2_on_time]
    processors: [NbacGamebookProcessor]
    start: "2026-01-12T13:00:00-05:00"
    end: "2026-01-12T22:00:00Z"
    reason: the league's site answered 503
    evidence: a link
    approved_by: somebody
"""


def read_exceptions(
    tmp_path: Path, text: str, ours: Slas, registry: ProcessorRegistry
) -> tuple[SlaException, ...]:
    path = tmp_path / "sla_exceptions.yaml"
    path.write_text(text, encoding="utf-8")
    return load_sla_exceptions(ours, registry, path)


def test_an_exception_is_read_in_utc(
    tmp_path: Path, ours: Slas, registry: ProcessorRegistry
) -> None:
    (found,) = read_exceptions(tmp_path, EXCEPTION, ours, registry)
    assert found.start == datetime(2026, 1, 12, 18, tzinfo=UTC)
    assert found.processors == ("NbacGamebookProcessor",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[phase_2_on_time]", "[phase_2_ontime]", "did you mean phase_2_on_time?"),
        ("[phase_2_on_time]", "[]", "write a list of names"),
        ("NbacGamebookProcessor", "NbacGamebokProcessor", "did you mean NbacGamebookProcessor?"),
        ("2026-01-12T22:00:00Z", "2026-01-12T22:00:00", "has no time zone"),
        ("2026-01-12T22:00:00Z", "2026-01-11T22:00:00Z", "its end is not after its start"),
        ("    approved_by: somebody\n", "", "approved_by: is missing"),
    ],
)
def test_a_mistake_in_an_exception_is_told(
    tmp_path: Path, ours: Slas, registry: ProcessorRegistry, old: str, new: str, words: str
) -> None:
    with pytest.raises(RegistryError, match=r"sla_exceptions\.yaml:\d+: ") as raised:
        read_exceptions(tmp_path, EXCEPTION.replace(old, new), ours, registry)
    assert words in str(raised.value)


def test_without_a_file_there_are_no_exceptions(
    tmp_path: Path, load: Load, registry: ProcessorRegistry
) -> None:
    assert load_sla_exceptions(load(GOOD), registry) == ()
