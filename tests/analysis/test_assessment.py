"""What has become worse is told, with its beginning; a clean history stays silent."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from nbkit.analysis.trends import assess


def _history(seed: int = 0, days: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-11-01", periods=days),
            "runs": 40,
            "failures": rng.binomial(40, 0.02, days),
            "p95_duration": 60 * np.exp(rng.normal(0, 0.1, days)),
            "records_p50": 500 * np.exp(rng.normal(0, 0.1, days)),
        }
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_clean_history_is_fine(seed: int) -> None:
    found = assess(_history(seed))
    assert not found.alert
    assert found.status == "fine"
    assert found.since is None


def test_a_step_three_days_old_is_found_and_dated() -> None:
    history = _history()
    history.loc[57:, "p95_duration"] *= 1.6
    found = assess(history)
    assert found.alert
    assert found.kind == "step"
    assert found.since == date(2025, 12, 28)
    change = found.changes[0]
    assert change.low < change.effect < change.high
    assert change.effect == pytest.approx(1.6, rel=0.15)
    assert found.confidence is not None
    assert found.confidence > 0.99


def test_one_that_recovered_is_no_alert() -> None:
    history = _history()
    history.loc[45:52, "p95_duration"] *= 2
    found = assess(history)
    assert not found.alert
    assert found.status == "recovered"
    assert (found.since, found.until) == (date(2025, 12, 16), date(2025, 12, 23))
    assert found.kind == "step"
    assert found.changes == ()
    assert found.recovered[0].effect == pytest.approx(2, rel=0.15)


def test_a_recovery_of_long_ago_is_no_news_and_hides_nothing() -> None:
    history = _history(days=90)
    history.loc[40:49, "p95_duration"] *= 2
    assert assess(history).status == "fine"
    history.loc[86:, "p95_duration"] *= 1.5
    found = assess(history)
    assert found.alert
    assert found.since == date(2026, 1, 26)


def test_failures_that_have_ceased_are_told_with_their_last_day() -> None:
    history = _history()
    history.loc[44:51, "failures"] = 8
    found = assess(history)
    assert found.status == "recovered"
    assert found.kind == "failure_rate"
    assert (found.since, found.until) == (date(2025, 12, 15), date(2025, 12, 22))


def test_an_alert_is_told_beside_a_recovery() -> None:
    history = _history()
    history.loc[46:51, "failures"] = 10
    history.loc[56:, "p95_duration"] *= 1.6
    found = assess(history)
    assert found.alert
    assert found.kind == "step"
    assert [change.kind for change in found.recovered] == ["failure_rate"]


def test_a_lone_outlier_is_no_alert() -> None:
    for day in (59, 58, 50):
        history = _history(3)
        history.loc[day, "p95_duration"] *= 8
        assert not assess(history).alert


def test_a_drift_is_told_from_a_step() -> None:
    history = _history()
    history.loc[40:, "p95_duration"] *= np.exp(0.06 * np.arange(1, 21))
    found = assess(history)
    assert found.kind == "drift"


def test_a_failure_rate_that_triples_is_found() -> None:
    history = _history()
    history.loc[46:, "failures"] = np.random.default_rng(5).binomial(40, 0.08, 14)
    found = assess(history)
    assert found.kind == "failure_rate"
    assert found.changes[0].recent == pytest.approx(0.08, abs=0.04)


def test_one_day_full_of_failures_is_no_new_rate() -> None:
    history = _history()
    history.loc[58, "failures"] = 35
    assert not assess(history).alert


def test_records_that_halve_are_found() -> None:
    history = _history()
    history.loc[54:, "records_p50"] *= 0.5
    assert assess(history).kind == "records"


def test_records_that_multiply_are_found_and_a_busier_season_is_not() -> None:
    history = _history()
    history.loc[54:, "records_p50"] *= 1.8
    assert not assess(history).alert
    history.loc[54:, "records_p50"] *= 3
    found = assess(history)
    assert found.kind == "records"
    assert found.effect == pytest.approx(5.4, rel=0.15)


def test_a_slowdown_that_volume_explains_is_labelled_and_not_hidden() -> None:
    rng = np.random.default_rng(1)
    history = _history()
    load = np.exp(rng.normal(0, 0.3, 60))
    load[50:] *= 3
    history["records_p50"] = 500 * load
    history["p95_duration"] = 60 * load * np.exp(rng.normal(0, 0.05, 60))
    slower = [c for c in assess(history).changes if c.metric == "duration"]
    assert slower
    assert slower[0].explained_by_volume


def test_off_days_and_missing_days_are_absent_not_zero() -> None:
    history = _history()
    weekend = history["date"].dt.day_of_week >= 5
    history.loc[weekend, ["runs", "failures"]] = 0
    history.loc[weekend, ["p95_duration", "records_p50"]] = np.nan
    assert assess(history) == assess(history[~weekend])
    assert not assess(history).alert


def test_a_week_of_history_is_insufficient_which_is_not_fine() -> None:
    found = assess(_history(days=7))
    assert found.status == "insufficient"
    assert not found.alert


def test_what_comes_later_is_not_needed_and_order_does_not_matter() -> None:
    history = _history(2)
    assert assess(history) == assess(history.sample(frac=1, random_state=1))


def test_a_bad_history_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="records_p50"):
        assess(_history().drop(columns="records_p50"))
    with pytest.raises(ValueError, match="2025-11-01 comes twice"):
        assess(pd.concat([_history(), _history().head(1)]))


def test_a_level_of_a_month_ago_is_the_new_normal() -> None:
    history = _history(days=90)
    history.loc[60:, "p95_duration"] *= 2
    assert not assess(history).alert
    history.loc[86:, "p95_duration"] *= 1.6
    assert assess(history).since == date(2026, 1, 26)


@pytest.mark.parametrize(("factor", "effect"), [(0.4, 0.4), (2.5, 2.5)])
def test_too_few_and_too_many_runs_are_found(factor: float, effect: float) -> None:
    history = _history()
    history["runs"] = np.random.default_rng(4).poisson(40, 60)
    assert not assess(history).alert
    history.loc[55:, "runs"] = (history["runs"] * factor).astype(int)
    history.loc[55:, "failures"] = 0
    found = assess(history)
    assert found.kind == "runs"
    assert found.effect == pytest.approx(effect, rel=0.25)
    assert found.changes[0].baseline == pytest.approx(40, rel=0.1)


def test_off_days_are_not_too_few_runs() -> None:
    history = _history()
    history.loc[55:, ["runs", "failures"]] = 0
    history.loc[55:, ["p95_duration", "records_p50"]] = np.nan
    assert not assess(history).alert


def test_marked_days_raise_no_alert_and_say_nothing_of_what_is_normal() -> None:
    history = _history()
    history.loc[54:, "p95_duration"] *= 2
    known = (date(2025, 12, 25), date(2025, 12, 30))
    assert assess(history).alert
    assert assess(history, marked=[known]) == assess(history.head(54))
    assert assess(history, marked=[(date(2025, 12, 25), None)]) == assess(history.head(54))


def test_a_marked_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        assess(_history(), marked=[(date(2025, 12, 2), date(2025, 12, 1))])
