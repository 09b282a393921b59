"""Calls that come while the same work is done wait for it and share its result.

In one process by a lock. Between instances by a file in the report store, which says who is at
work and what came of it, and by a claim: each run claims to be the successor of the one that the
file tells of, and a claim is given once.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nbkit.errors import ReportError
from nbkit.store import Store

Result = tuple[int, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Between:
    """What several instances share.

    Attributes:
        path: of the file within the store.
        claim: gives a key to one caller only.
        longest: after so long a run that has not ended is taken for dead.
        pause: waits a moment between two looks at the file.
    """

    store: Store
    path: str
    claim: Callable[[str], bool]
    clock: Callable[[], datetime]
    longest: timedelta
    pause: Callable[[], None]


@dataclass
class Coalescing:
    """One piece of work in this process. Calls of `result` during it get its result."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _current: Future[Result] | None = None

    def result(self, work: Callable[[], Result], between: Between) -> tuple[Result, bool]:
        """The result of `work`, and whether another call had it made.

        Raises:
            ReportError: another instance is at it, but no result of it appeared.
            Exception: what `work` raised, for all who waited for it in this process.
        """
        with self._lock:
            mine: Future[Result] | None = None
            if self._current is None:
                mine = self._current = Future()
            shared = self._current
        if mine is None:
            return shared.result(), True
        try:
            found, waited = _one_of_all(work, between)
            mine.set_result(found)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                self._current = None
        return found, waited


def _one_of_all(work: Callable[[], Result], between: Between) -> tuple[Result, bool]:
    """Do the work, or wait for the instance that does."""
    before = _told(between)
    give_up = between.clock() + between.longest
    if not _is_at_work(before, between):
        # The day is part of the key: a store that was emptied begins its chain anew.
        day = f"{between.clock():%Y-%m-%d}"
        if between.claim(f"{between.path} after {before.get('id', day)}"):
            return _work(work, between), False
    while between.clock() < give_up:
        between.pause()
        now = _told(between)
        if now.get("ended_at") and (now["id"] != before.get("id") or not before.get("ended_at")):
            return (int(now["status"]), dict(now["answer"])), True
    raise ReportError(
        f"Another instance has had this work for {between.longest} and left no result at "
        f"{between.store.address(between.path)}. Call again."
    )


def _work(work: Callable[[], Result], between: Between) -> Result:
    entry: dict[str, Any] = {"id": uuid.uuid4().hex, "started_at": between.clock().isoformat()}
    between.store.write(between.path, json.dumps(entry).encode())
    try:
        status, answer = work()
    except BaseException as error:
        failed = {"error": type(error).__name__, "message": "The run that was waited for failed."}
        _end(entry, 503, failed, between)
        raise
    _end(entry, status, answer, between)
    return status, answer


def _end(entry: dict[str, Any], status: int, answer: Mapping[str, Any], between: Between) -> None:
    ended = {**entry, "ended_at": between.clock().isoformat(), "status": status, "answer": answer}
    between.store.write(between.path, json.dumps(ended, default=str).encode())


def _told(between: Between) -> dict[str, Any]:
    content = between.store.read(between.path)
    try:
        value = json.loads(content) if content else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_at_work(told: Mapping[str, Any], between: Between) -> bool:
    if not told or told.get("ended_at"):
        return False
    return between.clock() - datetime.fromisoformat(told["started_at"]) < between.longest
