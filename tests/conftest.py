"""What every test shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emulator import running_emulator
from hypothesis import settings

# Two busy cores make single examples slow now and then: timing belongs to benchmarks/.
settings.register_profile("nbkit", deadline=None)
settings.load_profile("nbkit")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a BigQuery emulator, empty at first.

    Each xdist worker that asks for it has its own (2 s): tests that do so are marked
    `xdist_group("emulator")`, so that one worker has them all.
    """
    with running_emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url
