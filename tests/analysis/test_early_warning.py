"""Early warnings: what has become worse, the important first, and few false ones among many."""

from datetime import date

import numpy as np
import pandas as pd

from nbkit.analysis.trends.early_warning import early_warnings
from nbkit.registry import load_registry
from nbkit.registry.models import Criticality

REGISTRY = load_registry()
LAST = date(2025, 12, 30)


def _daily(names: list[str], days: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "processor_name": name,
                    "date": pd.date_range(end=pd.Timestamp(LAST), periods=days),
                    "runs": 30,
                    "failures": rng.binomial(30, 0.02, days),
                    "p95_duration": 60 * np.exp(rng.normal(0, 0.1, days)),
                    "records_p50": 500 * np.exp(rng.normal(0, 0.1, days)),
                }
            )
            for name in names
        ],
        ignore_index=True,
    )


def _slower(daily: pd.DataFrame, name: str, factor: float, days: int = 6) -> pd.DataFrame:
    hit = (daily["processor_name"] == name) & (
        daily["date"] > pd.Timestamp(LAST) - pd.Timedelta(days=days)
    )
    return daily.assign(
        p95_duration=daily["p95_duration"].where(~hit, daily["p95_duration"] * factor)
    )


def test_fifty_five_healthy_processors_are_silent() -> None:
    found = early_warnings(_daily([p.name for p in REGISTRY.processors]), REGISTRY, as_of=LAST)
    assert found.warnings == ()
    assert len(found.judged) == len(REGISTRY.processors)


def test_a_critical_processor_comes_before_a_larger_change_elsewhere() -> None:
    critical = REGISTRY.get_by_criticality(Criticality.CRITICAL)[0].name
    lesser = REGISTRY.get_by_criticality(Criticality.MEDIUM)[0].name
    daily = _slower(_slower(_daily([critical, lesser, "Stranger"]), critical, 1.6), lesser, 3.0)
    found = early_warnings(daily, REGISTRY, as_of=LAST)
    assert [w.processor for w in found.warnings] == [critical, lesser]
    onset = date(2025, 12, 25)
    dates = [w.assessment.since for w in found.warnings]
    assert all(since is not None and abs((since - onset).days) <= 1 for since in dates), dates
    assert found.expected_false < 0.3


def test_what_comes_after_the_day_is_not_seen() -> None:
    daily = _slower(_daily(["A"]), "A", 2.0)
    assert early_warnings(daily, REGISTRY, as_of=date(2025, 12, 24)).warnings == ()


def test_too_little_history_and_no_recent_run_are_said_apart() -> None:
    short, old = _daily(["Short"], days=5), _daily(["Old"])
    old = old[old["date"] < pd.Timestamp("2025-12-20")]
    found = early_warnings(pd.concat([short, old]), REGISTRY, as_of=LAST)
    assert found.insufficient == ("Short",)
    assert found.silent == ("Old",)
    assert found.judged == ()


def test_what_has_recovered_is_listed_apart() -> None:
    daily = _daily(["A", "B"])
    hit = (daily["processor_name"] == "A") & daily["date"].between("2025-12-16", "2025-12-22")
    daily.loc[hit, "p95_duration"] *= 2
    found = early_warnings(daily, REGISTRY, as_of=LAST)
    assert found.warnings == ()
    assert [w.processor for w in found.recovered] == ["A"]
    assert found.recovered[0].assessment.until == date(2025, 12, 22)
