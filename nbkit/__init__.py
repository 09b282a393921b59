"""nbkit: from a pipeline's run history to a verdict.

The public names, in the order in which data flows. In a notebook: `import nbkit as nb`.

==============  ====================================================================
Warehouse       `open_warehouse`
Registry        `load_registry`, `ProcessorRegistry`
Failures        `FailureCategory`, `classify`, `classify_history`
Readiness       `check_dependencies`, `readiness_table`
Questions       `daily_health`, `phase5`, `baselines`, `incident`, `validation`,
                `scorecard`, `parity`, `trends`, `handoff`, `retry_storm`,
                `sla_weekly`, `sla_monthly`
Findings        `Finding`, `Severity`, `Verdict`, `Judgement`, `emit`
Display         `Table`, `Column`, `Figure`, `Note`
Errors          `NbkitError` and its leaves, drawn in `nbkit.errors`
==============  ====================================================================

Names are loaded when first used: the command line imports this package and must start quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbkit.errors import NbkitError
    from nbkit.failures import FailureCategory, classify, classify_history
    from nbkit.figures import Figure
    from nbkit.findings import Finding, Severity, Verdict
    from nbkit.findings.emit import Judgement, emit
    from nbkit.questions.baselines import baselines
    from nbkit.questions.daily_health import daily_health
    from nbkit.questions.handoff import handoff
    from nbkit.questions.incident import incident
    from nbkit.questions.parity import parity
    from nbkit.questions.phase5 import phase5
    from nbkit.questions.retry_storm import retry_storm
    from nbkit.questions.sla_monthly import sla_monthly
    from nbkit.questions.sla_weekly import sla_weekly
    from nbkit.questions.trends import trends
    from nbkit.questions.validation import scorecard, validation
    from nbkit.registry import ProcessorRegistry, load_registry
    from nbkit.runs.readiness import check_dependencies, readiness_table
    from nbkit.tables import Column, Note, Table
    from nbkit.warehouse import open_warehouse

_HOME = {
    "open_warehouse": "nbkit.warehouse",
    "load_registry": "nbkit.registry",
    "ProcessorRegistry": "nbkit.registry",
    "FailureCategory": "nbkit.failures",
    "classify": "nbkit.failures",
    "classify_history": "nbkit.failures",
    "check_dependencies": "nbkit.runs.readiness",
    "readiness_table": "nbkit.runs.readiness",
    "daily_health": "nbkit.questions.daily_health",
    "handoff": "nbkit.questions.handoff",
    "parity": "nbkit.questions.parity",
    "phase5": "nbkit.questions.phase5",
    "retry_storm": "nbkit.questions.retry_storm",
    "baselines": "nbkit.questions.baselines",
    "incident": "nbkit.questions.incident",
    "scorecard": "nbkit.questions.validation",
    "trends": "nbkit.questions.trends",
    "validation": "nbkit.questions.validation",
    "sla_weekly": "nbkit.questions.sla_weekly",
    "sla_monthly": "nbkit.questions.sla_monthly",
    "Finding": "nbkit.findings",
    "Severity": "nbkit.findings",
    "Verdict": "nbkit.findings",
    "Judgement": "nbkit.findings.emit",
    "emit": "nbkit.findings.emit",
    "Table": "nbkit.tables",
    "Column": "nbkit.tables",
    "Figure": "nbkit.figures",
    "Note": "nbkit.tables",
    "NbkitError": "nbkit.errors",
}

__all__ = [
    "Column",
    "FailureCategory",
    "Figure",
    "Finding",
    "Judgement",
    "NbkitError",
    "Note",
    "ProcessorRegistry",
    "Severity",
    "Table",
    "Verdict",
    "baselines",
    "check_dependencies",
    "classify",
    "classify_history",
    "daily_health",
    "emit",
    "handoff",
    "incident",
    "load_registry",
    "open_warehouse",
    "parity",
    "phase5",
    "readiness_table",
    "retry_storm",
    "scorecard",
    "sla_monthly",
    "sla_weekly",
    "trends",
    "validation",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'nbkit' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
