"""`python -m nbkit.runs.flush URL FOLDER`: send the rows that wait in a spool.

What a witness becomes once it has left a run's end there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nbkit.runs.history import flush_spool

if __name__ == "__main__":
    flush_spool(sys.argv[1], spool=Path(sys.argv[2]))
