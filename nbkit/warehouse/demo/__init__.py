"""A demo history that a colleague from the platform would recognise, with its truth stored in it.

The main period (2025-12-14 to 2026-01-13) reproduces the published figures; the 75 days before and
the five after it are there at lower detail. Everything planted is recorded as `DemoTruth`.
"""

from __future__ import annotations

from nbkit.warehouse.demo.generate import DEFAULT_RUNS, build_demo
from nbkit.warehouse.demo.truth import DemoTruth, Incident, load_truth

__all__ = ["DEFAULT_RUNS", "DemoTruth", "Incident", "build_demo", "load_truth"]
