"""Processors and phases as data: who runs, what they need, who owns them, by when they must be done.

`load_registry()` reads `registry/processor_registry.yaml`. What no document states comes from the
defaults of the phase and is marked as such (`Processor.is_default`).
"""

from nbkit.registry.comparison import RegistryDrift, compare_with_history
from nbkit.registry.graph import BlastRadius, ProcessorRegistry
from nbkit.registry.loading import FILE_NAME, load_registry
from nbkit.registry.models import (
    Criticality,
    Deadline,
    Phase,
    Processor,
    RecordRange,
    UnknownProcessor,
)

__all__ = [
    "FILE_NAME",
    "BlastRadius",
    "Criticality",
    "Deadline",
    "Phase",
    "Processor",
    "ProcessorRegistry",
    "RecordRange",
    "RegistryDrift",
    "UnknownProcessor",
    "compare_with_history",
    "load_registry",
]
