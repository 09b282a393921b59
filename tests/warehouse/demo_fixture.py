"""The default demo, built once per test session whatever the number of xdist workers."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from nbkit.warehouse.demo import build_demo


def shared_demo(factory: pytest.TempPathFactory) -> Path:
    """Path of the session's demo file; read it, never write it. The first worker that asks builds
    it while the others wait."""
    base = factory.getbasetemp()
    # Workers have a folder each below the session's; without xdist there is only one.
    session = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    path = session / "shared-demo.duckdb"
    with (session / "shared-demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            build_demo(path)
    return path


@pytest.fixture(scope="session")
def demo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default demo warehouse; shared, so read-only."""
    return shared_demo(tmp_path_factory)
