"""How often each message was delivered, and by which law it came back.

Where the message's id is known, it is the message. Where it is not, a run that follows a failed one
of the same processor and date within `LONGEST_GAP_S`, and that no schedule started, is taken for
its redelivery: an estimate, and said to be one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

LONGEST_GAP_S = 3_900.0  # an hour is the longest backoff that Pub/Sub allows (600 s is its default)
_LAW_MOST = 16  # gaps of one message after which every policy has reached its longest
_EXAMPLE_MOST = 200  # attempts of an exemplary message that are kept


@dataclass(frozen=True, kw_only=True)
class BackoffLaw:
    """How long a message waits after a failure: `min_s`, growing by `factor`, at most `max_s`.

    Attributes:
        jitter: how much of a wait is random: 0 none, 1 anywhere up to the current ceiling (the full
            jitter of the AWS Architecture Blog, 2015).
        fit: share of the gaps that lie within a quarter (and 15 s) of the law without its jitter.
        gaps: how many gaps it was read from.
    """

    min_s: float
    max_s: float
    factor: float
    jitter: float
    fit: float
    gaps: int

    @property
    def grows(self) -> bool:
        return self.factor >= 1.2 and self.max_s >= 2 * self.min_s


@dataclass(frozen=True, kw_only=True)
class Amplification:
    """What redelivery made of the messages.

    Attributes:
        attempts, messages: runs, and the distinct messages that they are attempts of.
        known: share of the runs whose message is certain (by id, by a counted attempt, or because
            a schedule started them).
        most: attempts of the most delivered message.
        redelivered: share of the runs that are not the first attempt of their message.
        hopeless: share of the attempts that could not succeed: those of messages that never did,
            but for the first attempt of each. None where no message is known.
        recovered: share of the redelivered messages that succeeded in the end.
        branching: runs that one run brings about, on average: 1 - messages / attempts, the share
            of events that are offspring in a cluster process (Hawkes & Oakes 1974). Near 1 the
            storm feeds itself.
        law: None where there are too few gaps.
        example: the message with most attempts.
    """

    attempts: int
    messages: int
    known: float
    most: int
    redelivered: float
    hopeless: float | None
    recovered: float | None
    law: BackoffLaw | None
    example: str | None

    @property
    def factor(self) -> float:
        """Attempts per distinct message; 1 without runs."""
        return self.attempts / self.messages if self.messages else 1.0

    @property
    def branching(self) -> float:
        return 1 - 1 / max(self.factor, 1.0)


def with_messages(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with their message.

    Args:
        runs: classified runs, sorted by start.

    Returns:
        A copy with `message` (a number), `is_known` (whether that is certain), `attempt` (1, 2, …
        within these runs) and `gap_s` (seconds from the end of the attempt before; NaN for a first
        one).
    """
    item = pd.factorize(pd.MultiIndex.from_frame(runs[["processor_name", "data_date"]]))[0]
    own = runs["trigger_message_id"]
    by_id = own.notna().to_numpy()
    started = seconds_of(runs["started_at"])
    ended = seconds_of(runs["ended_at"])
    message = np.full(len(runs), -1, dtype=np.int64)
    message[by_id] = pd.factorize(
        runs.loc[by_id, "processor_name"].astype("str") + "\n" + own[by_id].astype("str")
    )[0]
    used = int(message.max(initial=-1)) + 1

    rows = np.flatnonzero(~by_id)
    rows = rows[np.lexsort((started[rows], item[rows]))]
    counted = runs["retry_attempt"].fillna(-1).to_numpy(dtype=np.int64)[rows]
    scheduled = runs["trigger_source"].eq("scheduler") | runs["triggered_by"].eq("scheduler")
    by_clock = scheduled.to_numpy(dtype=bool)[rows]
    failed = runs["is_failure"].to_numpy(dtype=bool)[rows]
    if rows.size:
        wait = started[rows] - np.concatenate([[np.nan], ended[rows][:-1]])
        follows = (
            np.concatenate([[False], item[rows][1:] == item[rows][:-1]])
            & np.concatenate([[False], failed[:-1]])
            & (wait >= 0)
            & (wait <= LONGEST_GAP_S)
            & ~(by_clock & (counted <= 1))
            & ~((counted >= 0) & (counted <= 1))
        )
        message[rows] = used + np.cumsum(~follows) - 1
    known = by_id.copy()
    known[rows] = by_clock | (counted == 1)

    order = np.lexsort((started, message))
    first = np.concatenate([[True], np.diff(message[order]) != 0])
    position = np.arange(order.size)
    begin = np.maximum.accumulate(np.where(first, position, 0))
    attempt = np.empty(order.size, dtype=np.int64)
    attempt[order] = position - begin + 1
    gap = np.empty(order.size)
    gap[order] = np.where(
        first, np.nan, started[order] - np.concatenate([[np.nan], ended[order][:-1]])
    )
    return runs.assign(message=message, is_known=known, attempt=attempt, gap_s=gap)


