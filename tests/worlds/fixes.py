"""The three fixes of the contract, as changes that can be deployed in a world."""

from __future__ import annotations

from dataclasses import dataclass, replace

from worlds.redelivery import Redelivery


@dataclass(frozen=True)
class Fix:
    """What is deployed.

    Attributes:
        jitter_s: every scheduled start is moved by a uniform 0 to this many seconds.
        backoff: redelivery goes by this policy; each subscription keeps its number of attempts.
        window: no run starts before its input can exist.
        window_in_outages: whether what a broken upstream never wrote counts as such an input. The
            contract can be read both ways: truth has both, and the first is meant by default.
    """

    jitter_s: float = 0.0
    backoff: Redelivery | None = None
    window: bool = False
    window_in_outages: bool = True

    def policy(self, before: Redelivery | None) -> Redelivery | None:
        if before is None or self.backoff is None:
            return before
        return replace(self.backoff, attempts=before.attempts, ack_deadline_s=before.ack_deadline_s)


NO_FIX = Fix()
FIXES: dict[str, Fix] = {
    "jitter": Fix(jitter_s=900.0),
    "backoff": Fix(backoff=Redelivery(min_s=60.0, max_s=3600.0, factor=2.0, jitter=1.0)),
    "window": Fix(window=True),
}
PLANNED_WINDOW = Fix(window=True, window_in_outages=False)
