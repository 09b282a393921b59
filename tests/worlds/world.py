"""A world: its history as a table, its truth, and the same world with a fix deployed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import pandas as pd

from worlds.benign import BENIGN
from worlds.bulk import backfill, cleanup_artifact, unknown
from worlds.deliveries import poison_message, republish_loop, retry_amplification
from worlds.engine import play
from worlds.fixes import FIXES, NO_FIX, Fix
from worlds.history import rows
from worlds.inputs import premature_start, upstream_outage
from worlds.life import Life, Load, live
from worlds.mixtures import MIXTURES
from worlds.said import voice
from worlds.scene import Scene, draw_scene
from worlds.schedules import rate_limit, scheduler_collision
from worlds.storm import Storm, log_uniform
from worlds.truth import Truth, WhatIf, Window
from worlds.work import Attempt, Work

Builder = Callable[[np.random.Generator, Scene], Storm]


@dataclass(frozen=True)
class Cause:
    """How worlds of a cause are drawn: by whom, and how long its storms blow, hours."""

    build: Builder
    hours: tuple[float, float] = (1 / 6, 20)


CAUSES: dict[str, Cause] = {
    "scheduler_collision": Cause(scheduler_collision),
    "retry_amplification": Cause(retry_amplification),
    "poison_message": Cause(poison_message, (3, 60)),
    "republish_loop": Cause(republish_loop, (1, 30)),
    "premature_start": Cause(premature_start, (0.4, 20)),
    "upstream_outage": Cause(upstream_outage),
    "rate_limit": Cause(rate_limit),
    "cleanup_artifact": Cause(cleanup_artifact, (0.02, 0.05)),
    "backfill": Cause(backfill, (0.3, 15)),
}
UNEXPLAINED: dict[str, Cause] = {"unknown": Cause(unknown, (0.5, 8))}
MIXED: dict[str, Cause] = {name: Cause(build, (0.7, 12)) for name, build in MIXTURES.items()}
_STORMS = CAUSES | UNEXPLAINED | MIXED
KINDS = (*_STORMS, *BENIGN)
MOST_ROWS = 75_000


class World:
    """Made by `build_world`. Everything about it follows from its name and seed."""

    def __init__(
        self, name: str, seed: int, scene: Scene, load: Load, storm: Storm, ordinary: int
    ) -> None:
        self.name = name
        self.seed = seed
        self.scene = scene
        self._load = load
        self._storm = storm
        self._ordinary = ordinary
        self._known: dict[tuple[Fix, tuple[Window, ...]], WhatIf] = {}

    def __repr__(self) -> str:
        return f"<World {self.name} {self.seed}>"

    @property
    def as_of(self) -> datetime:
        """The moment the report is about; whole minutes, UTC."""
        return _at(self.scene.end)

    @property
    def works(self) -> list[Work]:
        return self._storm.works

    def attempts(self, fix: Fix = NO_FIX) -> list[Attempt]:
        """The storm's runs, with a fix deployed in the whole history."""
        return play(self.works, seed=self.scene.seed, until=self.scene.end, fix=fix)

    def life(self, fix: Fix = NO_FIX) -> Life:
        """All other runs, likewise."""
        return live(self.scene, rows=self._ordinary, load=self._load, fix=fix)

    @cached_property
    def _today(self) -> tuple[Life, list[Attempt]]:
        return self.life(), self.attempts()

    @cached_property
    def history(self) -> pd.DataFrame:
        """The run history in full; for poorer ones see `worlds.variants`."""
        life, attempts = self._today
        return rows(self.scene, life, self.works, attempts, voice(self.scene.rng(41)))

    @cached_property
    def truth(self) -> Truth:
        if not self._storm.cause:
            return Truth(cause="")
        _, attempts = self._today
        windows, apart = self._windows(attempts)
        inside = [each for each in attempts if _inside(each.end, windows)]
        blown = [each for each in inside if self.works[each.work].storm]
        failed = [each for each in blown if self._is_blown(each)]
        processors: dict[str, int] = {}
        for each in failed:
            name = self.works[each.work].processor
            processors[name] = processors.get(name, 0) + 1
        shares = _shares(self._storm, self.works, failed)
        main, *others = sorted(shares, key=lambda cause: (-shares[cause], cause))
        return Truth(
            cause=main,
            others=tuple(others),
            shares=shares,
            weekly=len(windows) > 1,
            windows=windows,
            apart=apart,
            failures=self.failures_under(NO_FIX, windows),
            storm_failures=len(failed),
            processors=processors,
            attempts=len(blown),
            messages=len({each.work for each in blown}),
            settings=self._storm.settings,
        )

    def _is_blown(self, attempt: Attempt) -> bool:
        """Whether the storm failed it: bad luck meets its runs too, before and after as well."""
        work = self.works[attempt.work]
        lucky = attempt.fault == "random" and work.cause != "unknown"
        return work.storm and bool(attempt.fault) and not lucky

    def _windows(
        self, attempts: Sequence[Attempt]
    ) -> tuple[tuple[Window, ...], dict[str, tuple[Window, ...]]]:
        """Those of the storm; of storms with times of their own, the largest's and the rest's."""
        storm, end = self._storm, self.scene.end
        failed = [each for each in attempts if self._is_blown(each)]
        if not storm.spans:
            return _windows(self.scene.spans, [each.end for each in failed], end), {}
        ends: dict[str, list[float]] = {cause: [] for cause in storm.spans}
        for each in failed:
            ends[self.works[each.work].cause].append(each.end)
        apart = {
            cause: _windows(spans, ends[cause], end)
            for cause, spans in sorted(storm.spans.items(), key=lambda item: -len(ends[item[0]]))
        }
        main = next(iter(apart))
        return apart.pop(main), apart

    def failures_under(self, fix: Fix, windows: Sequence[Window]) -> int:
        """Failed runs that end in the windows when the fix is deployed from the beginning."""
        life, attempts = self._today if fix == NO_FIX else (self.life(fix), self.attempts(fix))
        ends = np.concatenate(
            [life.end[life.fault != ""], [each.end for each in attempts if each.fault]]
        )
        ends = ends[ends < self.scene.end]
        return int(
            sum(
                ((ends >= window.start.timestamp()) & (ends < window.end.timestamp())).sum()
                for window in windows
            )
        )

    def what_if(self, fix: str | Fix, windows: Sequence[Window] | None = None) -> WhatIf:
        """The counterfactual by the contract, in the storm's windows or in those given."""
        change = FIXES[fix] if isinstance(fix, str) else fix
        asked = self.truth.windows if windows is None else tuple(windows)
        if (change, asked) not in self._known:
            today = self.failures_under(NO_FIX, asked)
            then = self.failures_under(change, asked)
            self._known[change, asked] = WhatIf(then, 1 - then / today if today else 0.0)
        return self._known[change, asked]


