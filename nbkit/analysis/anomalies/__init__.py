"""What departs from its own past: points of a metric, days of a processor, single runs.

- `score`, `THRESHOLD`: every point of one metric as it comes in (`stream.py`).
- `daily_anomalies`: the days of all processors, with the false discovery rate held (`days.py`).
- `run_anomalies`: their single runs and their silence, likewise (`runs.py`).
"""

from nbkit.analysis.anomalies.day_tests import DayRules, Metric
from nbkit.analysis.anomalies.days import DayAnomalies, DayAnomaly, NotJudged, daily_anomalies
from nbkit.analysis.anomalies.run_tests import RunKind, RunNotJudged, RunRules
from nbkit.analysis.anomalies.runs import RunAnomalies, RunAnomaly, run_anomalies
from nbkit.analysis.anomalies.stream import THRESHOLD, WARM_UP, score

__all__ = [
    "THRESHOLD",
    "WARM_UP",
    "DayAnomalies",
    "DayAnomaly",
    "DayRules",
    "Metric",
    "NotJudged",
    "RunAnomalies",
    "RunAnomaly",
    "RunKind",
    "RunNotJudged",
    "RunRules",
    "daily_anomalies",
    "run_anomalies",
    "score",
]
