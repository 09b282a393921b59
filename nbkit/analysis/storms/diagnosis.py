"""From runs of a storm to its cause: all causes of the contract, ranked by evidence.

First the failures that can be told one by one are set apart: rows closed by a sweep, messages that
can never succeed, replays of old dates. The others fall into three families by what they say: they
wait for something, they met a quota, or they failed. Each family goes to the cause with most
evidence among those that can make such failures, and a cause's score is its evidence times its part
of the failures. So several causes may hold together, and what no evidence covers stays unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from nbkit.analysis.storms.evidence import CauseEvidence, Evidence, Facts, measure
from nbkit.analysis.storms.evidence.apart import is_far
from nbkit.analysis.storms.evidence.cascade import Cascade, find_cascade, upstream_outage
from nbkit.analysis.storms.evidence.clocks import (
    by_schedule,
    organic_load,
    premature_start,
    rate_limit,
    scheduler_collision,
)
from nbkit.analysis.storms.evidence.deliveries import republish_loop, retry_amplification
from nbkit.analysis.storms.evidence.set_apart import (
    backfill,
    backfill_of,
    cleanup_artifact,
    poison_message,
)
from nbkit.analysis.storms.windows import Span
from nbkit.registry import ProcessorRegistry

CAUSES = (
    "scheduler_collision",
    "retry_amplification",
    "poison_message",
    "republish_loop",
    "premature_start",
    "upstream_outage",
    "rate_limit",
    "cleanup_artifact",
    "backfill",
    "organic_load",
    "unknown",
)
LEAST_SCORE = 0.35  # below it no cause is named
SURE = 0.6  # evidence of this strength keeps its failures from other causes
_READ_AS = {"errors": "errors_text", "processed_at": "ended_at"}
# Causes that processors, starts and dates alone can tell.
_TOLD_BY_DATES = ("backfill", "organic_load")
MIXED = 0.15  # from this share on a family of failures is measured by itself


@dataclass(frozen=True, kw_only=True)
class RankedCause:
    """A cause with its score from 0 to 1, and why."""

    cause: str
    score: float
    share: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What made a storm.

    Attributes:
        causes: all causes of the contract, the likeliest first.
        facts: what was measured.
        root: the processor that the others fail on, where there is a cascade.
        missing: what to log to be surer next time.
    """

    causes: tuple[RankedCause, ...]
    facts: Facts
    root: str | None
    missing: tuple[str, ...]

    @property
    def cause(self) -> str:
        return self.causes[0].cause

    def score(self, cause: str) -> float:
        return next(each.score for each in self.causes if each.cause == cause)

    @property
    def others(self) -> tuple[RankedCause, ...]:
        """Further causes that hold as well."""
        return tuple(
            each
            for each in self.causes[1:]
            if each.score >= LEAST_SCORE / 2 and each.cause not in ("unknown", "organic_load")
        )


def diagnose(
    runs: pd.DataFrame,
    registry: ProcessorRegistry | None,
    spans: Sequence[Span],
    *,
    processors: Sequence[str] = (),
    usual: pd.DataFrame | None = None,
    real_only: bool = False,
    usual_words: pd.DataFrame | None = None,
    succeeded: pd.DataFrame | None = None,
) -> Diagnosis:
    """Rank the causes of a storm.

    Args:
        runs: classified runs (`nbkit.analysis.storms.runs.classified`): those that ended or started
            in the spans, and some hours around them, so that it is seen what had succeeded before
            and what does afterwards.
        registry: for the dependency graph; None: cascades are not looked for.
        spans: when the storm blew; one, or one for each week.
        processors: whose storm it is; default: of all that failed then.
        usual: rates in other hours by processor (`Facts.usual`); default: from the runs around.
        real_only: leave out expected failures: the storm was found among the others.
        usual_words, succeeded: what failures say in other hours, and when work first succeeded;
            see `measure`.
    """
    facts = measure(
        runs,
        spans,
        processors=processors,
        usual=usual,
        real_only=real_only,
        usual_words=usual_words,
        succeeded=succeeded,
    )
    return diagnose_facts(facts, registry)


def diagnose_volume(runs: pd.DataFrame, spans: Sequence[Span], *, usual: pd.DataFrame) -> Diagnosis:
    """Of a window in which there were more runs than usual, and not more failures: a replay of old
    dates, or simply more work. Arguments as `diagnose`."""
    names = [str(name) for name in runs["processor_name"].unique()]
    facts = measure(runs, spans, processors=names, usual=usual)
    far = facts.inside[is_far(facts.inside)]
    known = usual["runs"].reindex(names).fillna(0.0).sum() * facts.hours
    share = min(len(far) / max(len(facts.inside) - known, 1.0), 1.0) if len(far) else 0.0
    return _ranked(
        [
            backfill_of(far, share),
            CauseEvidence(
                cause="organic_load", evidence=organic_load(facts).evidence, share=1 - share
            ),
        ],
        facts,
        root=None,
    )


