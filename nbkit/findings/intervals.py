"""Intervals in words: the figure's unit once, on one line, and no more digits than are known."""

from __future__ import annotations

from collections.abc import Callable

from nbkit.analysis.baselines import BusyHours
from nbkit.analysis.day_clusters import Estimate
from nbkit.analysis.proportions import Proportion
from nbkit.analysis.seasonality import SeasonalEffect, SeasonalMetric
from nbkit.findings.wording import percent, seconds


def between(estimate: Estimate, show: Callable[[float], str] = seconds) -> str | None:
    """`12–15 s`, `82 s–3 min`, `at least 12 s`, `12 s ± 1 %` where the profile knows no better;
    None where nothing is known."""
    if estimate.value is None:
        return None
    if estimate.low is not None and estimate.high is not None:
        low, high = show(estimate.low), show(estimate.high)
        if low != high:
            return joined(low, high)
        return f"{show(estimate.value)} ± 1\u00a0%" if estimate.value else show(estimate.value)
    if estimate.low is not None:
        return f"at least {show(estimate.low)}"
    return f"at most {show(estimate.high)}" if estimate.high is not None else "not known"


def share_between(share: Proportion) -> str | None:
    """`2–5 %`; None without runs."""
    return joined(percent(share.low), percent(share.high)) if share.total else None


def joined(low: str, high: str) -> str:
    """Two figures on one line, with their unit said once where it is the same."""
    number, _, unit = low.partition("\u00a0")
    if unit == high.partition("\u00a0")[2] and "\u00a0" not in unit:
        low = number
    if low[0] in "+−±":
        return f"{low} to {high}".replace(" ", "\u00a0")
    # Without the word joiners a browser breaks the line after the dash.
    return f"{low}\u2060–\u2060{high}".replace(" ", "\u00a0")


def plainly(text: str | None) -> str:
    """For a terminal, which may show a word joiner; empty for None."""
    return (text or "").replace("\u2060", "")


def whole_percent(share: float) -> str:
    """`43 %`: of what is read off a profile, whose buckets are 2 % wide."""
    return f"{100 * share:.0f}\u00a0%"


def whole(value: float) -> str:
    """`1,235`: records."""
    return f"{value:,.0f}"


def busy(found: BusyHours | None) -> str | None:
    """`03 to 17 h (83 %)`, `all day`; None where history is not enough."""
    if found is None:
        return None
    if found.is_all_day:
        return "all day"
    last = (found.first + found.length) % 24
    return f"{found.first:02d} to {last:02d}\u00a0h ({whole_percent(found.share)})"


def level_told(effect: SeasonalEffect, value: float) -> str:
    """`+45 %` beside the usual day; of failure rates the rate, `38 %`."""
    if effect.metric is SeasonalMetric.FAILURES:
        return whole_percent(value)
    beside = f"{100 * (value - 1):+.0f}".replace("-", "−")
    return f"{'±0' if beside in ('+0', '−0') else beside}\u00a0%"
