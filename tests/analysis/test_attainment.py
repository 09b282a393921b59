"""Promises are measured as they say: planted truth is found, and the unknown is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.slas import (
    Measured,
    Standing,
    attain,
    burn_down,
    burning,
    measure,
)
from nbkit.analysis.slas.completion import DateCompletion, down_spans, merged
from nbkit.analysis.slas.contributions import contributions, earlier_by
from nbkit.registry import ProcessorRegistry, load_registry
from nbkit.registry.sla_exceptions import SlaException
from nbkit.registry.slas import Slas, load_slas

AS_OF = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = AS_OF - 30 * DAY
COORDINATOR, FEATURES = "PredictionCoordinator", "MLFeatureStoreProcessor"
WORKS = [
    *("processor_name", "data_date", "run_count", "first_succeeded_at", "succeeded_at"),
    *("open_runs", "status", "failure_category", "skip_reason", "errors_text"),
]


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


@pytest.fixture(scope="module")
def slas(registry: ProcessorRegistry) -> Slas:
    return load_slas(registry)


def done(processor: str, day: date, at: datetime | None, **more: Any) -> dict[str, Any]:
    """A row of `work_states`: done at a moment, or really failed."""
    return {
        "processor_name": processor,
        "data_date": day,
        "run_count": 1,
        "first_succeeded_at": at,
        "succeeded_at": at,
        "open_runs": 0,
        "status": "failed" if at is None else "success",
        "failure_category": "error" if at is None else None,
        "skip_reason": None,
        "errors_text": None,
        **more,
    }


IDLE = {"status": "failed", "failure_category": "no_data_available"}


def ended(
    processor: str, phase: str, hour: datetime, category: str, runs: int = 1
) -> dict[str, Any]:
    return {
        "processor_name": processor,
        "phase": phase,
        "hour": pd.Timestamp(hour),
        "category": category,
        "runs": runs,
    }


def measured(
    slas: Slas,
    registry: ProcessorRegistry,
    *,
    works: Sequence[dict[str, Any]] = (),
    counts: Sequence[dict[str, Any]] = (),
    overdue: Sequence[dict[str, Any]] = (),
    sources: pd.DataFrame | None = None,
    start: datetime = START,
    as_of: datetime = AS_OF,
) -> dict[str, Measured]:
    frame = pd.DataFrame(list(works), columns=WORKS)
    for column in ("first_succeeded_at", "succeeded_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return measure(
        slas,
        registry,
        counts=pd.DataFrame(
            list(counts), columns=["processor_name", "phase", "hour", "category", "runs"]
        ),
        works=frame,
        overdue=pd.DataFrame(list(overdue), columns=["processor_name", "phase", "at"]),
        sources=sources,
        start=start,
        as_of=as_of,
    )


def dates(first: date, last: date) -> Iterable[date]:
    return ((first + n * DAY) for n in range((last - first).days + 1))


def due(day: date) -> datetime:
    """17:00 in New York, in winter."""
    return datetime(day.year, day.month, day.day, 22, tzinfo=UTC)


JANUARY = list(dates(date(2026, 1, 2), date(2026, 1, 30)))


class TestOnTime:
    def test_late_dates_are_told_from_those_in_time(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        late = JANUARY[3:6]
        works = [
            done(COORDINATOR, day, due(day) + (2 * HOUR if day in late else -HOUR))
            for day in JANUARY
        ]
        found = measured(slas, registry, works=works)["phase_5_on_time"]
        assert [d.data_date for d in found.dates if d.is_late] == late
        share = attain(found, start=START, end=AS_OF).share
        assert (share.successes, share.total) == (26, 29)
        assert found.dates[3].lateness(AS_OF) == 2 * HOUR

    def test_a_date_that_is_not_due_yet_is_not_judged(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        works = [done(COORDINATOR, day, due(day) - HOUR) for day in JANUARY]
        works.append(done(COORDINATOR, AS_OF.date(), None))
        found = measured(slas, registry, works=works)["phase_5_on_time"]
        assert found.dates[-1].data_date == JANUARY[-1]

    def test_nothing_to_do_is_no_failure(self, slas: Slas, registry: ProcessorRegistry) -> None:
        off = JANUARY[10]
        works = [done(COORDINATOR, day, due(day) - HOUR) for day in JANUARY if day != off]
        works.append(done(COORDINATOR, off, None, **IDLE))
        found = measured(slas, registry, works=works)["phase_5_on_time"]
        assert off not in [d.data_date for d in found.dates]
        assert attain(found, start=START, end=AS_OF).share.rate == 1.0

    def test_who_did_not_run_at_all_on_a_date_with_work_is_late(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        silent = JANUARY[-1]
        works = [done(COORDINATOR, day, due(day) - HOUR) for day in JANUARY if day != silent]
        works += [done(FEATURES, day, due(day) - 6 * HOUR) for day in JANUARY]
        found = measured(slas, registry, works=works)["phase_5_on_time"]
        assert [(d.data_date, d.last) for d in found.dates if d.is_late] == [
            (silent, (COORDINATOR,))
        ]

    def test_baseball_out_of_season_is_not_missed(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        works = [done(FEATURES, day, due(day) - 6 * HOUR) for day in JANUARY]
        works += [
            done("MlbPitcherFeaturesProcessor", day, due(day) - 6 * HOUR) for day in JANUARY[:3]
        ]
        found = measured(slas, registry, works=works)["phase_4_on_time"]
        assert not any(d.is_late for d in found.dates)

    def test_only_processors_that_count_are_waited_for(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        works = []
        for day in JANUARY:
            works.append(done("NbacGamebookProcessor", day, due(day)))
            works.append(done("BdlBoxscoresProcessor", day, None))
        found = measured(slas, registry, works=works)["phase_2_on_time"]
        assert len(found.dates) == len(JANUARY)
        assert not any(d.is_late for d in found.dates)

    def test_how_much_earlier_it_would_have_to_be(self) -> None:
        own = [
            completion(day, due(day) + timedelta(minutes=10 * n))
            for n, day in enumerate(JANUARY[:20])
        ]
        assert earlier_by(own, 0.95, as_of=AS_OF) == timedelta(minutes=180)
        assert earlier_by([*own[:18], completion(JANUARY[20], None)] * 2, 0.99, as_of=AS_OF) is None
        assert earlier_by([], 0.95, as_of=AS_OF) is None


def completion(day: date, at: datetime | None) -> DateCompletion:
    return DateCompletion(phase="p", data_date=day, due=due(day), done_at=at, last=("A",))


class TestTime:
    def test_down_ends_with_the_first_date_that_is_complete_again(self) -> None:
        first, second, third = JANUARY[:3]
        own = [
            completion(first, None),
            completion(second, due(second) + HOUR),
            completion(third, due(third) - HOUR),
        ]
        assert down_spans([own], as_of=AS_OF) == ((due(first), due(second) + HOUR),)

    def test_what_two_phases_are_down_for_counts_once(self) -> None:
        spans = [(AS_OF, AS_OF + 2 * HOUR), (AS_OF + HOUR, AS_OF + 3 * HOUR)]
        assert merged(spans) == ((AS_OF, AS_OF + 3 * HOUR),)

    def test_availability_counts_minutes(self, slas: Slas, registry: ProcessorRegistry) -> None:
        late = JANUARY[3]
        works = [
            done(COORDINATOR, day, due(day) + (90 * timedelta(minutes=1) if day == late else -HOUR))
            for day in JANUARY
        ]
        found = attain(
            measured(slas, registry, works=works)["availability"], start=START, end=AS_OF
        )
        assert found.bad == 90
        # From the first deadline on: before it nothing was promised.
        assert found.share.total == (AS_OF - due(JANUARY[0])) / timedelta(minutes=1)
        assert found.standing is Standing.MET

    def test_features_are_stale_from_twelve_hours_on(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        hours = [START + n * 6 * HOUR for n in range(120)]
        gap = [h for h in hours if not START + 10 * DAY < h < START + 11 * DAY]
        counts = [ended(FEATURES, "phase_4_precompute", hour, "success") for hour in gap]
        found = measured(slas, registry, counts=counts)["phase_4_freshness"]
        assert found.down == ((START + 10 * DAY + 12 * HOUR, START + 11 * DAY),)
        assert attain(found, start=START, end=AS_OF).bad == 12 * 60

    def test_a_run_with_nothing_to_do_keeps_features_fresh_and_a_failed_one_does_not(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        def counts(category: str) -> list[dict[str, Any]]:
            return [
                ended(FEATURES, "phase_4_precompute", START + n * 6 * HOUR, own)
                for n in range(8)
                for own in ["success" if n < 4 else category]
            ]

        as_of = START + 48 * HOUR
        idle = measured(slas, registry, counts=counts("no_data_available"), as_of=as_of)
        failed = measured(slas, registry, counts=counts("error"), as_of=as_of)
        assert idle["phase_4_freshness"].down == ()
        assert failed["phase_4_freshness"].down == ((START + 30 * HOUR, as_of),)


class TestSuccessRate:
    def test_runs_with_nothing_to_do_are_left_out_and_hung_ones_count(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        phase = "phase_5_predictions"
        counts = [ended(COORDINATOR, phase, START + n * DAY, "success", 4) for n in range(28)]
        counts += [
            ended(COORDINATOR, phase, START + n * DAY, "no_data_available", 90) for n in range(28)
        ]
        counts += [ended(COORDINATOR, phase, START + n * DAY, "timeout", 2) for n in range(4)]
        overdue = [{"processor_name": COORDINATOR, "phase": phase, "at": AS_OF - HOUR}]
        found = measured(slas, registry, counts=counts, overdue=overdue)["phase_5_success_rate"]
        share = attain(found, start=START, end=AS_OF).share
        assert (share.successes, share.total) == (112, 121)
        (only,) = contributions(found, start=START, end=AS_OF)
        assert (only.name, only.bad, only.without) == (COORDINATOR, 9, 1.0)

    def test_old_labels_and_missing_ones_find_their_phase(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        counts = [
            ended("PlayerGameSummaryProcessor", "phase_3", START + DAY, "success"),
            {**ended("PlayerGameSummaryProcessor", "", START + DAY, "error"), "phase": None},
        ]
        found = measured(slas, registry, counts=counts)["phase_3_success_rate"]
        assert attain(found, start=START, end=AS_OF).share.total == 2


def test_a_work_blocks_when_it_is_not_done_as_the_next_phase_needs_it(
    slas: Slas, registry: ProcessorRegistry
) -> None:
    summary, needed = "PlayerGameSummaryProcessor", timedelta(days=1, hours=8)  # 03:00 in New York
    midnight = {day: datetime(day.year, day.month, day.day, tzinfo=UTC) for day in JANUARY}
    # Between 02:00 and 03:00 it is late and blocks nobody yet.
    works = [done(summary, day, midnight[day] + needed - HOUR / 2) for day in JANUARY]
    works[4] = done(summary, JANUARY[4], midnight[JANUARY[4]] + needed + HOUR)
    works[5] = done(summary, JANUARY[5], None, **IDLE)
    found = measured(slas, registry, works=works)["phase_3_blocking"]
    trials = found.trials
    assert len(trials) == len(JANUARY) - 1
    bad = trials[trials["good"] == 0]
    assert list(bad["at"]) == [pd.Timestamp(midnight[JANUARY[4]] + needed)]


class TestSources:
    def test_without_its_table_or_its_rows_a_source_is_not_measured(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        none = measured(slas, registry)["hit_rate"]
        other = measured(slas, registry, sources=measurements("completeness", [(1, 1)] * 9))
        for found in (none, other["hit_rate"]):
            assert attain(found, start=START, end=AS_OF).standing is Standing.NOT_MEASURED
        assert "no table" in none.why_not
        assert "no rows of hit_rate" in other["hit_rate"].why_not

    @pytest.mark.parametrize("row", [(12, 10), (-1, 10), (None, 10), (3, None)])
    def test_a_row_without_sense_makes_it_not_measured_and_is_named(
        self, slas: Slas, registry: ProcessorRegistry, row: tuple[int | None, int | None]
    ) -> None:
        sources = measurements("hit_rate", [(6, 10), row]).astype(
            {"good": "Int64", "total": "Int64"}
        )
        found = measured(slas, registry, sources=sources)["hit_rate"]
        assert not found.is_measured
        assert found.why_not.startswith("its row of 2026-01-06 says ")

    @pytest.mark.parametrize(
        ("days", "standing"),
        [
            ([(58, 100)] * 20, Standing.MET),
            ([(52, 100)] * 20, Standing.MISSED),
            ([(56, 100)] * 3, Standing.NOT_ENOUGH),
            ([(5, 100)] * 3, Standing.MISSED),
        ],
    )
    def test_it_is_judged_like_any_other(
        self,
        slas: Slas,
        registry: ProcessorRegistry,
        days: list[tuple[int, int]],
        standing: Standing,
    ) -> None:
        found = measured(slas, registry, sources=measurements("hit_rate", days))["hit_rate"]
        assert attain(found, start=START, end=AS_OF).standing is standing


def measurements(key: str, days: Sequence[tuple[int | None, int | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"sla": key, "measured_on": date(2026, 1, 5) + n * DAY, "good": good, "total": total}
            for n, (good, total) in enumerate(days)
        ]
    )


def trials(slas: Slas, target: str, good: Sequence[float], *, every: timedelta = DAY) -> Measured:
    """Trials that end just before AS_OF, one an interval; each of 10 runs."""
    first = pd.Timestamp(AS_OF - len(good) * every).tz_convert(None)
    return Measured(
        target=slas.target(target),
        trials=pd.DataFrame(
            {
                "at": pd.date_range(first, periods=len(good), freq=every, tz="UTC"),
                "processor": "A",
                "good": np.rint(10 * np.asarray(good, dtype=np.float64)).astype(np.int64),
                "total": 10,
            }
        ),
    )


class TestBudget:
    def test_green_red_and_too_little_are_told_apart(self, slas: Slas) -> None:
        def standing(good: Sequence[float]) -> Standing:
            return attain(
                trials(slas, "phase_5_success_rate", good), start=START, end=AS_OF
            ).standing

        assert standing([1] * 30) is Standing.MET
        assert standing([1] * 25 + [0] * 5) is Standing.MISSED
        assert standing([1] * 4) is Standing.NOT_ENOUGH
        assert standing([]) is Standing.NOT_MEASURED

    def test_the_budget_is_what_may_be_bad(self, slas: Slas) -> None:
        found = attain(
            trials(slas, "phase_5_success_rate", [1] * 27 + [0] * 3), start=START, end=AS_OF
        )
        assert found.budget == pytest.approx(15)
        assert found.spent == pytest.approx(2)
        assert not found.is_sure  # three days of thirty may be chance

    def test_the_burn_down_falls_to_what_is_left(self, slas: Slas) -> None:
        own = trials(slas, "phase_5_success_rate", [1] * 10 + [0] * 2 + [1] * 18)
        left = burn_down(own, start=START, end=AS_OF)
        assert left.iloc[0] == 1
        assert (left.diff().dropna() <= 0).all()
        spent = attain(own, start=START, end=AS_OF).spent
        assert spent is not None
        assert left.iloc[-1] == pytest.approx(1 - spent)

    def test_an_exception_is_shown_and_changes_no_figure(self, slas: Slas) -> None:
        own = trials(slas, "phase_2_on_time", [1] * 25 + [0] * 5)
        excuse = exception("phase_2_on_time", AS_OF - 5 * DAY, AS_OF)
        assert attain(own, start=START, end=AS_OF).standing is Standing.MISSED
        without = attain(own.without([excuse]), start=START, end=AS_OF)
        assert (without.standing, without.share.total) == (Standing.MET, 250)
        assert own.without([exception("phase_5_on_time", START, AS_OF)]) is own

    def test_an_exception_covers_only_its_processors(self, slas: Slas) -> None:
        own = trials(slas, "phase_2_success_rate", [0] * 10)
        excuse = exception("phase_2_success_rate", START, AS_OF, "NbacGamebookProcessor")
        assert len(own.without([excuse]).trials) == 10

    def test_excused_minutes_leave_time_and_downtime(
        self, slas: Slas, registry: ProcessorRegistry
    ) -> None:
        late = JANUARY[3]
        works = [
            done(COORDINATOR, day, due(day) + (3 * HOUR if day == late else -HOUR))
            for day in JANUARY
        ]
        own = measured(slas, registry, works=works)["availability"]
        excuse = exception("availability", due(late) - HOUR, due(late) + 2 * HOUR)
        before = attain(own, start=START, end=AS_OF)
        after = attain(own.without([excuse]), start=START, end=AS_OF)
        assert (before.bad, after.bad) == (180, 60)
        assert before.share.total - after.share.total == 180


def exception(target: str, start: datetime, end: datetime, *processors: str) -> SlaException:
    return SlaException(
        name="outage",
        targets=(target,),
        processors=processors,
        start=start,
        end=end,
        reason="it was down",
        evidence="a link",
        approved_by="somebody",
    )


class TestBurn:
    PERIOD = 30 * DAY

    def rule(self, own: Measured, slas: Slas) -> str | None:
        found = burning(own, slas.burn_alerts, period=self.PERIOD, as_of=AS_OF)
        return found.alert.name if found else None

    def test_a_deadline_missed_four_times_running_burns_fast(self, slas: Slas) -> None:
        assert self.rule(trials(slas, "phase_5_on_time", [1] * 26 + [0] * 4), slas) == "fast"

    def test_one_miss_says_nothing_where_one_in_twenty_may_be(self, slas: Slas) -> None:
        assert self.rule(trials(slas, "phase_5_on_time", [1] * 29 + [0]), slas) is None

    def test_what_has_stopped_burning_alerts_no_more(self, slas: Slas) -> None:
        assert self.rule(trials(slas, "phase_5_on_time", [1] * 24 + [0] * 5 + [1]), slas) is None

    def test_a_slow_leak_is_found_where_there_are_many_trials(self, slas: Slas) -> None:
        good = [0.0 if n % 8 == 0 else 1.0 for n in range(720)][::-1]
        own = trials(slas, "phase_2_success_rate", good, every=HOUR)
        assert self.rule(own, slas) == "slow"

    def test_a_storm_of_one_hour_is_one_trial(self, slas: Slas) -> None:
        own = trials(slas, "phase_2_success_rate", [1.0] * 720, every=HOUR)
        storm = own.trials.copy()
        storm.loc[storm.index[-1], ["good", "total"]] = (0, 5_000)
        assert self.rule(Measured(target=own.target, trials=storm), slas) is None

    def test_a_total_outage_is_fast_whatever_is_promised(self, slas: Slas) -> None:
        for target in ("hit_rate", "phase_5_coverage", "phase_4_success_rate"):
            own = trials(slas, target, [1] * 200 + [0] * 12, every=3 * HOUR)
            assert self.rule(own, slas) == "fast", target

    def test_too_few_trials_never_alert(self, slas: Slas) -> None:
        assert self.rule(trials(slas, "phase_5_on_time", [0] * 3), slas) is None

    def test_a_platform_that_keeps_its_promise_is_hardly_ever_called(self, slas: Slas) -> None:
        rng = np.random.default_rng(20)
        called = sum(
            self.rule(trials(slas, target, rng.random(size) < objective, every=every), slas)
            is not None
            for target, objective, size, every in (
                ("phase_5_on_time", 0.975, 30, DAY),
                ("phase_2_success_rate", 0.975, 720, HOUR),
            )
            for _ in range(100)
        )
        assert called <= 2  # of 200 looks at a platform that spends half of its budget

    @pytest.mark.parametrize(
        ("down", "alert"),
        [
            ((AS_OF - HOUR / 2, AS_OF), "fast"),
            ((AS_OF - HOUR / 2, AS_OF - HOUR / 4), "medium"),
            ((AS_OF - HOUR, AS_OF - 3 * HOUR / 4), None),
            ((AS_OF - 2 * DAY, AS_OF - 2 * DAY + HOUR / 2), None),
        ],
    )
    def test_time_burns_on_the_windows_as_they_stand(
        self,
        slas: Slas,
        down: tuple[datetime, datetime],
        alert: str | None,
    ) -> None:
        own = trials(slas, "availability", [1] * 720, every=HOUR)
        own = replace(own, down=(down,))
        assert self.rule(own, slas) == alert


def test_a_registry_elsewhere_is_measured_by_its_own_slas(
    tmp_path: Path, registry: ProcessorRegistry, slas: Slas
) -> None:
    path = tmp_path / "slas.yaml"
    text = slas.source.read_text(encoding="utf-8").replace("objective: 0.55", "objective: 0.6")
    path.write_text(text, encoding="utf-8")
    assert load_slas(registry, path).target("hit_rate").objective == 0.6
