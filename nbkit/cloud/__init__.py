"""Entry points for Cloud Functions (Gen2): parse the event, read the clock, call one function.

=========================  ===========================================  ===========================
Entry point                Started by                                   Does
=========================  ===========================================  ===========================
`health_check`             HTTP, 0 7 * * * America/New_York             the daily report, delivered
`self_heal`                topic nba-processor-failure                  reruns work, or tells people
`self_heal_daily`          HTTP, 45 12 * * * America/New_York           the same, without a message
`phase4_timeout_check`     HTTP, */30 * * * * America/New_York          starts predictions that wait
                                                                        for phase 4 in vain
`stale_running_cleanup`    HTTP, */30 * * * *                           closes runs that died
`cleanup_upcoming_tables`  topic upcoming-tables-cleanup-trigger        archives and deletes old
                                                                        rows of upcoming_* tables
=========================  ===========================================  ===========================

The settings are environment variables: `nbkit.cloud.settings`.
"""

import functions_framework
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from nbkit.cloud.entry import acknowledge_what_is_no_event
from nbkit.cloud.functions import (
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

# The framework answers 400 where it can make no event of a request, and Pub/Sub would send that
# again for days. The HTTP entry points answer for themselves and raise neither.
for _kind in (BadRequest, UnsupportedMediaType):
    functions_framework.errorhandler(_kind)(acknowledge_what_is_no_event)
