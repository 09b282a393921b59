"""Worlds that several tests look at, made once."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd
from worlds import World, build_world


@lru_cache(maxsize=64)
def world(name: str, seed: int = 0) -> World:
    return build_world(name, seed)


def failures_in_windows(made: World) -> pd.DataFrame:
    """Failed rows of the history that ended while the storm blew."""
    history = made.history
    ended = history["processed_at"]
    inside = pd.Series(False, index=history.index)
    for window in made.truth.windows:
        inside |= (ended >= window.start) & (ended < window.end)
    return history[inside & (history["status"] == "failed")]


def runs_in_windows(made: World) -> pd.DataFrame:
    history = made.history
    inside = pd.Series(False, index=history.index)
    for window in made.truth.windows:
        inside |= (history["started_at"] >= window.start) & (history["started_at"] < window.end)
    return history[inside]
