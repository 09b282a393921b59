"""Failures that can be told one by one: closed by a sweep, of a poisoned message, of old dates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbkit.analysis.storms.attempts import LONGEST_GAP_S, seconds_of
from nbkit.analysis.storms.evidence.words import QUOTA, Bools, about, signatures
from nbkit.analysis.storms.items import repeats
from nbkit.failures import FailureCategory

SUCCESS = FailureCategory.SUCCESS.value
# It waits for nothing: there was nothing left to do.
_DONE = r"(?i)already[ _](?:processed|exists|loaded|done)|unchanged|duplicate"
# A sweep closes rows that stood open for hours, all within a minute.
_SWEEP_S, _SWEEP_LEAST, _STOOD_OPEN_S = 60.0, 10, 3_600.0
# A poisoned message: this many attempts in the storm, none of them good, one kind of error.
POISON_ATTEMPTS = 10
POISON_MESSAGES = 15
# Without message ids: on so few pieces of work (a processor and a date), for so long.
POISON_WORKS, _POISON_LASTS_S = 10, 7_200.0
_REPEATED = 4
FAR_DAYS = 7  # ordinary work is about yesterday; late data about the week before
WAITING = (FailureCategory.NO_DATA_AVAILABLE.value, FailureCategory.DEPENDENCY_MISSING.value)


def set_apart(
    inside: pd.DataFrame,
    around: pd.DataFrame,
    usual: pd.DataFrame,
    hours: float,
    times: int,
    done: pd.Series,
) -> pd.DataFrame:
    """The failures of a storm's runs with `signature`, `is_swept`, `is_poison`, `is_far`,
    `is_quota`, `is_waiting` and `is_rest`; see `Facts`, and `measure` for the arguments.

    Args:
        times: how many spans the storm has.
    """
    failures = inside[inside["is_failure"]]
    found = failures.assign(
        signature=signatures(failures["errors_text"]),
        is_swept=_swept(failures),
        is_quota=about(failures["errors_text"], QUOTA),
        is_waiting=failures["category"].isin(WAITING) & ~about(failures["errors_text"], _DONE),
    )
    poisoned = _poison(found, around, times) & ~found["is_swept"]
    others = found[~(found["is_swept"] | poisoned)]
    nameless = _nameless_poison(others, inside, around, usual, hours, times)
    found["is_poison"] = poisoned | found.index.isin(nameless)
    found["is_far"] = is_far(found) & ~_published_again(found, done)
    found["is_far"] &= ~found["is_swept"] & ~found["is_poison"]
    found["is_rest"] = ~(found["is_swept"] | found["is_poison"] | found["is_far"])
    return found


def is_far(runs: pd.DataFrame) -> Bools:
    """Runs about a date long ago, or of a backfill that says so about one that is not yesterday."""
    lag = (runs["started_at"].dt.tz_localize(None) - runs["data_date"]).dt.days.abs()
    marked = runs["backfill_mode"].fillna(False).astype(bool) & (lag > 2)
    return np.asarray((lag > FAR_DAYS) | marked, dtype=bool)


def _published_again(failures: pd.DataFrame, done: pd.Series) -> Bools:
    """Failures of work that had succeeded before the storm, in messages that come at one period and
    that nobody sent by hand: a healer's, and no bulk replay's."""
    first = failures.groupby("item")["started_at"].transform("min")
    again = done_before(failures.assign(started_at=first), done)
    again &= ~by_hand(failures)
    messages = failures.groupby("item")["message"].transform("nunique")
    again &= messages.to_numpy() >= _REPEATED
    period = repeats(failures[again], done).period_s if again.any() else None
    return again if period else np.zeros(len(failures), dtype=bool)


def by_hand(runs: pd.DataFrame) -> Bools:
    """Runs that somebody started, or that say they are of a backfill."""
    marked = runs["backfill_mode"].fillna(False).astype(bool)
    return np.asarray(runs["triggered_by"].isin(["manual", "api"]) | marked, dtype=bool)


def _swept(failures: pd.DataFrame) -> Bools:
    """Closed by a sweep: it says so, or many that stood open for hours end in one minute."""
    told = (failures["category_rule"] == "swept").to_numpy() | about(
        failures["errors_text"], r"(?i)stale_running_cleanup|stuck in running|cleanup.{0,20}stale"
    )
    ended, started = seconds_of(failures["ended_at"]), seconds_of(failures["started_at"])
    open_for = ended - started
    old = open_for >= _STOOD_OPEN_S
    instant = pd.Series(np.floor(ended / _SWEEP_S).astype(np.int64))
    counts = (
        instant[old].groupby(instant[old]).transform("size").reindex(instant.index, fill_value=0)
    )
    spread = pd.Series(started)[old].groupby(instant[old]).transform(np.ptp)
    spread = spread.reindex(instant.index, fill_value=0.0)
    together = (counts >= _SWEEP_LEAST).to_numpy() & (spread >= _STOOD_OPEN_S).to_numpy()
    return np.asarray(told | (old & together), dtype=bool)


def _poison(failures: pd.DataFrame, around: pd.DataFrame, times: int) -> Bools:
    """Failures of messages that were delivered again and again and always failed the same way,
    where such messages are few."""
    certain = failures[failures["trigger_message_id"].notna() & ~failures["is_waiting"]]
    if certain.empty:
        return np.zeros(len(failures), dtype=bool)
    size = certain.groupby("message").size()
    often = certain[certain["message"].isin(size.index[size >= POISON_ATTEMPTS])]
    kinds = often.groupby(["message", "signature"]).size()
    one_kind = (kinds.groupby("message").max() / size).reindex(size.index).fillna(0.0)
    good = around.loc[around["category"] == SUCCESS, "message"].unique()
    stuck = size[(size >= POISON_ATTEMPTS) & (one_kind >= 0.9) & ~size.index.isin(good)]
    # Of an outage too some messages have not come through yet; but then many have.
    others = size[~size.index.isin(stuck.index) & (size >= POISON_ATTEMPTS / 2)]
    if len(stuck) > POISON_MESSAGES * times or len(others) > 2 * len(stuck):
        return np.zeros(len(failures), dtype=bool)
    return failures["message"].isin(stuck.index).to_numpy()


def _nameless_poison(
    failures: pd.DataFrame,
    inside: pd.DataFrame,
    around: pd.DataFrame,
    usual: pd.DataFrame,
    hours: float,
    times: int,
) -> pd.Index:
    """Runs without a message id that fail for hours with one error on few pieces of work, while
    their processors succeed neither oftener nor more seldom than usual: what fails never comes
    through (as it does after an outage), and nothing else suffers."""
    own = failures[
        failures["trigger_message_id"].isna()
        & ~failures["is_waiting"]
        & ~failures["is_quota"]
        & (failures["signature"] >= 0)
    ]
    own = own[~is_far(own)]
    size = own.groupby(["processor_name", "data_date", "signature"])["run_id"].transform("size")
    own = own[size >= POISON_ATTEMPTS]
    works = len(own.groupby(["processor_name", "data_date"]).size())
    names = own["processor_name"].unique()
    if not 1 <= works <= POISON_WORKS * times or len(own) < 0.5 * len(failures):
        return own.index[:0]
    started = pd.Series(seconds_of(own["started_at"]))
    pieces = started.groupby([own[name].to_numpy() for name in ("processor_name", "data_date")])
    lasting = float((pieces.max() - pieces.min()).median())
    wins = (inside["processor_name"].isin(names) & (inside["category"] == SUCCESS)).sum()
    known = usual.reindex(names).fillna(0.0)
    expected = float((known["runs"] - known["failures"]).sum() * hours)
    slack = 2.0 + 2.0 * np.sqrt(expected)
    # The storm itself may be shorter than an outage is.
    least_s = min(_POISON_LASTS_S, 0.7 * hours / times * 3600)
    calm = 0.6 * expected - slack <= wins <= 1.4 * expected + slack
    # After a passing fault what failed comes through, all at once.
    rate = expected / hours * times * LONGEST_GAP_S / 3600
    calm = calm and _wins_after(own, around) <= 1.4 * rate + 2.0 * times + 2.0 * np.sqrt(rate)
    one_error = own.groupby("processor_name")["signature"].nunique().max() == 1
    often = len(own) >= 3 * float(known["failures"].sum() * hours)
    if calm and one_error and often and lasting >= least_s:
        return own.index
    return own.index[:0]


def _wins_after(failures: pd.DataFrame, around: pd.DataFrame) -> int:
    """Successes of the same work soon after the last of its failures, each day of them."""
    wins = around[(around["category"] == SUCCESS) & around["item"].isin(failures["item"].unique())]
    last = failures.groupby("item")["ended_at"].max()
    after = seconds_of(wins["ended_at"]) - seconds_of(last.reindex(wins["item"]))
    return int(((after > 0) & (after <= LONGEST_GAP_S)).sum())


def done_before(runs: pd.DataFrame, done: pd.Series) -> Bools:
    first = done.reindex(runs["item"].to_numpy()).to_numpy()
    return np.asarray(first <= seconds_of(runs["started_at"]), dtype=bool)
