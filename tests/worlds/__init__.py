"""Simulated platforms with a known cause of trouble and a known effect of each fix.

    world = build_world("poison_message", seed=3)
    world.history          # rows of processor_run_history
    world.truth            # cause, windows, counts
    world.what_if("jitter")  # the same world with the fix deployed

Deterministic from kind and seed. Written from the contract's definitions alone, so that a diagnosis
that was fitted to the demo is found out: docs/decisions/0014-storm-worlds.md.
"""

from worlds.benign import BENIGN
from worlds.files import replicate, write_warehouse
from worlds.fixes import FIXES, NO_FIX, PLANNED_WINDOW, Fix
from worlds.mixtures import MIXTURES
from worlds.truth import Truth, WhatIf, Window
from worlds.variants import SPEAKING, VARIANTS
from worlds.world import CAUSES, KINDS, UNEXPLAINED, World, build_world

__all__ = [
    "BENIGN",
    "CAUSES",
    "FIXES",
    "KINDS",
    "MIXTURES",
    "NO_FIX",
    "PLANNED_WINDOW",
    "SPEAKING",
    "UNEXPLAINED",
    "VARIANTS",
    "Fix",
    "Truth",
    "WhatIf",
    "Window",
    "World",
    "build_world",
    "replicate",
    "write_warehouse",
]
