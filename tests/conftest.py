"""What every test shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emulator import Emulator, running_emulator
from hypothesis import settings

# Two busy cores make single examples slow now and then: timing belongs to benchmarks/.
settings.register_profile("nbkit", deadline=None)
settings.load_profile("nbkit")


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
