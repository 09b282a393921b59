"""Processors and phases as data: who runs, needs what, is owned by whom, is due by when.

`load_registry()` reads `registry/processor_registry.yaml`. What no document states comes from the
defaults of the phase and is marked as such (`Processor.is_default`). The shape of the file is in
docs/registry.md.
"""

from nbkit.registry.comparison import RegistryDrift, compare_with_history
from nbkit.registry.deadlines import Deadline, parse_deadline
from nbkit.registry.graph import CriticalPath, ProcessorRegistry
from nbkit.registry.impact import BlastRadius, DeadlineAtRisk
from nbkit.registry.loading import FILE_NAME, load_registry
from nbkit.registry.marked_spans import MarkedSpan, MarkedSpans, load_marked_spans
from nbkit.registry.models import Criticality, Phase, Processor, RecordRange

__all__ = [
    "FILE_NAME",
    "BlastRadius",
    "CriticalPath",
    "Criticality",
    "Deadline",
    "DeadlineAtRisk",
    "MarkedSpan",
    "MarkedSpans",
    "Phase",
    "Processor",
    "ProcessorRegistry",
    "RecordRange",
    "RegistryDrift",
    "compare_with_history",
    "load_marked_spans",
    "load_registry",
    "parse_deadline",
]
