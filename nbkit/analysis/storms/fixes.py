"""The fixes whose effect on a window of failures is predicted, and what each of them changes."""

from __future__ import annotations

from dataclasses import dataclass

# The longest retry delay that Pub/Sub can be told (`--max-retry-delay`).
PUBSUB_LONGEST_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """When a failed message is delivered again: after `least_s`·2ⁿ, at most `most_s`.

    `jittered`: after a uniform time between `least_s` and that (full jitter above a floor; AWS
    Architecture Blog, 2015). Pub/Sub's own backoff has no jitter.
    """

    least_s: float = 60.0
    most_s: float = 3_600.0
    jittered: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.least_s <= self.most_s:
            raise ValueError("a backoff needs 0 < least_s <= most_s")


@dataclass(frozen=True, kw_only=True)
class Fix:
    """What would be deployed. Every part that is None or zero stays as it is.

    Attributes:
        name: the key in the findings.
        label: a few words for a figure.
        jitter_s: every scheduled start is moved later by a uniform time up to this.
        backoff: when failed messages come again; the number of attempts stays as before unless
            `attempts` says otherwise.
        holds: no start before its input can exist.
        attempts: the most deliveries of one message; then it goes to the dead-letter topic.
        retry_budget: redeliveries for so many first deliveries so far; beyond it a failed message
            is given up (SRE Book ch. 22 gives a client 0.1).
    """

    name: str
    title: str
    label: str = ""
    jitter_s: float = 0.0
    backoff: Backoff | None = None
    holds: bool = False
    attempts: int | None = None
    retry_budget: float | None = None

    def __post_init__(self) -> None:
        if self.jitter_s < 0:
            raise ValueError("jitter_s is not below zero")
        if self.attempts is not None and self.attempts < 1:
            raise ValueError("a message is delivered at least once")
        if self.retry_budget is not None and self.retry_budget < 0:
            raise ValueError("a retry budget is not below zero")

    def plus(self, other: Fix) -> Fix:
        """Both deployed together; where both set the same thing, `other` counts."""
        return Fix(
            name=f"{self.name}_{other.name}",
            title=f"{self.title}, and {other.title[0].lower()}{other.title[1:]}",
            label=" + ".join(each.label.partition(":")[0] for each in (self, other)),
            jitter_s=other.jitter_s or self.jitter_s,
            backoff=other.backoff or self.backoff,
            holds=self.holds or other.holds,
            attempts=self.attempts if other.attempts is None else other.attempts,
            retry_budget=self.retry_budget if other.retry_budget is None else other.retry_budget,
        )


NOTHING = Fix(name="none", title="Nothing changed")
JITTER = Fix(
    name="jitter",
    title="Scheduled starts spread over 15 minutes",
    label="A: starts spread over 15 min",
    jitter_s=900.0,
)
BACKOFF = Fix(
    name="backoff",
    title="Redelivery after 1 to 60 minutes",
    label="B: redelivery after 1–60 min",
    backoff=Backoff(),
)
WINDOW = Fix(
    name="window",
    title="No start before its input can exist",
    label="C: no start before its input",
    holds=True,
)
STANDARD = (JITTER, BACKOFF, WINDOW)
# What Pub/Sub can be told today: it waits 600 s at most, without jitter, and can give up.
PUBSUB = Fix(
    name="pubsub",
    title="Redelivery after 1 to 10 minutes, five times at most",
    label="what Pub/Sub can: 1–10 min, 5 times",
    backoff=Backoff(least_s=60.0, most_s=PUBSUB_LONGEST_S, jittered=False),
    attempts=5,
)
# What is worth doing together: what needs no code, and all three.
COMBINED = (JITTER.plus(BACKOFF), JITTER.plus(BACKOFF).plus(WINDOW))


def named_fixes(
    *,
    jitter_minutes: float = 15.0,
    least_s: float = 60.0,
    most_s: float = 3_600.0,
    attempts: int | None = None,
    retry_budget: float | None = None,
) -> tuple[Fix, ...]:
    """The standard fixes, what Pub/Sub can do, combinations, and those with other parameters, which
    are named after them (`jitter_30min`, `backoff_120_1800s`, `attempts_3`, `budget_10pc`).

    Raises:
        ValueError: a parameter makes no sense.
    """
    other: list[Fix] = []
    if jitter_minutes != JITTER.jitter_s / 60:
        name, title = f"jitter_{jitter_minutes:g}min", f"Starts spread over {jitter_minutes:g} min"
        other.append(Fix(name=name, title=title, jitter_s=60 * jitter_minutes))
    backoff = Backoff(least_s=least_s, most_s=most_s)
    if backoff != BACKOFF.backoff:
        name = f"backoff_{least_s:g}_{most_s:g}s"
        other.append(
            Fix(name=name, title=f"Redelivery after {least_s:g} to {most_s:g} s", backoff=backoff)
        )
    if attempts is not None:
        name, title = f"attempts_{attempts}", f"At most {attempts} deliveries of a message"
        other.append(Fix(name=name, title=title, attempts=attempts))
    if retry_budget is not None:
        title = f"Redeliveries for at most {retry_budget:.0%} of the messages"
        name = f"budget_{100 * retry_budget:g}pc"
        other.append(Fix(name=name, title=title, retry_budget=retry_budget))
    return (*STANDARD, PUBSUB, *COMBINED, *other)