def diagnose_facts(facts: Facts, registry: ProcessorRegistry | None) -> Diagnosis:
    """`diagnose` of a storm that has been measured."""
    cascade = find_cascade(facts, registry)
    found = [
        cleanup_artifact(facts),
        poison_message(facts),
        backfill(facts),
        *_of_rest(facts, cascade),
    ]
    organic = organic_load(facts)
    loop = next(each for each in found if each.cause == "republish_loop")
    if loop.strength >= SURE and loop.share > 0:
        # The same share of more runs fails; but the work of these runs had been done.
        organic = replace(organic, share=1 - loop.share)
    bulk = next(each for each in found if each.cause == "backfill")
    if bulk.strength >= SURE:
        # More work, but none that is new.
        organic = replace(organic, share=organic.share - bulk.share)
    if (
        organic.strength >= 0.5
        and organic.share > 0.5
        and max(facts.share(c) for c in ("is_swept", "is_poison")) < 0.2
    ):
        # As many fail as so much work always has: no other cause is needed.
        found = [replace(each, share=0.5 * each.share) for each in found]
    found.append(organic)
    if not facts.speaks:
        found = [
            each if each.cause in _TOLD_BY_DATES else replace(each, untold=True) for each in found
        ]
    return _ranked(found, facts, root=cascade.root if cascade else None)


def _ranked(found: list[CauseEvidence], facts: Facts, *, root: str | None) -> Diagnosis:
    """All causes in order; those that were not asked for have no score."""
    best = max(each.score for each in found)
    ranked = [
        RankedCause(cause=e.cause, score=e.score, share=e.share, evidence=e.evidence) for e in found
    ]
    unknown = 1.0 - best if best < LEAST_SCORE else min(1.0 - best, LEAST_SCORE)
    ranked.append(RankedCause(cause="unknown", score=unknown, share=1.0, evidence=()))
    asked = {each.cause for each in ranked}
    ranked += [
        RankedCause(cause=cause, score=0.0, share=0.0, evidence=())
        for cause in CAUSES
        if cause not in asked
    ]
    ranked.sort(key=lambda each: (-each.score, CAUSES.index(each.cause)))
    return Diagnosis(
        causes=tuple(ranked),
        facts=facts,
        root=root if ranked[0].cause == "upstream_outage" else None,
        missing=tuple(
            dict.fromkeys(
                need for each in found for need in each.missing if not _is_logged(need, facts)
            )
        ),
    )


def _is_logged(need: str, facts: Facts) -> bool:
    """Whether the columns that a need names (before its colon) are there: then there is nothing to
    log, there were only too few such runs to measure."""
    columns, _, _ = need.partition(":")
    return all(
        any(facts.known(_READ_AS.get(name, name)) for name in either.split(" or "))
        for either in columns.split(" and ")
    )


def _of_rest(facts: Facts, cascade: Cascade | None) -> list[CauseEvidence]:
    """The causes of failures that cannot be told one by one."""
    failures = facts.rest_failures
    total = max(len(facts.failures), 1)
    quota = failures["is_quota"].to_numpy()
    waiting = failures["is_waiting"].to_numpy() & ~quota
    other = ~quota & ~waiting
    outage = upstream_outage(cascade, facts, 0.0)
    if cascade is not None:
        covered = float(cascade.rows.sum()) / total
        if outage.strength >= SURE:
            quota, waiting, other = (mask & ~cascade.rows for mask in (quota, waiting, other))
        else:
            covered *= 0.5
        outage = replace(outage, share=covered)
    part = {name: float(mask.sum()) / total for name, mask in
            (("quota", quota), ("waiting", waiting), ("other", other))}  # fmt: skip
    limit = rate_limit(facts, part["quota"])
    early = premature_start(facts, part["waiting"])
    done_before = float((waiting & facts.done_before(failures)).sum()) / total
    # What failed by itself is measured without what waited, where there is much of both.
    alone = facts
    if min(part["other"], part["waiting"] + part["quota"]) >= MIXED:
        alone = facts.without(failures.loc[~other, "message"])
    # Waiting runs may collide or be redelivered too, where nothing ever lands for them; but that
    # work waits for its input speaks against its having succeeded before.
    left = part["waiting"] * (1 - early.strength) + part["quota"] * (1 - limit.strength)
    collision = scheduler_collision(alone, part["other"] + left)
    retries = retry_amplification(alone, part["other"] + left)
    if min(collision.strength, retries.strength) >= SURE:
        # Both hold: the collision made the first failures, redelivery the others,
        # as surely as they are any.
        again = alone.attempts.redelivered * retries.strength
        collision = replace(collision, share=collision.share * (1 - again))
        retries = replace(retries, share=retries.share * alone.attempts.redelivered)
    loop = republish_loop(alone, part["other"] + 0.5 * left)
    by_clock = by_schedule(alone)
    if loop.strength >= SURE and by_clock is not None and by_clock < 0.5:
        # What says that it has no data, of work that was done before, waits for nothing.
        early = replace(early, share=part["waiting"] - done_before)
        loop = replace(loop, share=max(loop.share, part["other"] + done_before))
    return [limit, early, outage, collision, retries, loop]
