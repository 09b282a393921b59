"""The questions that are asked about a processor's last day, each as one test.

Was a run slow or fast, with many records or few (`extremes.py`), with none where there always are
some, or is the processor silent? A departure too small to matter has no case, and the p-value 1:
the test was made, and must count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.analysis.anomalies.extremes import LEAST_DAYS, Calibration, past_surprises, surprise
from nbkit.analysis.daily import daily_outcomes
from nbkit.analysis.profiles import GAMMA, Profile, profiles_by
from nbkit.analysis.robust import Floats

Ints = npt.NDArray[np.int64]
Answers = tuple[list["RunTest"], list["RunNotJudged"]]
DAY = timedelta(days=1)
_HOUR_S = 3600
_LEAST_SCALE = 0.02  # buckets of the histograms are 2 % wide
_LEAST_GAP_SCALE = 0.1
_ALIKE = np.log(1.5)  # weekdays whose usual silence differs by less share one schedule


class RunKind(StrEnum):
    """What is wrong with a run. Durations and records are those of successful runs."""

    SLOW = "slow"
    FAST = "fast"
    MANY_RECORDS = "many records"
    FEW_RECORDS = "few records"
    ZERO_RECORDS = "zero records"
    SILENCE = "silence"


MEASURED = {
    RunKind.SLOW: ("duration_s", 1),
    RunKind.FAST: ("duration_s", -1),
    RunKind.MANY_RECORDS: ("records", 1),
    RunKind.FEW_RECORDS: ("records", -1),
}


@dataclass(frozen=True, kw_only=True)
class RunRules:
    """How runs are judged.

    `false_discovery_rate`: the share of wrong ones among all departures. `baseline_days` before
    the judged day are looked at, and `least_days` of them must have the metric. What is unlikely
    but small is no anomaly: a run must differ from the median by the ratio (and `least_seconds`),
    a silence last `least_silence`. `zero_weight`: how much more than others a test for zero records
    is believed, as processors that always have records can be told from others but not how rarely
    they have none. `since_p`: a day before counts as off, too, below this.
    """

    false_discovery_rate: float = 0.05
    baseline_days: int = 56
    least_days: int = LEAST_DAYS
    duration_ratio: float = 1.5
    records_ratio: float = 1.5
    least_seconds: float = 5.0
    least_silence: timedelta = timedelta(hours=3)
    zero_weight: float = 6.0
    since_p: float = 0.02


@dataclass(frozen=True, kw_only=True)
class RunNotJudged:
    """A question about a processor that cannot be answered, and why."""

    processor: str
    kind: RunKind
    why: str


@dataclass(frozen=True, kw_only=True)
class RunCase:
    """One run that may be off. `rate`: how rarely a usual day has one so far off."""

    run_id: str | None
    at: datetime
    seen: float
    rate: float


@dataclass(frozen=True, kw_only=True)
class RunTest:
    """One question about one processor; `expected` is the median and the range of 95 %."""

    processor: str
    kind: RunKind
    cases: tuple[RunCase, ...]
    expected: tuple[float, float, float]
    since: datetime | None
    baseline_days: int

    @property
    def p_value(self) -> float:
        return min((case.rate for case in self.cases), default=1.0)


@dataclass(frozen=True, kw_only=True)
class Past:
    """A processor's metric on the days of its baseline, in order; values are logs."""

    day: list[date]
    most: Floats
    least: Floats
    runs: Ints
    profile: Profile


def baseline(histograms: pd.DataFrame, days: set[date]) -> dict[tuple[str, str], Past]:
    """By processor and metric, from the daily histograms of successful runs on `days`."""
    good = histograms[(histograms["outcome"] == "success") & histograms["bucket"].notna()]
    day = pd.to_datetime(good["day"]).dt.normalize()
    good = good.assign(day=day)[day.isin([pd.Timestamp(each) for each in days])]
    whole = profiles_by(good, ["processor_name", "metric"])
    daily = good.groupby(["processor_name", "metric", "day"], sort=True, observed=True).agg(
        most=("bucket", "max"), least=("bucket", "min"), runs=("runs", "sum")
    )
    width = np.log(GAMMA)
    found = {}
    for key, rows in daily.groupby(level=["processor_name", "metric"], sort=True):
        name, metric = map(str, key)
        found[name, metric] = Past(
            day=[each.date() for each in rows.index.get_level_values("day")],
            most=rows["most"].to_numpy(dtype=np.float64) * width,
            least=rows["least"].to_numpy(dtype=np.float64) * width,
            runs=rows["runs"].to_numpy(dtype=np.int64),
            profile=whole[name, metric],
        )
    return found