def build_world(name: str, seed: int, *, weekly: bool | None = None) -> World:
    """A world of a cause, a mixture or a benign kind (`KINDS`).

    `weekly`: whether the storm recurs every week; by default a matter of chance. Draws whose storm
    came out too small, too big or drowned in noise are drawn again, so every world can be judged.
    """
    for attempt in range(60):
        own = zlib.crc32(f"{name}/{seed}/{attempt}".encode())
        world = _draw(name, seed, own, weekly)
        if name in BENIGN or _is_fair(world):
            return world
    raise AssertionError(f"no fair world of {name} from seed {seed} in 60 draws")


def _draw(name: str, seed: int, own: int, weekly: bool | None) -> World:
    rng = np.random.default_rng(own)
    chance = bool(rng.random() < 0.5)
    cause = _STORMS.get(name)
    scene = draw_scene(
        rng,
        seed=own,
        hours=cause.hours if cause else (1, 4),
        weekly=chance if weekly is None else weekly,
    )
    if cause is None:
        calm = BENIGN[name](rng, scene)
        ordinary = int(log_uniform(rng, 5_000, 25_000))
        return World(name, seed, calm.scene, calm.load, Storm("", list(calm.works)), ordinary)
    # Some storms blow over a platform that has busy Sundays or much ado about nothing anyway.
    load = Load()
    if rng.random() < 0.2:
        load = Load(weekday=(1.0,) * 6 + (float(rng.uniform(1.5, 4)),))
    elif rng.random() < 0.2:
        load = Load(nothing=(float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.5, 0.95))))
    ordinary = int(log_uniform(rng, 4_000, 16_000))
    storm = cause.build(rng, scene)
    # Who the storm brings in has an ordinary life too.
    everybody = dict.fromkeys((*scene.processors, *(work.processor for work in storm.works)))
    scene = replace(scene, processors=tuple(everybody))
    return World(name, seed, scene, load, storm, ordinary)