def amplification(runs: pd.DataFrame) -> Amplification:
    """Of runs with messages (`with_messages`)."""
    count = len(runs)
    if count == 0:
        return Amplification(
            attempts=0, messages=0, known=0.0, most=0, redelivered=0.0,
            hopeless=None, recovered=None, law=None, example=None,
        )  # fmt: skip
    grouped = runs.groupby("message", sort=False)
    each = pd.DataFrame(
        {
            "attempts": grouped.size(),
            "succeeded": (runs["category"] == "success").groupby(runs["message"]).any(),
        }
    )
    again = each[each["attempts"] > 1]
    lost = each[~each["succeeded"]]
    longest = int(each["attempts"].to_numpy().argmax())
    example = runs.loc[runs["message"] == each.index[longest], "trigger_message_id"].iloc[0]
    known = float(runs["is_known"].mean())
    return Amplification(
        attempts=count,
        messages=len(each),
        known=known,
        most=int(each["attempts"].max()),
        redelivered=float((runs["attempt"] > 1).mean()),
        hopeless=float((lost["attempts"] - 1).sum() / count) if known > 0 else None,
        recovered=float(again["succeeded"].mean()) if len(again) else None,
        law=backoff_law(runs["attempt"].to_numpy(), runs["gap_s"].to_numpy()),
        example=None if pd.isna(example) else str(example),
    )


def backoff_law(attempt: npt.NDArray[np.int64], gap_s: Floats) -> BackoffLaw | None:
    """The law behind gaps between attempts; None with fewer than ten gaps.

    Args:
        attempt: which attempt each gap led to (2, 3, …); 1 has none.
        gap_s: seconds waited before it, NaN where there was no attempt before.
    """
    kept = (attempt > 1) & (gap_s > 0)
    number, gaps = attempt[kept] - 1, gap_s[kept]
    if gaps.size < 10:
        return None
    # The ceiling of each wait: with jitter the waits lie below it, without they are it.
    numbers = np.unique(number)[:_LAW_MOST]
    ceilings = np.array([np.quantile(gaps[number == n], 0.95) for n in numbers])
    middles = np.array([np.median(gaps[number == n]) for n in numbers])
    longest = float(np.quantile(gaps, 0.98))
    shortest = float(middles[0]) if numbers[0] == 1 else float(np.quantile(gaps, 0.02))
    shortest = min(shortest, longest)
    growing = ceilings[:-1] < 0.8 * longest
    steps = (ceilings[1:] / ceilings[:-1])[growing] ** (1 / np.diff(numbers)[growing])
    factor = float(np.median(steps)) if steps.size else 1.0
    # A poison message has hundreds of attempts: a power of that overflows, and long was the limit.
    law = np.minimum(shortest * max(factor, 1.0) ** np.minimum(number - 1, 64), longest)
    spread = np.array(
        [
            (np.quantile(own, 0.9) - np.quantile(own, 0.1))
            / 0.8
            / max(np.quantile(own, 0.98), 1e-9)
            for n in numbers
            if (own := gaps[number == n]).size >= 5 and np.quantile(own, 0.98) >= 30
        ]
    )
    near = np.abs(gaps - law) <= np.maximum(0.25 * law, 15.0)
    return BackoffLaw(
        min_s=shortest,
        max_s=longest,
        factor=max(factor, 1.0),
        jitter=float(np.clip(np.median(spread), 0, 1)) if spread.size else 0.0,
        fit=float(near.mean()),
        gaps=int(gaps.size),
    )


def staircase(runs: pd.DataFrame) -> pd.DataFrame:
    """The attempts of the most delivered message, for a figure: started_at, ended_at, attempt,
    gap_s, status, category, processor_name; empty where no message came twice."""
    counts = runs["message"].value_counts(sort=False)
    columns = ["started_at", "ended_at", "attempt", "gap_s", "status", "category", "processor_name"]
    if counts.empty or counts.max() < 2:
        return runs.iloc[:0][columns]
    own = runs[runs["message"] == counts.idxmax()].sort_values("started_at", kind="stable")
    return own.head(_EXAMPLE_MOST)[columns].reset_index(drop=True)


def seconds_of(moments: pd.Series) -> Floats:
    """Seconds since 1970; NaN where null."""
    values = moments.to_numpy(dtype="datetime64[us]").astype(np.int64).astype(np.float64)
    return np.where(moments.isna().to_numpy(), np.nan, values / 1e6)