def extreme_runs(
    runs: pd.DataFrame,
    past: dict[tuple[str, str], Past],
    kind: RunKind,
    today: date,
    rules: RunRules,
) -> Answers:
    """Runs farther off than a day's farthest usually is, for one of the `MEASURED` kinds."""
    metric, sign = MEASURED[kind]
    is_record = metric == "records"
    ratio = rules.records_ratio if is_record else rules.duration_ratio
    fit = {n: p for (n, m), p in past.items() if m == metric and len(p.day) >= rules.least_days}
    surprises = {}
    for processor, own in fit.items():
        values = own.most if sign > 0 else -own.least
        surprises[processor] = past_surprises(values, least_scale=_LEAST_SCALE) - _exposure(
            own.runs
        )
    calibration = Calibration.of(np.concatenate([*surprises.values(), np.empty(0)]))
    tests, skipped = [], []
    measured = runs[runs[metric].astype("float64") > 0]
    for name, rows in measured.groupby("processor_name", sort=True):
        known = fit.get(str(name))
        if known is None:
            seen = past.get((str(name), metric))
            why = f"{len(seen.day) if seen else 0} earlier days, {rules.least_days} are needed"
            skipped.append(RunNotJudged(processor=str(name), kind=kind, why=why))
            continue
        values = known.most if sign > 0 else -known.least
        low, middle, high = _spread(known.profile)
        more = max(float(np.log(len(rows) / known.runs.mean())), 0.0)
        cases = []
        for row in rows.to_dict("records"):
            value = float(row[metric])
            matters = sign * np.log(value / middle) >= np.log(ratio) and (
                is_record or abs(value - middle) >= rules.least_seconds
            )
            if not matters:
                continue
            height = surprise(values, sign * np.log(value), least_scale=_LEAST_SCALE) - more
            cases.append(
                RunCase(
                    run_id=str(row["run_id"]),
                    at=row["ended_at"].to_pydatetime(),
                    seen=value,
                    rate=float(calibration.rates(np.array([height]))[0]),
                )
            )
        rates = calibration.rates(surprises[str(name)])
        tests.append(
            RunTest(
                processor=str(name),
                kind=kind,
                cases=tuple(cases),
                expected=(middle, low, high),
                since=_streak(known.day, rates < rules.since_p, today),
                baseline_days=len(known.day),
            )
        )
    return tests, skipped


def _spread(profile: Profile) -> tuple[float, float, float]:
    """The median, between the ends of the range that holds 95 % of runs."""
    found = [profile.quantile(q) for q in (0.025, 0.5, 0.975)]
    low, middle, high = (np.nan if each is None else each for each in found)
    return low, middle, high


def _exposure(runs: Ints) -> Floats:
    """A day with more runs than usual has a farther extreme: the log of how many times as many."""
    return np.asarray(np.maximum(np.log(runs / runs.mean()), 0.0))


def _streak(days: list[date], off: npt.NDArray[np.bool_], today: date) -> datetime | None:
    """The first of the last days that were all off, if yesterday was one."""
    first, before = None, today
    for day, is_off in zip(reversed(days), reversed(off.tolist()), strict=True):
        if not is_off or before - day > DAY:
            break
        first = before = day
    return datetime(first.year, first.month, first.day, tzinfo=UTC) if first else None


def zero_records(
    runs: pd.DataFrame, counts: pd.DataFrame, days: set[date], rules: RunRules
) -> Answers:
    """A run without records, where every run of the baseline that said so had some.

    How likely a first one is, all processors say together: so many had exactly one such day, so
    many none (Good 1953).
    """
    daily = daily_outcomes(counts).reset_index()
    worked = daily["day"].isin([pd.Timestamp(each) for each in days])
    daily = daily[worked & (daily["counted"] > 0)]
    size = daily.groupby("processor_name").size()
    hit = daily["zero_records"].gt(0).groupby(daily["processor_name"]).sum().reindex(size.index)
    known = size >= rules.least_days
    never, once = int((known & (hit == 0)).sum()), int((known & (hit == 1)).sum())
    tests, skipped = [], []
    said = runs[runs["records"].notna()]
    for name, rows in said.groupby("processor_name", sort=True):
        of = int(size.get(name, 0))
        if of < rules.least_days:
            why = f"{of} earlier days, {rules.least_days} are needed"
            skipped.append(RunNotJudged(processor=str(name), kind=RunKind.ZERO_RECORDS, why=why))
            continue
        earlier = int(hit[name])
        first = (once + 1) / ((of + 1) * (never + 1))
        rate = min(first if earlier == 0 else (earlier + 1) / (of + 1), 1.0)
        empty = rows[rows["records"].astype("float64") == 0]
        tests.append(
            RunTest(
                processor=str(name),
                kind=RunKind.ZERO_RECORDS,
                cases=tuple(
                    RunCase(
                        run_id=str(r["run_id"]), at=r["ended_at"].to_pydatetime(), seen=0, rate=rate
                    )
                    for r in empty.to_dict("records")
                ),
                expected=(np.nan, np.nan, np.nan),
                since=None,
                baseline_days=of,
            )
        )
    return tests, skipped


