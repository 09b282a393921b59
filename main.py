"""Cloud Functions (Gen2) look for their entry points here; `nbkit.cloud` describes them."""

from nbkit.cloud import health_check

__all__ = ["health_check"]
