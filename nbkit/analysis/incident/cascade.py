"""Where trouble began and what followed it: along the dependency graph, and by who names whom.

A root is a processor in trouble none of whose ancestors was in trouble before it. What needs it,
directly or not, and got into trouble after it, followed it; surely so where its failures name the
root, its table or what lies between. Order in time alone proves little, and is told as what it is.
An ancestor that most of the failures name is the root even if it has no failure in the window: it
may not have run at all. Processors that need nothing of each other and fail with the same new words
within half an hour have one cause outside the graph (a deploy, a certificate, a service).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nbkit.analysis.incident.troubles import Reason, Trouble
from nbkit.registry import ProcessorRegistry

_SAME_CAUSE = timedelta(minutes=30)
# A root is written down when its run ends, which may be after what it broke has failed.
_ORDER_SLACK = timedelta(minutes=1)
_MOSTLY = 0.5


class Ground(StrEnum):
    """Why this is held to be the root, the strongest first."""

    NAMED = "named by failures after it"
    SHARED = "one new message in processors that need nothing of each other"
    ORDER = "first in time of what depends on it"
    ALONE = "nothing followed"


@dataclass(frozen=True, kw_only=True)
class Follower:
    """A processor that got into trouble after a root that it needs.

    `named` of its `failures` name the root or a processor between.
    """

    trouble: Trouble
    distance: int
    named: int

    @property
    def processor(self) -> str:
        return self.trouble.processor

    @property
    def failures(self) -> int:
        return sum(runs for _, runs in self.trouble.texts) or self.trouble.failures


@dataclass(frozen=True, kw_only=True)
class Incident:
    """A root with all that belongs to it.

    `trouble` is the root's own; None where it is only named by others. `shared` are processors
    with the same cause that need nothing of it.
    """

    root: str
    ground: Ground
    trouble: Trouble | None
    shared: tuple[Trouble, ...]
    followers: tuple[Follower, ...]
    since: datetime
    until: datetime

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """The root's, of the same cause, then what followed."""
        own = (self.trouble,) if self.trouble else ()
        return (*own, *self.shared, *(follower.trouble for follower in self.followers))

    @property
    def roots(self) -> tuple[str, ...]:
        """The root and what shares its cause."""
        return (self.root, *(trouble.processor for trouble in self.shared))

    @property
    def failures(self) -> int:
        return sum(trouble.failures for trouble in self.troubles)

    @property
    def naming(self) -> tuple[int, int]:
        """Failures of followers that name the root, and all of theirs."""
        return sum(f.named for f in self.followers), sum(f.failures for f in self.followers)

    @property
    def recovered_at(self) -> datetime | None:
        """When the last of it had succeeded again; None while one of it has not."""
        well = [trouble.recovered_at for trouble in self.troubles]
        moments = [at for at in well if at is not None]
        return max(moments) if moments and len(moments) == len(well) else None

    @property
    def is_over(self) -> bool:
        """Whether all of it has succeeded since."""
        return self.recovered_at is not None


def incidents(found: Iterable[Trouble], registry: ProcessorRegistry) -> tuple[Incident, ...]:
    """Put troubles together that belong together: those that hit most processors first, then
    by failures."""
    by_name = {trouble.processor: trouble for trouble in found}
    parents = _parents(by_name, registry)
    members: dict[str, list[Trouble]] = {}
    for name in by_name:
        members.setdefault(_top(name, parents), []).append(by_name[name])
    heads = _joined({root: by_name.get(root) for root in members})
    rows = []
    for head, others in heads.items():
        group = [t for root in (head, *others) for t in members[root]]
        roots = {head, *others}
        followers = [
            _follower(trouble, roots, registry)
            for trouble in group
            if trouble.processor not in roots
        ]
        own = by_name.get(head)
        rows.append(
            Incident(
                root=head,
                ground=_ground(own, others, followers),
                trouble=own,
                shared=tuple(by_name[name] for name in others),
                followers=tuple(sorted(followers, key=lambda f: (f.distance, f.trouble.since))),
                since=min(trouble.since for trouble in group),
                until=max(trouble.until for trouble in group),
            )
        )
    return tuple(sorted(rows, key=lambda i: (-len(i.troubles), -i.failures, i.root)))


def naming(trouble: Trouble, name: str, registry: ProcessorRegistry) -> int:
    """How many of its failures name a processor or the table that it fills."""
    processor = registry.get_processor(name)
    table = processor.bigquery_table if processor else None
    # `project.dataset.table` is written without the project as often as with it.
    words = [name, *([".".join(table.split(".")[-2:])] if table else [])]
    # Whole names: `nba_raw.rosters` is not in `nba_raw.rosters_current`.
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")
    return sum(runs for text, runs in trouble.texts if pattern.search(text))


def _parents(by_name: Mapping[str, Trouble], registry: ProcessorRegistry) -> dict[str, str]:
    parents = {}
    for name, trouble in by_name.items():
        if name not in registry:
            continue
        upstream = registry.upstream(name)
        named = {up: naming(trouble, up, registry) for up in upstream}
        able = [
            up
            for up in upstream
            if up in by_name
            and (by_name[up].since <= trouble.since + _ORDER_SLACK or named[up])
            and (Reason.SILENT not in by_name[up].reasons or named[up])
        ]
        failures = sum(runs for _, runs in trouble.texts)
        absent = [up for up in upstream if up not in by_name and named[up] > _MOSTLY * failures]
        if able:
            parents[name] = max(able, key=lambda up: (named[up], -by_name[up].since.timestamp()))
        elif absent:
            parents[name] = max(absent, key=lambda up: named[up])
    return parents


def _top(name: str, parents: Mapping[str, str]) -> str:
    while name in parents:
        name = parents[name]
    return name


def _joined(roots: Mapping[str, Trouble | None]) -> dict[str, list[str]]:
    """Roots by the first one that has said the same new thing, within half an hour of it."""
    order = sorted(
        roots, key=lambda name: (t.since.timestamp() if (t := roots[name]) else 0.0, name)
    )
    heads: dict[str, list[str]] = {}
    for name in order:
        own = roots[name]
        for head in heads:
            first = roots[head]
            if (
                own
                and first
                and set(own.new_templates) & set(first.new_templates)
                and own.since - first.since <= _SAME_CAUSE
            ):
                heads[head].append(name)
                break
        else:
            heads[name] = []
    return heads


def _follower(trouble: Trouble, roots: set[str], registry: ProcessorRegistry) -> Follower:
    upstream = set(registry.upstream(trouble.processor))
    between = {
        name
        for root in roots & upstream
        for name in (root, *registry.downstream(root))
        if name in upstream
    }
    tally = {name: naming(trouble, name, registry) for name in between}
    distance = min(
        registry.blast_radius(root).distance[trouble.processor] for root in roots & upstream
    )
    return Follower(trouble=trouble, distance=distance, named=max(tally.values(), default=0))


def _ground(own: Trouble | None, shared: Sequence[str], followers: Sequence[Follower]) -> Ground:
    if own is None or any(follower.named for follower in followers):
        return Ground.NAMED
    if shared:
        return Ground.SHARED
    return Ground.ORDER if followers else Ground.ALONE