def silences(counts: pd.DataFrame, days: set[date], end: datetime, rules: RunRules) -> Answers:
    """How long it has been since the last run, beside the same moment of earlier days.

    That moment knows the time of day, and days of the same schedule know the weekend. The counts
    are hourly: what ended in an hour is taken to have ended with it, and the moment is the last
    full hour. Who has finished a run since then is not silent.
    """
    ran = counts.loc[counts["runs"] > 0, ["processor_name", "hour"]].drop_duplicates()
    hours = pd.DatetimeIndex(ran["hour"]).tz_convert(UTC).as_unit("s").asi8 + _HOUR_S
    full_hour = end.replace(minute=0, second=0, microsecond=0)
    now = int(full_hour.timestamp())
    found, skipped = [], []
    for name, rows in pd.Series(hours).groupby(ran["processor_name"].to_numpy(), sort=True):
        ends = np.sort(rows.to_numpy())
        ends = ends[ends < end.timestamp() + _HOUR_S]
        gaps = _gaps(ends, days, full_hour, rules.baseline_days) if ends.size else {}
        alike = _alike(gaps, full_hour.date())
        if len(alike) < rules.least_days:
            why = f"{len(alike)} earlier days of its schedule, {rules.least_days} are needed"
            skipped.append(RunNotJudged(processor=str(name), kind=RunKind.SILENCE, why=why))
            continue
        last = min(int(ends[-1]), now)
        found.append((str(name), np.array([gaps[day] for day in alike]), last))
    pool = [past_surprises(np.log1p(own), least_scale=_LEAST_GAP_SCALE) for _, own, _ in found]
    calibration = Calibration.of(np.concatenate([*pool, np.empty(0)]))
    tests = []
    for processor, own, last in found:
        quiet = (now - last) / _HOUR_S
        height = surprise(np.log1p(own), float(np.log1p(quiet)), least_scale=_LEAST_GAP_SCALE)
        rate = float(calibration.rates(np.array([height]))[0])
        at = datetime.fromtimestamp(last, tz=UTC)
        is_long = end - at >= rules.least_silence
        low, middle, high = np.quantile(own, [0.025, 0.5, 0.975]).tolist()
        tests.append(
            RunTest(
                processor=processor,
                kind=RunKind.SILENCE,
                cases=(RunCase(run_id=None, at=at, seen=quiet, rate=rate),) if is_long else (),
                expected=(middle, low, high),
                since=min(at + timedelta(hours=max(high, 1.0)), end),
                baseline_days=own.size,
            )
        )
    return tests, skipped


def _gaps(ends: Ints, days: set[date], end: datetime, most: int) -> dict[date, float]:
    """Hours of silence at this moment of each earlier day, where something had run before."""
    moments = [end - back * DAY for back in range(1, most + 1)]
    seconds = np.array([int(moment.timestamp()) for moment in moments])
    before = np.searchsorted(ends, seconds, side="right")
    gaps = (seconds - ends[np.maximum(before - 1, 0)]) / _HOUR_S
    return {
        moment.date(): float(gap)
        for moment, gap, count in zip(moments, gaps, before, strict=True)
        if count > 0 and moment.date() in days
    }


def _alike(gaps: dict[date, float], day: date) -> list[date]:
    """The days of weekdays on which the usual silence is about that of the weekday of `day`."""
    by_weekday: dict[int, list[float]] = {}
    for each, gap in gaps.items():
        by_weekday.setdefault(each.weekday(), []).append(float(np.log1p(gap)))
    usual = {weekday: float(np.median(values)) for weekday, values in by_weekday.items()}
    here = usual.get(day.weekday())
    if here is None:
        return []
    return [each for each in gaps if abs(usual[each.weekday()] - here) <= _ALIKE]
