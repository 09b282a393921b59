"""What is getting worse is found with its date and its future, and clean processors stay silent."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from trend_histories import AS_OF, LAST, history, no_works

from nbkit.analysis.trends.outlook import Outlook, outlook
from nbkit.registry import MarkedSpan, MarkedSpans, ProcessorRegistry, load_registry

NAMES = (
    "NbacGamebookProcessor",
    "PlayerGameSummaryProcessor",
    "MLFeatureStoreProcessor",
    "BdlStandingsProcessor",
    "BettingPropsProcessor",
    "PlayerDailyCacheProcessor",
)


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def found_in(
    registry: ProcessorRegistry, *own: pd.DataFrame, marked: MarkedSpans | None = None
) -> Outlook:
    used = {frame["processor_name"].iloc[0] for frame in own}
    clean = [history(name, seed=n) for n, name in enumerate(NAMES, 10) if name not in used]
    return outlook(pd.concat([*own, *clean]), no_works(), registry, as_of=AS_OF, marked=marked)


def test_clean_processors_are_judged_and_not_warned_of(registry: ProcessorRegistry) -> None:
    found = found_in(registry)
    assert set(found.warnings.judged) == set(NAMES)
    assert (found.worse, found.recovered) == ((), ())
    assert all(forecast.on is None for forecast in found.timeouts.values())
    assert found.day == LAST


def test_a_step_has_its_date_and_no_forecast(registry: ProcessorRegistry) -> None:
    found = found_in(registry, history("MLFeatureStoreProcessor", step=1.6, changed=9))
    ((warning, change),) = found.worse
    assert (warning.processor, change.kind) == ("MLFeatureStoreProcessor", "step")
    assert abs((change.since - (LAST - timedelta(days=8))).days) <= 1
    assert change.low < 1.6 < change.high
    assert found.timeouts["MLFeatureStoreProcessor"].on is None


def test_a_drift_has_the_day_on_which_it_meets_the_timeout(registry: ProcessorRegistry) -> None:
    grown = history("PlayerDailyCacheProcessor", growth=0.04, changed=20)
    found = found_in(registry, grown)
    ((_, change),) = found.worse
    assert change.kind == "drift"
    forecast = found.timeouts["PlayerDailyCacheProcessor"]
    # From 60 s at 4 % a day it takes 87 days to 1,800 s; 20 of them are over.
    truth = LAST + timedelta(days=67)
    assert forecast.limit == registry.processor("PlayerDailyCacheProcessor").timeout_seconds
    assert forecast.on is not None
    assert forecast.earliest is not None
    assert abs((forecast.on - truth).days) <= 12
    assert forecast.earliest <= forecast.on


def test_a_critical_processor_comes_before_a_larger_change(registry: ProcessorRegistry) -> None:
    found = found_in(
        registry,
        history("BdlStandingsProcessor", step=3, changed=9),
        history("NbacGamebookProcessor", step=1.5, changed=9),
    )
    assert [w.processor for w, _ in found.worse] == [
        "NbacGamebookProcessor",
        "BdlStandingsProcessor",
    ]


def test_many_that_changed_on_one_day_are_said_to_share_it(registry: ProcessorRegistry) -> None:
    together = [history(name, step=2, changed=9, seed=n) for n, name in enumerate(NAMES[:4])]
    found = found_in(registry, *together)
    assert found.onset_shared() == (LAST - timedelta(days=8), 4)
    assert found_in(registry, together[0], together[1]).onset_shared() is None


def test_what_went_away_has_recovered_and_is_no_warning(registry: ProcessorRegistry) -> None:
    passed = history("MLFeatureStoreProcessor", step=2, changed=16, until=7)
    found = found_in(registry, passed)
    assert found.worse == ()
    ((warning, change),) = found.recovered
    assert warning.processor == "MLFeatureStoreProcessor"
    assert change.until is not None
    assert abs((change.until - (LAST - timedelta(days=7))).days) <= 1


def test_marked_days_neither_warn_nor_are_learned_from(registry: ProcessorRegistry) -> None:
    bad = history("MLFeatureStoreProcessor", step=2, changed=9)
    first = LAST - timedelta(days=8)

    def marked(*processors: str) -> MarkedSpans:
        return MarkedSpans((MarkedSpan(first=first, processors=processors, why="known"),))

    assert found_in(registry, bad, marked=marked("MLFeatureStoreProcessor")).worse == ()
    assert found_in(registry, bad, marked=marked("BdlStandingsProcessor")).worse


def test_a_changed_normal_is_marked_by_its_last_old_day(registry: ProcessorRegistry) -> None:
    wanted = history("MLFeatureStoreProcessor", step=2, changed=20)
    old = MarkedSpan(last=LAST - timedelta(days=20), why="a new model")
    assert found_in(registry, wanted).worse
    found = found_in(registry, wanted, marked=MarkedSpans((old,)))
    assert found.worse == ()
    assert min(found.daily["date"]) == pd.Timestamp(LAST - timedelta(days=19))


def test_too_little_history_is_insufficient_and_rest_is_silent(
    registry: ProcessorRegistry,
) -> None:
    short = history("MLFeatureStoreProcessor", days=9)
    gone = history("BdlStandingsProcessor")
    gone = gone[gone["date"] <= pd.Timestamp(date(2026, 1, 1))]
    found = found_in(registry, short, gone)
    assert found.warnings.insufficient == ("MLFeatureStoreProcessor",)
    assert found.warnings.silent == ("BdlStandingsProcessor",)


def test_the_day_that_goes_on_is_not_seen(registry: ProcessorRegistry) -> None:
    today = history("MLFeatureStoreProcessor", days=3, step=9, changed=3)
    today["date"] += pd.Timedelta(days=3)
    found = found_in(registry, pd.concat([history("MLFeatureStoreProcessor"), today]))
    assert found.daily["date"].max() == pd.Timestamp(LAST)
    assert found.worse == ()


def test_a_naive_moment_is_refused(registry: ProcessorRegistry) -> None:
    with pytest.raises(ValueError, match="without time zone"):
        outlook(history(NAMES[0]), no_works(), registry, as_of=AS_OF.replace(tzinfo=None))
