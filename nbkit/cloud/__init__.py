"""Entry points for Cloud Functions (Gen2): parse the event, read the clock, call one function.

=========================  ==========================================  ==========================
Entry point                Started by                                  Does
=========================  ==========================================  ==========================
`health_check`             HTTP, 0 7 * * * America/New_York            the daily report, delivered
=========================  ==========================================  ==========================

The settings are environment variables: `nbkit.cloud.settings`.
"""

from nbkit.cloud.functions import health_check

__all__ = ["health_check"]
