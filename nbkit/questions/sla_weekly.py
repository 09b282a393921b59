"""Did we keep our promises this week? The period, the weeks before, and what went wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from nbkit.analysis.slas import attain, attained_by, burn_down
from nbkit.params import parse_moment
from nbkit.params.checked import MOST_DAYS, Bounds, checked
from nbkit.questions.past_findings import past_findings
from nbkit.questions.sla_weekly_report import SlaWeekly
from nbkit.questions.slas import WEEK, sla_status
from nbkit.registry import ProcessorRegistry
from nbkit.registry.sla_exceptions import SlaException
from nbkit.registry.slas import Slas
from nbkit.warehouse.protocol import Warehouse

MOMENT = timedelta(seconds=1)  # what was told at `as_of` belongs to the week
# They tell of the same misses again.
OWN_REPORTS = ("sla_weekly", "sla_monthly")


@checked
def sla_weekly(
    warehouse: Warehouse | str,
    registry: ProcessorRegistry | None = None,
    slas: Slas | None = None,
    exceptions: tuple[SlaException, ...] | None = None,
    *,
    as_of: datetime | str,
    weeks: Annotated[int, Bounds(least=2, most=MOST_DAYS // 7)] = 6,
    reports: str = "",
) -> SlaWeekly:
    """Judge every promise over its period, and compare the week before `as_of` with those before.

    Args:
        warehouse: an open warehouse, or a URL (empty: `NBKIT_WAREHOUSE`, else the demo file).
        registry, slas, exceptions: default: the project's.
        weeks: how many weeks are compared, this one included.
        reports: where reports are kept, a folder or URL; empty: the project's.

    Raises:
        ParameterError: `as_of` is not a moment with a zone, or `weeks` is below 2.
        RegistryError: a file of the registry is wrong.
        ReportError: the reports cannot be listed.
        WarehouseError: the history could not be read.
    """
    end = parse_moment(as_of)
    status = sla_status(warehouse, registry, slas, exceptions, as_of=end, weeks=weeks)
    edges = [end - n * WEEK for n in range(weeks, -1, -1)]
    measured = status.facts.measured
    return SlaWeekly(
        status=status,
        weeks={name: attained_by(each, edges) for name, each in measured.items()},
        before={
            name: attain(each, start=edges[0], end=edges[-2]) for name, each in measured.items()
        },
        budgets={
            name: burn_down(each, start=status.start, end=end) for name, each in measured.items()
        },
        past=past_findings(reports, start=end - WEEK, end=end + MOMENT, leave_out=OWN_REPORTS),
    )
