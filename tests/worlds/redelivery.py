"""When Pub/Sub delivers a message again that nobody acknowledged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Redelivery:
    """A subscription's retry policy.

    Attributes:
        min_s, max_s: the shortest and the longest backoff, seconds.
        factor: what the backoff grows by from one failure to the next.
        jitter: 0 the same every time; 1 anywhere between `min_s` and the current ceiling (the full
            jitter of the AWS Architecture Blog, 2015, above a minimum).
        attempts: deliveries of one message at most. None: until it succeeds.
        ack_deadline_s: a run that is still busy then is taken for lost: its message comes again.
    """

    min_s: float
    max_s: float
    factor: float = 2.0
    jitter: float = 0.0
    attempts: int | None = None
    ack_deadline_s: float = 600.0

    def delay_s(self, failures: int, chance: float) -> float:
        """Seconds from the `failures`-th failure of a message to its next delivery."""
        ceiling = min(self.max_s, self.min_s * self.factor ** min(failures - 1, 60))
        return ceiling - self.jitter * chance * max(ceiling - self.min_s, 0.0)

    def gives_up_after(self, attempt: int) -> bool:
        return self.attempts is not None and attempt >= self.attempts
