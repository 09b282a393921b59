"""What every test shares."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from emulator import Emulator, running_emulator
from hypothesis import settings

from nbkit.project import RUNS_VARIABLE

# Two busy cores make single examples slow now and then: timing belongs to benchmarks/.
settings.register_profile("nbkit", deadline=None)
settings.load_profile("nbkit")

# Who runs the tests in the background of a shell has them ignore Ctrl-C, and so would every process
# that they start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """nbkit's own runs go to a history of the worker's own, not to the checkout's."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(RUNS_VARIABLE, f"duckdb:///{folder / 'runs.duckdb'}")
        yield


@pytest.fixture(scope="session")
def whole_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A BigQuery emulator, empty at first.

    Each xdist worker that asks has its own: one starts in 2 s, sharing one would need a lock.
    """
    with running_emulator(tmp_path_factory.mktemp("emulator")) as found:
        yield found


@pytest.fixture(scope="session")
def emulator(whole_emulator: Emulator) -> str:
    """Its URL."""
    return whole_emulator.url
