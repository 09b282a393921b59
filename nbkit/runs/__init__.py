"""Runs that are recorded, guarded, and started only when it makes sense.

`history` writes a run's rows, `guard` ends it in time, `breaker` and `readiness` say whether it
should start. All of them decide from the run history, never from the memory of a process.
"""
