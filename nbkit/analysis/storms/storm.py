"""A storm: a window in which too much failed, to the minute, with its cause and its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd

from nbkit.analysis.storms.diagnosis import Diagnosis, diagnose, diagnose_volume
from nbkit.analysis.storms.evidence.apart import is_far
from nbkit.analysis.storms.evidence.facts import in_excess, inside_of
from nbkit.analysis.storms.evidence.words import Bools
from nbkit.analysis.storms.onset import refined
from nbkit.analysis.storms.windows import HOUR, FoundWindow, Span
from nbkit.registry import ProcessorRegistry

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
REACH = timedelta(hours=2)
_WEEK = timedelta(days=7)
FRINGE = 0.25  # part of a larger storm's size below which a storm beside it may be its splinter
SPILL = 0.25  # of the failures of a mean hour: an edge hour with fewer is what spills over
# What such a splinter may be called: causes told by when runs come, and not by what they say.
_SPLINTERS = (
    "retry_amplification",
    "scheduler_collision",
    "republish_loop",
    "organic_load",
    "unknown",
)


@dataclass(frozen=True, kw_only=True)
class Storm:
    """One window, studied.

    Attributes:
        window: as it was found, or asked for.
        spans: to the minute; several for a weekly window, oldest first.
        runs: classified runs of the spans and some hours around them.
        failures, real: failed runs of `whose` that ended in the spans; of these, those that are
            not expected. `diagnosis.facts.failures` holds those of the processors that fail more
            than usual alone.
        whose: the processors that are counted: of a window that only some show, these and what
            depends on them; else empty, which is all.
        usual_failures: how many of `failures` so many hours have otherwise.
        by_processor: failures in the spans, most first.
        by_week: failures in the window's hours of each week of the period, by the date on which the
            window begins.
        sampled: the share of the messages whose runs are in `runs` and in the diagnosis. Where it
            is below 1 the counts here are scaled up from it; those of `diagnosis.facts` are not.
    """

    window: FoundWindow
    spans: tuple[Span, ...]
    runs: pd.DataFrame
    diagnosis: Diagnosis
    failures: int
    real: int
    usual_failures: float
    by_processor: dict[str, int]
    by_week: dict[date, int]
    whose: tuple[str, ...] = ()
    sampled: float = 1.0

    @property
    def weekly(self) -> bool:
        return self.window.weekly

    @property
    def onset(self) -> datetime:
        return self.spans[0].start

    @property
    def end(self) -> datetime:
        return self.spans[-1].end

    @property
    def expected(self) -> int:
        return self.failures - self.real

    @property
    def excess(self) -> float:
        """Failures of the storm's processors beyond their usual ones."""
        return self.diagnosis.facts.excess / self.sampled

    @property
    def attempts(self) -> int:
        """Runs of the storm's processors whose messages are counted."""
        return scaled(self.diagnosis.facts.attempts.attempts, self.sampled)

    @property
    def messages(self) -> int:
        """What they are attempts of."""
        return scaled(self.diagnosis.facts.attempts.messages, self.sampled)

    @property
    def failed_share(self) -> float:
        """The part of the runs about dates long ago that failed; 0 without such runs."""
        far = self.diagnosis.facts.inside
        far = far[is_far(far) & far["category"].notna().to_numpy()]
        return float(far["is_failure"].mean()) if len(far) else 0.0

    @property
    def per_time(self) -> float:
        """Failures each time it came."""
        return self.failures / len(self.spans)

    @property
    def name(self) -> str:
        """`Monday 00:00–03:59 UTC`, or the moments of a storm that came once."""
        if not self.weekly:
            return f"{self.onset:%Y-%m-%d %H:%M}–{_until(self.onset, self.end)} UTC"
        start, end = self.typical_hours()
        day = WEEKDAYS[start.weekday()]
        return f"{day} {start:%H:%M}–{_until(start, end, weekly=True)} UTC"

    def typical_hours(self) -> tuple[datetime, datetime]:
        """First and last whole hour of the middle time of a weekly storm; for a single one its own
        hours. The end is exclusive. An hour into which it only spills over is left out."""
        ordered = sorted(self.spans, key=lambda span: (_of_week(span.start), span.start))
        middle = ordered[len(ordered) // 2]
        starts = sorted(_of_week(span.start) - _of_week(middle.start) for span in self.spans)
        lengths = sorted(span.length for span in self.spans)
        start = middle.start + starts[len(starts) // 2]
        end = start + lengths[len(lengths) // 2]
        first = (start + timedelta(minutes=15)).replace(minute=0, second=0, microsecond=0)
        last = (end - timedelta(minutes=15)).replace(minute=0, second=0, microsecond=0)
        whole = first, max(last, first) + HOUR
        # What somebody asked for keeps its hours.
        return whole if self.spans == self.window.spans else self._without_spill(*whole)

    def _without_spill(self, first: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Hours of the week without a first or last one that holds little beside the others: what
        fails slowly ends after the storm."""
        hours = round((end - first) / HOUR)
        failed = self.diagnosis.facts.failures["ended_at"]
        place = ((failed - first) // HOUR % (_WEEK // HOUR)).value_counts()
        held = [int(place.get(hour, 0)) for hour in range(hours)]
        least = SPILL * sum(held) / hours
        if hours > 1 and held[-1] < least:
            hours, end = hours - 1, end - HOUR
        if hours > 1 and held[0] < least:
            first += HOUR
        return first, end


def scaled(count: float, share: float) -> int:
    """A count of all, estimated from a share of them (Horvitz & Thompson 1952)."""
    return round(count / share)


def _of_week(moment: datetime) -> timedelta:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment - midnight + timedelta(days=moment.weekday())


def _until(start: datetime, end: datetime, *, weekly: bool = False) -> str:
    last = end - timedelta(minutes=1)
    if last.date() == start.date():
        return f"{last:%H:%M}"
    return f"{WEEKDAYS[last.weekday()]} {last:%H:%M}" if weekly else f"{last:%m-%d %H:%M}"


def study(
    window: FoundWindow,
    runs: pd.DataFrame,
    counts: pd.DataFrame,
    registry: ProcessorRegistry | None,
    *,
    usual: pd.DataFrame,
    usual_words: pd.DataFrame | None = None,
    succeeded: pd.DataFrame | None = None,
    is_exact: bool = False,
    sampled: float = 1.0,
) -> Storm:
    """Refine a window to the minute, diagnose it, and count it.

    Args:
        runs: classified runs around all of its spans; of `whose` (see `Storm`) where it is a window
            of some processors.
        counts: classified storm counts of the whole period, marked (`mark_failures`).
        usual, usual_words: `usual_of_counts` and `words_of_counts`.
        succeeded: when the work of each processor and date first succeeded (processor_name,
            data_date, first_succeeded_at), earlier than the runs at hand too.
        is_exact: the spans are taken as they are (a window that somebody asked for).
        sampled: the share of the messages whose runs are at hand; `counts`, and what is made of
            them, are always of all.
    """
    spans = window.spans
    whose = related(window.processors, registry) if window.is_theirs else ()
    if whose:
        counts = counts[counts["processor_name"].isin(whose)]
    others = usual.reindex(list(whose)).fillna(0.0) if whose else usual
    usual = _thinned(usual, sampled)
    names = window.processors if window.is_theirs else ()
    failed = runs[runs["is_failure"]]
    real_only = "failures" not in window.measures and "real" in window.measures
    storm = failed[failed["processor_name"].isin(names)] if names else failed
    rate = usual["real" if real_only else "failures"]
    if real_only:
        storm = storm[~storm["is_expected"]]
    if not is_exact and window.measures & {"failures", "real"}:
        rate = rate.reindex(list(names)).fillna(0.0) if names else rate
        spans = refined(spans, storm, usual_per_hour=float(rate.sum()), reach=REACH)
    if window.measures & {"failures", "real"}:
        if names:
            own = failed[inside_of(failed["ended_at"], spans)]
            felt = in_excess(own, usual, sum(span.length / HOUR for span in spans))
            names = tuple(n for n in related(names, registry) if n in names or n in felt)
        diagnosis = diagnose(
            runs,
            registry,
            spans,
            processors=names,
            usual=usual,
            real_only=real_only,
            succeeded=succeeded,
            usual_words=usual_words,
        )
    else:
        diagnosis = diagnose_volume(runs, spans, usual=usual)
    inside = failed[inside_of(failed["ended_at"], spans)]
    hours = diagnosis.facts.hours
    by_processor = inside["processor_name"].value_counts()
    return Storm(
        window=window,
        spans=spans,
        runs=runs,
        diagnosis=diagnosis,
        failures=scaled(len(inside), sampled),
        real=scaled(int((~inside["is_expected"]).sum()), sampled),
        usual_failures=float(others["failures"].sum() * hours),
        by_processor={str(name): scaled(count, sampled) for name, count in by_processor.items()},
        by_week=_by_week(spans, inside, counts, sampled),
        whose=whose,
        sampled=sampled,
    )


def _thinned(usual: pd.DataFrame, share: float) -> pd.DataFrame:
    """Rates as they are in a sample of the messages; shares and ratios stay."""
    rates = usual[["failures", "real", "runs"]]
    return usual if share == 1 else usual.assign(**(share * rates))


def distinct(storms: Sequence[Storm]) -> list[Storm]:
    """Without those that are part of one before them: they lie within it (or within the same hours
    of another week), their processors are among its own, and they have no cause that it has not, or
    are small beside it and have none that their failures tell."""
    kept: list[Storm] = []
    for storm in storms:
        if not any(_is_part(storm, whole) for whole in kept):
            kept.append(storm)
    return kept


def _is_part(storm: Storm, whole: Storm) -> bool:
    if _is_fringe(storm, whole):
        return True
    causes = {whole.diagnosis.cause, *(each.cause for each in whole.diagnosis.others)}
    theirs = set(storm.window.processors)
    if not whole.window.is_of_all and not theirs <= set(whole.window.processors):
        return False
    if storm.diagnosis.cause not in causes | {"unknown", "organic_load"}:
        return False
    weeks = range(-8, 9) if whole.weekly else (0,)
    if _left(storm, whole) < 0.5:
        return True
    # Another week's time of a weekly storm may begin earlier or last longer.
    return _shared(storm, whole, weeks) > (0.1 if whole.weekly else 0.5)


def _is_fringe(storm: Storm, whole: Storm) -> bool:
    """Whether it is a splinter of a far larger storm: at its hours, of its processors, and under a
    name that says nothing about the failures themselves."""
    if storm.diagnosis.cause not in _SPLINTERS or storm.per_time > FRINGE * whole.per_time:
        return False
    own = storm.diagnosis.facts.failures["processor_name"]
    theirs = whole.diagnosis.facts.failures["processor_name"].unique()
    return bool(own.isin(theirs).mean() >= 0.8) and _shared(storm, whole, (0,)) > 0.5


def _left(storm: Storm, whole: Storm) -> float:
    """The part of a storm's excess that is left without what ended at the times of another."""
    facts = storm.diagnosis.facts
    if not facts.excess:
        return 1.0
    ended = facts.failures["ended_at"]
    others = float((~inside_of(ended, whole.spans)).sum())
    return max(others - facts.usual_failures, 0.0) / facts.excess


def _shared(storm: Storm, whole: Storm, weeks: Iterable[int]) -> float:
    """The part of a storm's time that lies at the times of another (or some weeks from them)."""
    others = [
        Span(start=own.start + k * _WEEK - REACH, end=own.end + k * _WEEK + REACH)
        for own in whole.spans
        for k in weeks
    ]
    length = sum((span.length for span in storm.spans), timedelta())
    shared = sum((max(span.overlap(own) for own in others) for span in storm.spans), timedelta())
    return shared / length if length else 0.0


def related(names: Sequence[str], registry: ProcessorRegistry | None) -> tuple[str, ...]:
    """These processors and what depends on them: a storm of one may be felt by the others."""
    found = dict.fromkeys(names)
    for name in names:
        if registry is not None and name in registry:
            found |= dict.fromkeys(registry.downstream(name))
    return tuple(found)


def usual_of_counts(
    counts: pd.DataFrame, messages: pd.DataFrame, windows: Sequence[FoundWindow], hours: int
) -> pd.DataFrame:
    """Rates in all hours but those of the windows, by processor: `failures`, `real` and `runs` an
    hour, `failure_share`, `attempts_per_message`.

    Args:
        counts: marked storm counts (`mark_failures`).
        messages: how many were first tried, by the hour (processor_name, ended_hour, messages).
        hours: how many the period has.
    """
    within = _within(counts, windows)
    quiet = counts[~within]
    taken = pd.DatetimeIndex(counts.loc[within, "ended_hour"])
    runs = quiet["runs"]
    failed = runs.where(quiet["is_failure"], 0)
    sums = (
        pd.DataFrame(
            {
                "processor_name": quiet["processor_name"],
                "runs": runs,
                "failures": failed,
                "real": failed.where(~quiet["is_expected"], 0),
            }
        )
        .groupby("processor_name")
        .sum()
        .astype("float64")
    )
    others = messages[~_within(messages, windows)].groupby("processor_name")["messages"].sum()
    left = max(hours - taken.nunique(), 1)
    return pd.DataFrame(
        {
            "failures": sums["failures"] / left,
            "real": sums["real"] / left,
            "runs": sums["runs"] / left,
            "failure_share": sums["failures"] / sums["runs"],
            "attempts_per_message": sums["runs"] / others.reindex(sums.index).astype("float64"),
        }
    )


def _within(counts: pd.DataFrame, windows: Sequence[FoundWindow]) -> Bools:
    spans = [span for window in windows for span in window.spans]
    return inside_of(counts["ended_hour"], spans)


def words_of_counts(counts: pd.DataFrame, windows: Sequence[FoundWindow]) -> pd.DataFrame:
    """What failures say in all hours but those of the windows: processor_name, errors_text (one
    example of each shape) and failures. Of marked counts."""
    quiet = counts[counts["is_failure"].to_numpy(dtype=bool) & ~_within(counts, windows)]
    grouped = quiet.groupby(["processor_name", "error_signature"], dropna=False)
    found = grouped.agg(errors_text=("error_example", "first"), failures=("runs", "sum"))
    return found.reset_index()[["processor_name", "errors_text", "failures"]]


def _by_week(
    spans: Sequence[Span], inside: pd.DataFrame, counts: pd.DataFrame, sampled: float
) -> dict[date, int]:
    """Failures in the same hours of every week: exact where the storm came, else by whole hours."""
    model = spans[-1]
    found = {}
    for span in spans:
        own = inside_of(inside["ended_at"], [span])
        found[span.start.date()] = scaled(int(own.sum()), sampled)
    failed = counts[counts["is_failure"]]
    if failed.empty:
        return found
    by_hour = failed.groupby("ended_hour")["runs"].sum()
    hours = by_hour.index.to_series()
    first = by_hour.index.min()
    back = 1
    while model.start - back * _WEEK >= first:
        start = model.start - back * _WEEK
        near = any(abs(start - span.start) < timedelta(days=3) for span in spans)
        if not near:
            moved = Span(
                start=start.replace(minute=0, second=0, microsecond=0),
                end=model.end - back * _WEEK,
            )
            own = inside_of(hours, [moved])
            found[start.date()] = int(by_hour[own].sum())
        back += 1
    return dict(sorted(found.items()))
