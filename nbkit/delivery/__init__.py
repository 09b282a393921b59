"""Tell people about a run: once, in the right place, and never lose it.

folder of a run ─► Run ─► changes since the last message ─► Message ─► Slack | a folder
                          (ledger of what was said)          (outbox until it is there)
"""

from nbkit.delivery.dispatch import (
    Delivery,
    deliver,
    deliver_entry,
    forget,
    mark_arrived,
    unsent,
)
from nbkit.delivery.outbox import Entry, State

__all__ = [
    "Delivery",
    "Entry",
    "State",
    "deliver",
    "deliver_entry",
    "forget",
    "mark_arrived",
    "unsent",
]
