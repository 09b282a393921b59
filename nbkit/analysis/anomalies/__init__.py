"""What departs from its own past: points of a metric, days of a processor, single runs.

- `score`, `THRESHOLD`: every point of one metric as it comes in (`stream.py`).
- `daily_anomalies`: the days of all processors, with the false discovery rate held (`days.py`).
- `unusual_runs`: single runs beside what is usual for their processor (`runs.py`).
"""

from nbkit.analysis.anomalies.stream import THRESHOLD, WARM_UP, score

__all__ = ["THRESHOLD", "WARM_UP", "score"]
