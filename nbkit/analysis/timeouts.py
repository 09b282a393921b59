"""How long a processor may take before it is ended: four times the P95 of its successes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from nbkit.analysis.profiles import Profile
from nbkit.registry import ProcessorRegistry


@dataclass(frozen=True, kw_only=True)
class TimeoutRules:
    """The platform's own thresholds ("4 x P95 is the timeout"), with a floor for processors so
    quick that a slow start would end them, and the customer's 30 minutes as a ceiling."""

    factor: float = 4.0
    floor: timedelta = timedelta(minutes=1)
    ceiling: timedelta = timedelta(minutes=30)
    enough: int = 20  # successes, below which a P95 is the maximum by another name


@dataclass(frozen=True, kw_only=True)
class TimeoutSuggestion:
    """What to set, beside what is set. `suggested` is None where history is not enough.

    `over`: successes of the window that took longer than the suggestion, and would have been ended
    wrongly.
    """

    processor: str
    current: timedelta | None
    is_default: bool
    suggested: timedelta | None
    p95: timedelta | None
    successes: int
    over: int


def suggest_timeouts(
    durations: Mapping[str, Profile],
    registry: ProcessorRegistry,
    *,
    rules: TimeoutRules | None = None,
) -> tuple[TimeoutSuggestion, ...]:
    """One suggestion per processor that is registered or has succeeded, by name.

    Args:
        durations: seconds of successful runs, by processor (quantiles are right within 1 %).
    """
    rules = rules or TimeoutRules()
    names = sorted({p.name for p in registry.processors} | set(durations))
    return tuple(_suggest(name, durations.get(name), registry, rules) for name in names)


def _suggest(
    name: str, profile: Profile | None, registry: ProcessorRegistry, rules: TimeoutRules
) -> TimeoutSuggestion:
    known = registry.get_processor(name)
    count = profile.count if profile else 0
    p95 = profile.quantile(0.95) if profile else None
    suggested = None
    if p95 is not None and count >= rules.enough:
        wanted = timedelta(seconds=round(rules.factor * p95))
        suggested = min(max(wanted, rules.floor), rules.ceiling)
    return TimeoutSuggestion(
        processor=name,
        current=known.timeout if known else None,
        is_default=bool(known and known.is_default("timeout_seconds")),
        suggested=suggested,
        p95=timedelta(seconds=p95) if p95 is not None else None,
        successes=count,
        over=profile.count_above(suggested.total_seconds()) if profile and suggested else 0,
    )