def _is_fair(world: World) -> bool:
    """Whether the storm is what its name says, and can be seen."""
    if len(world.works) > MOST_ROWS:
        return False
    _, attempts = world._today
    if len(attempts) > MOST_ROWS:
        return False
    if not any(world._is_blown(each) for each in attempts):
        return False
    truth = world.truth
    around = truth.failures - truth.storm_failures
    if not 200 <= truth.storm_failures <= 32_000 or truth.storm_failures < 2 * around:
        return False
    amplification = truth.attempts / max(truth.messages, 1)
    if world.name == "retry_amplification" and amplification < 3:
        return False
    if world.name == "scheduler_collision" and (
        amplification > 2.2 or world.what_if("jitter").reduction < 0.2
    ):
        return False  # what starves whenever it starts does not starve of starting at once
    if world.name == "poison_message" and (amplification < 10 or truth.messages > 90):
        return False
    # In a mixture it can be told which cause is the main one, and that the other is there.
    if truth.apart:
        return min(map(len, (truth.windows, *truth.apart.values()))) > 0
    if truth.others and not 0.1 <= 1 - truth.shares[truth.cause] <= 0.4:
        return False
    # Every time it blew it was there: a window that was calm is no window.
    return len(truth.windows) == len(world.scene.spans)


def _windows(
    spans: Sequence[tuple[float, float]], ends: Sequence[float], until: float
) -> tuple[Window, ...]:
    """From when the storm's failures ended, for each time that it was to blow."""
    moments = np.array(ends)
    moments = moments[moments < until]
    begins = np.array([begin for begin, _ in spans]) - 1800
    which = np.searchsorted(begins, moments, side="right") - 1
    found = []
    for number in range(len(begins)):
        own = moments[which == number]
        if len(own) >= 20:
            last = float(np.quantile(own, 0.99))
            found.append(Window(_at(np.floor(own.min())), _at(np.ceil(last + 0.001))))
    return tuple(found)


def _shares(storm: Storm, works: Sequence[Work], failed: Sequence[Attempt]) -> dict[str, float]:
    """What part of the failures each cause is to blame for; the main cause has most.

    Redelivery is blamed for what fails on a later attempt, the collision for first attempts.
    """
    if not storm.others:
        return {storm.cause: 1.0}
    count = dict.fromkeys((storm.cause, *storm.others), 0)
    for each in failed:
        blamed = works[each.work].cause
        if blamed == "scheduler_collision" and "retry_amplification" in storm.others:
            blamed = blamed if each.number == 1 else "retry_amplification"
        count[blamed] += 1
    return {cause: found / max(len(failed), 1) for cause, found in count.items()}


def _inside(moment: float, windows: Sequence[Window]) -> bool:
    return any(window.start.timestamp() <= moment < window.end.timestamp() for window in windows)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)
