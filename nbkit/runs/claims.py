"""Claims: who of several may do a thing that is to be done once."""

from __future__ import annotations

from datetime import datetime

from nbkit.warehouse.protocol import Warehouse

CLAIMS = "nba_orchestration.nbkit_claims"


def claim(warehouse: Warehouse, key: str, *, now: datetime) -> bool:
    """Take what `key` names, for good. True for one caller only, however many machines call.

    Raises:
        WarehouseError: it is not known who has it.
    """
    import pandas as pd

    row = pd.DataFrame({"claim": [key], "claimed_at": [pd.Timestamp(now)]})
    return warehouse.append(CLAIMS, row, key=key) > 0
