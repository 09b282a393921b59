"""The chance of missing a deadline: from the share of misses, and from the drift where there is
one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.trends.deadline_risk import deadline_risk, deadline_risks, finish_times
from nbkit.analysis.trends.forecast import NoForecast
from nbkit.registry import load_registry, parse_deadline

FIRST = date(2025, 10, 1)
DEADLINE = parse_deadline("03:00 AM ET")
AS_OF = DEADLINE.at(date(2025, 11, 29)) + timedelta(hours=5)  # 60 dates are due


def finishes(late_minutes: np.ndarray | list[float]) -> pd.DataFrame:
    """Finish times by minutes after the deadline, one a date from the first on; NaN is never."""
    days = [FIRST + timedelta(days=number) for number in range(len(late_minutes))]
    return pd.DataFrame(
        {
            "data_date": pd.to_datetime(pd.Series(days)),
            "finished_at": pd.to_datetime(
                [
                    pd.NaT if np.isnan(late) else DEADLINE.at(day) + timedelta(minutes=late)
                    for day, late in zip(days, late_minutes, strict=True)
                ],
                utc=True,
            ),
        }
    )


def around(middle: float, count: int = 60, *, drift: float = 0.0, seed: int = 1) -> np.ndarray:
    noise = 10 * np.random.default_rng(seed).standard_normal(count)
    return middle + drift * np.arange(count) + noise


def test_what_always_finishes_an_hour_early_is_unlikely_to_miss() -> None:
    found = deadline_risk(finishes(around(-60)), DEADLINE, as_of=AS_OF)
    assert found.basis == "share"
    assert (found.missed.successes, found.missed.total) == (0, 30)
    assert found.probability == 0
    assert found.high == pytest.approx(0.083, abs=0.001)  # none of 30 is no certainty
    assert found.usual_lateness == pytest.approx(timedelta(minutes=-60), abs=timedelta(minutes=5))
    assert found.reached.why_not == NoForecast.NO_DRIFT


def test_the_share_of_misses_is_the_chance_without_a_drift() -> None:
    late = np.where(np.arange(60) % 5 == 0, 15.0, -40.0) + around(0) / 20
    found = deadline_risk(finishes(late), DEADLINE, as_of=AS_OF)
    assert found.basis == "share"
    assert found.probability == pytest.approx(0.2)
    assert found.low < 0.2 < found.high


def test_a_drift_makes_tomorrow_worse_than_the_past() -> None:
    # Ten minutes early on the last day, two minutes later every day.
    late = around(-128, drift=2.0)
    found = deadline_risk(finishes(late), DEADLINE, as_of=AS_OF)
    assert found.basis == "drift"
    assert found.missed.rate < 0.15
    assert found.probability > found.missed.rate
    assert found.low < found.probability < found.high
    assert found.reached.earliest <= date(2025, 12, 4) <= found.reached.latest
    assert found.reached.change == pytest.approx(120, rel=0.1)


def test_a_drift_for_the_better_makes_it_better() -> None:
    found = deadline_risk(finishes(around(40, drift=-1.5)), DEADLINE, as_of=AS_OF)
    assert found.basis == "drift"
    assert found.probability < found.missed.rate


def test_a_date_that_never_finished_is_missed() -> None:
    late = around(-60)
    late[-6:] = np.nan
    found = deadline_risk(finishes(late), DEADLINE, as_of=AS_OF)
    assert found.missed.successes == 6
    assert found.probability == pytest.approx(0.2)


def test_dates_that_are_not_due_yet_are_not_judged() -> None:
    late = np.append(around(-60), np.nan)
    found = deadline_risk(finishes(late), DEADLINE, as_of=AS_OF)
    assert (found.missed.successes, found.missed.total) == (0, 30)
    assert (found.next_date, found.next_due) == (date(2025, 11, 30), DEADLINE.at(found.next_date))


def test_the_next_deadline_is_the_next_that_is_not_met() -> None:
    met = deadline_risk(finishes(around(-2000, 61)), DEADLINE, as_of=AS_OF)
    assert met.next_date == date(2025, 12, 1)


def test_a_clock_change_makes_nobody_late() -> None:
    # 2 November 2025 is an hour longer: the work is done at the same time of day throughout.
    risk = deadline_risk(finishes(np.full(60, -30.0)), DEADLINE, as_of=AS_OF)
    assert risk.usual_lateness == timedelta(minutes=-30)
    assert risk.missed.successes == 0


def test_after_a_change_only_the_dates_since_count() -> None:
    late = np.where(np.arange(60) < 40, 30.0, -60.0) + around(0)
    since = FIRST + timedelta(days=40)
    found = deadline_risk(finishes(late), DEADLINE, as_of=AS_OF, since=since)
    assert (found.missed.successes, found.missed.total) == (0, 20)


def test_a_few_dates_are_not_enough_for_a_chance() -> None:
    few = finishes(around(-60)).iloc[-6:]
    found = deadline_risk(few, DEADLINE, as_of=AS_OF)
    assert (found.basis, found.probability, found.low, found.high) == (None, None, None, None)
    assert found.missed.total == 6
    none = deadline_risk(few.iloc[:0], DEADLINE, as_of=AS_OF)
    assert none.missed.rate is None
    assert none.usual_lateness is None


def test_the_chance_by_drift_is_about_as_large_as_misses_are_frequent() -> None:
    rng = np.random.default_rng(21)
    chances, true, held = [], [], []
    for _ in range(100):
        level = rng.uniform(-150, -90)
        late = level + 2 * np.arange(60) + 10 * rng.standard_normal(60)
        found = deadline_risk(finishes(late), DEADLINE, as_of=AS_OF)
        assert found.basis == "drift"
        chances.append(found.probability)
        true.append(NormalDist().cdf((level + 120) / 10))
        held.append(found.low <= true[-1] <= found.high)
    assert np.mean(chances) == pytest.approx(np.mean(true), abs=0.03)
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"as_of": datetime(2025, 11, 1)}, "without time zone"),  # noqa: DTZ001  # the point
        ({"recent": 0}, "the last 0 dates"),
    ],
)
def test_what_cannot_be_asked_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        deadline_risk(finishes(around(-60)), DEADLINE, **({"as_of": AS_OF} | change))


def test_a_date_that_comes_twice_is_refused() -> None:
    twice = pd.concat([finishes([1.0]), finishes([2.0])])
    with pytest.raises(ValueError, match="2025-10-01 comes twice"):
        deadline_risk(twice, DEADLINE, as_of=AS_OF)


def works(name: str, rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    frame["first_succeeded_at"] = pd.to_datetime(frame["first_succeeded_at"], utc=True)
    return frame.assign(processor_name=name)


def work(day: int, first_succeeded_at: datetime | None = None, **more: object) -> dict[str, object]:
    plain = {"open_runs": 0, "status": "success", "skip_reason": None, "errors_text": None}
    return {
        "data_date": date(2025, 11, day),
        "first_succeeded_at": first_succeeded_at,
        "failure_category": None,
        **plain,
        **more,
    }


def test_an_off_day_is_absent_and_a_failed_or_hanging_day_is_not() -> None:
    done = datetime(2025, 11, 2, 5, tzinfo=UTC)
    table = finish_times(
        works(
            "A",
            [
                work(1, done),
                work(2, status="skipped", failure_category="no_data_available"),
                work(3, status="failed", errors_text='["KeyError: x"]'),
                work(4, status=None, open_runs=1),
                work(5, done, status="failed", failure_category="no_data_available"),
            ],
        )
    )
    assert table["data_date"].dt.day.tolist() == [1, 3, 4, 5]
    assert table["finished_at"].isna().tolist() == [False, True, True, False]


def test_each_registered_processor_is_held_against_its_own_deadline() -> None:
    registry = load_registry()
    processor = registry.processor("NbacGamebookProcessor")
    moments = [processor.deadline(date(2025, 11, day)) for day in range(1, 29)]
    rows = [work(day, at - timedelta(hours=1)) for day, at in enumerate(moments, 1)]
    table = pd.concat([works(name, rows) for name in (processor.name, "Unregistered")])
    found = deadline_risks(table, registry, as_of=AS_OF)
    assert list(found) == [processor.name]
    assert found[processor.name].usual_lateness == timedelta(hours=-1)
    assert deadline_risks(table.iloc[:0], registry, as_of=AS_OF) == {}
