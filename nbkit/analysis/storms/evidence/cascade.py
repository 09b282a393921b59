"""One processor down, and its descendants fail on it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nbkit.analysis.storms.attempts import seconds_of
from nbkit.analysis.storms.evidence.evidence import CauseEvidence, Evidence
from nbkit.analysis.storms.evidence.facts import Facts
from nbkit.analysis.storms.evidence.words import Bools
from nbkit.registry import ProcessorRegistry

_FEWEST = 5


@dataclass(frozen=True, kw_only=True)
class Cascade:
    """The best candidate for a root.

    Attributes:
        rows: which of the storm's other failures it accounts for.
        below: descendants that fail.
        named: share of the descendants' failures that name the root, or what stands between.
        root_fails: share of the root's runs in the storm that fail, with an error of its own.
        leads: share of the descendants that began to fail no earlier than the root.
    """

    root: str
    rows: Bools
    below: int
    named: float
    waiting: float
    root_fails: float
    leads: float

    @property
    def covered(self) -> float:
        return float(self.rows.mean()) if self.rows.size else 0.0


def find_cascade(facts: Facts, registry: ProcessorRegistry | None) -> Cascade | None:
    """The root that accounts for most failures; None without a registry that knows them."""
    failures = facts.rest_failures
    if registry is None or failures.empty:
        return None
    counts = failures["processor_name"].value_counts()
    own_error = failures[_is_own(failures)]["processor_name"].value_counts()
    roots = [
        name
        for name in counts.index
        if name in registry
        and own_error.get(name, 0) >= _FEWEST
        and set(registry.downstream(name)) & set(counts.index)
    ]
    if not roots:
        return None
    mentions = _mentions(failures, registry)
    found = [_cascade(name, failures, mentions, facts, registry) for name in roots]
    return max(found, key=_weight, default=None)


def _is_own(failures: pd.DataFrame) -> Bools:
    """Failures that are a fault of the run's own: it neither waits nor had nothing to do."""
    return ~(failures["is_waiting"] | failures["is_expected"]).to_numpy(dtype=bool)


def _weight(found: Cascade) -> float:
    return found.covered * (0.2 + found.named) * (0.2 + found.root_fails)


def _cascade(
    root: str,
    failures: pd.DataFrame,
    mentions: list[frozenset[str]],
    facts: Facts,
    registry: ProcessorRegistry,
) -> Cascade:
    below = set(registry.downstream(root))
    names = failures["processor_name"]
    is_root = (names == root).to_numpy() & _is_own(failures)
    is_below = names.isin(below).to_numpy()
    waits = failures["is_waiting"].to_numpy()
    failing = sorted(set(names[is_below]))
    telling = _telling(failures, mentions, {root, *failing})
    runs = facts.rest[facts.rest["processor_name"] == root]
    onset = pd.Series(seconds_of(failures["started_at"])).groupby(names.to_numpy()).quantile(0.05)
    began = onset.reindex(failing).to_numpy()
    return Cascade(
        root=root,
        rows=is_root | (is_below & (waits | telling)),
        below=len(failing),
        named=float(telling[is_below].mean()) if is_below.any() else 0.0,
        waiting=float(waits[is_below].mean()) if is_below.any() else 0.0,
        root_fails=float(is_root.sum() / max(len(runs), 1)),
        leads=float(np.mean(began >= onset[root] - 60)) if failing else 0.0,
    )


def _mentions(failures: pd.DataFrame, registry: ProcessorRegistry) -> list[frozenset[str]]:
    """Of each failure the registered processors that it names, by name or by table."""
    words: dict[str, set[str]] = {}
    for processor in registry.processors:
        words.setdefault(processor.name, set()).add(processor.name)
        if processor.bigquery_table:
            table = processor.bigquery_table.rpartition(".")[2]
            words.setdefault(table, set()).add(processor.name)
    pattern = re.compile("|".join(re.escape(w) for w in sorted(words, key=len, reverse=True)))
    said, lacked = (
        failures[name].astype("str").fillna("") for name in ("errors_text", "missing_dependencies")
    )
    codes, distinct = pd.factorize(said.str.cat(lacked))
    named = [
        frozenset(name for word in set(pattern.findall(text)) for name in words[word])
        for text in distinct
    ]
    return [named[code] for code in codes]


def _telling(failures: pd.DataFrame, mentions: list[frozenset[str]], members: set[str]) -> Bools:
    """Which failures name a member other than themselves, or were triggered by one."""
    own = failures["processor_name"].tolist()
    named = [bool((said & members) - {name}) for said, name in zip(mentions, own, strict=True)]
    parent = failures["parent_processor"].isin(list(members)).to_numpy()
    return np.array(named, dtype=bool) | parent


def upstream_outage(found: Cascade | None, facts: Facts, share: float) -> CauseEvidence:
    """The failing set is a root and its descendants; they name the root."""
    told = facts.known("errors_text") or facts.known("parent_processor")
    return CauseEvidence(
        cause="upstream_outage",
        share=share,
        evidence=(
            Evidence(
                name="descendants", value=float(found.below) if found else 0.0, against=0, full=2,
                words="descendants of the root that fail", needs="the registry",
            ),
            Evidence(
                name="waiting", value=found.waiting if found else 0.0, against=0.3, full=0.7,
                words="share of their failures that are a missing dependency or no data",
            ),
            Evidence(
                name="root_named", value=(found.named if found else 0.0) if told else None,
                against=0.05, full=0.5, words="share of their failures that name the root",
                needs="errors: which upstream was missing",
            ),
            Evidence(
                name="root_fails", value=found.root_fails if found else 0.0, against=0.1, full=0.5,
                words="share of the root's own runs that fail with an error of its own",
            ),
            Evidence(
                name="root_first", value=found.leads if found else 0.0, against=-0.5, full=0.7,
                words="share of the descendants that began to fail after the root", weight=0.3,
            ),
        ),
    )  # fmt: skip
