"""Cloud Functions (Gen2) look for their entry points here; `nbkit.cloud` describes them."""

from nbkit.cloud import (
    cleanup_upcoming_tables,
    health_check,
    phase4_timeout_check,
    self_heal,
    self_heal_daily,
    stale_running_cleanup,
)

__all__ = [
    "cleanup_upcoming_tables",
    "health_check",
    "phase4_timeout_check",
    "self_heal",
    "self_heal_daily",
    "stale_running_cleanup",
]
