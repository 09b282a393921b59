"""Is the error budget burning now, faster than it may?

SRE Workbook, chapter 5, recommends several windows, each with a burn rate, and each confirmed by a
window a twelfth as long: a budget that burns at rate 1 is spent exactly at the period's end, and
14.4 spends 2 % of a 30-day budget within an hour. That fits requests, of which every five minutes
hold thousands. A pipeline has a few runs an hour at best, and one deadline a day; there, as the
same chapter says of low traffic, one failure in an hour looks like a disaster. Hence:

- **Time** (availability, freshness) is known without sampling: the windows stand as written.
- **What is counted** is windowed in trials. A window keeps its share of the period (an hour is
  1/720 of 30 days, 6 hours 1/120, 3 days 1/10) and takes as many trials as that share of the
  period's, but at least `LEAST`: four dates for a deadline a day (and at least as many as could be
  told from chance if all were bad). Its short window is the same share of the long one as in the
  table, at least the last trial: that one was still bad.
- Each trial weighs the same there, whatever its runs, so that one storm is one trial an hour.
- **Chance** is asked too: the long window must be worse than a platform that just keeps its
  objective would show once in a hundred windows (binomial tail). That needs no fixed minimum:
  three failures of four speak at 95 %, one of one does not.
- Rates beyond what an objective can show are drawn in: at 90 % a total outage burns at rate 10, so
  14.4 becomes 9 (`REACHABLE` of the most there can be).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log

import pandas as pd

from nbkit.analysis.slas.completion import Span
from nbkit.analysis.slas.measured import Measured
from nbkit.registry.slas import BurnAlert

LEAST = 4
REACHABLE = 0.9
CHANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class Window:
    """The bad share of a stretch up to now; `trials` is None for time."""

    start: datetime
    bad: float
    trials: int | None


@dataclass(frozen=True, kw_only=True)
class Burn:
    """A rule that fires. `rate` is how fast the budget burns over the long window, `limit` the
    rate that it had to reach; `chance` that of a long window as bad on a platform that just keeps
    its objective (None for time)."""

    alert: BurnAlert
    limit: float
    rate: float
    long: Window
    short: Window
    chance: float | None


def burning(
    measured: Measured, alerts: Sequence[BurnAlert], *, period: timedelta, as_of: datetime
) -> Burn | None:
    """The fastest rule that fires at `as_of`; None where none does, or nothing is measured."""
    if not measured.is_measured:
        return None
    for alert in sorted(alerts, key=lambda alert: -alert.rate):
        found = (
            _of_time(measured, alert, as_of)
            if measured.target.measure.is_time
            else _of_trials(measured, alert, period, as_of)
        )
        if found is not None:
            return found
    return None


def _of_time(measured: Measured, alert: BurnAlert, as_of: datetime) -> Burn | None:
    allowed = 1 - measured.target.objective
    limit = min(alert.rate, REACHABLE / allowed)
    first = measured.trials["at"].min()
    windows = []
    for length in (alert.long, alert.short):
        start = max(as_of - length, first.to_pydatetime())
        bad = _share(measured.down, start, as_of)
        if bad is None or bad / allowed < limit:
            return None
        windows.append(Window(start=start, bad=bad, trials=None))
    long, short = windows
    return Burn(
        alert=alert, limit=limit, rate=long.bad / allowed, long=long, short=short, chance=None
    )


def _of_trials(
    measured: Measured, alert: BurnAlert, period: timedelta, as_of: datetime
) -> Burn | None:
    from scipy.special import betainc

    allowed = 1 - measured.target.objective
    limit = min(alert.rate, REACHABLE / allowed)
    own = measured.within(as_of - period, as_of)
    # So few could not be told from chance even if all of them were bad.
    least = max(LEAST, ceil(log(CHANCE) / log(allowed)))
    size = max(ceil(len(own) * (alert.long / period)), least)
    if len(own) < least:
        return None
    long = _window(own, size)
    short = _window(own, ceil(size * (alert.short / alert.long)))
    if min(long.bad, short.bad) / allowed < limit:
        return None
    # Bad trials may be so in part: the beta function carries the tail between whole numbers.
    bad = long.bad * (long.trials or 0)
    chance = float(betainc(bad, (long.trials or 0) - bad + 1, allowed)) if bad > 0 else 1.0
    if chance > CHANCE:
        return None
    return Burn(
        alert=alert, limit=limit, rate=long.bad / allowed, long=long, short=short, chance=chance
    )


def _window(trials: pd.DataFrame, size: int) -> Window:
    last = trials.iloc[-size:]
    bad = 1 - last["good"] / last["total"]
    return Window(start=last["at"].iloc[0].to_pydatetime(), bad=float(bad.mean()), trials=len(last))


def _share(spans: Sequence[Span], start: datetime, end: datetime) -> float | None:
    if end <= start:
        return None
    held = sum(
        ((min(b, end) - max(a, start)) for a, b in spans if b > start and a < end), timedelta()
    )
    return held / (end - start)
