"""One run for many calls, within a process and between instances that share a report store."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbkit.cloud.coalesce import Between, Coalescing, Result
from nbkit.errors import ReportError
from nbkit.store import LocalStore

START = datetime(2026, 1, 13, 12, tzinfo=UTC)
FILE = "cloud/health_check.json"


class Instances:
    """What instances share: a store, claims that are given once, and a clock that every look at
    the file moves on by a second."""

    def __init__(self, folder: Path) -> None:
        self.store = LocalStore(folder)
        self.now = START
        self.claimed: set[str] = set()
        self.looked = threading.Event()
        self._lock = threading.Lock()

    def between(self) -> Between:
        return Between(
            store=self.store,
            path=FILE,
            claim=self.claim,
            clock=lambda: self.now,
            longest=timedelta(minutes=55),
            pause=self.pause,
        )

    def claim(self, key: str) -> bool:
        with self._lock:
            fresh = key not in self.claimed
            self.claimed.add(key)
            return fresh

    def pause(self) -> None:
        self.now += timedelta(seconds=1)
        self.looked.set()
        threading.Event().wait(0.005)


@pytest.fixture
def shared(tmp_path: Path) -> Instances:
    return Instances(tmp_path)


def never() -> Result:
    raise AssertionError("the work was done a second time")


def test_an_instance_that_comes_during_a_run_gets_its_result(shared: Instances) -> None:
    def work() -> Result:
        assert shared.looked.wait(30)  # not done before the other one waits
        return 200, {"verdict": "RED"}

    begun = threading.Event()

    def first_work() -> Result:
        begun.set()
        return work()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(Coalescing().result, first_work, shared.between())
        assert begun.wait(30)
        second = pool.submit(Coalescing().result, never, shared.between())
        assert first.result(60) == ((200, {"verdict": "RED"}), False)
        assert second.result(60) == ((200, {"verdict": "RED"}), True)


def test_a_call_after_a_run_is_a_run_of_its_own(shared: Instances) -> None:
    one = Coalescing()
    assert one.result(lambda: (200, {"n": 1}), shared.between()) == ((200, {"n": 1}), False)
    assert one.result(lambda: (200, {"n": 2}), shared.between()) == ((200, {"n": 2}), False)


def test_of_two_that_saw_the_same_end_one_runs_and_the_other_waits(shared: Instances) -> None:
    Coalescing().result(lambda: (200, {"n": 1}), shared.between())
    before = json.loads((shared.store.root / FILE).read_text())
    assert shared.claim(f"{FILE} after {before['id']}")  # another instance was quicker
    ended = {"id": "its", "started_at": shared.now.isoformat(), "ended_at": shared.now.isoformat()}
    shared.pause = lambda: shared.store.write(  # type: ignore[method-assign]
        FILE, json.dumps({**ended, "status": 200, "answer": {"n": 2}}).encode()
    )
    assert Coalescing().result(never, shared.between()) == ((200, {"n": 2}), True)


def test_an_instance_that_died_at_its_work_is_not_waited_for_for_ever(shared: Instances) -> None:
    died = {"id": "dead", "started_at": (START - timedelta(hours=1)).isoformat()}
    shared.store.write(FILE, json.dumps(died).encode())
    found = Coalescing().result(lambda: (200, {"n": 1}), shared.between())
    assert found == ((200, {"n": 1}), False)


def test_one_that_waits_in_vain_says_so(shared: Instances) -> None:
    shared.store.write(FILE, json.dumps({"id": "x", "started_at": START.isoformat()}).encode())
    shared.pause = lambda: setattr(shared, "now", shared.now + timedelta(minutes=30))  # type: ignore[method-assign]
    with pytest.raises(ReportError, match="Call again"):
        Coalescing().result(never, shared.between())


def test_a_run_that_failed_is_told_to_those_who_waited_and_the_next_one_runs(
    shared: Instances,
) -> None:
    def fails() -> Result:
        raise RuntimeError("no disk")

    one = Coalescing()
    with pytest.raises(RuntimeError):
        one.result(fails, shared.between())
    told = json.loads((shared.store.root / FILE).read_text())
    assert (told["status"], told["answer"]["error"]) == (503, "RuntimeError")
    assert one.result(lambda: (200, {}), shared.between()) == ((200, {}), False)
