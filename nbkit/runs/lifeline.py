"""The line from a guarded process to the one that guards it: a pipe, named in the environment.

A byte is a sign of life. It is never waited for: a pipe that is full, or that nobody reads any
more, must not hold up the work.
"""

from __future__ import annotations

import contextlib
import os

VARIABLE = "NBKIT_HEARTBEAT_FD"
# Which pipe it is: a process further down may have closed it and opened something else as that
# number, which must not be written to.
INODE = "NBKIT_HEARTBEAT_INODE"


def beat() -> None:
    """Give a sign of life to the process that guards this one, if any does."""
    number = os.environ.get(VARIABLE, "")
    if number.isdigit():
        with contextlib.suppress(OSError):
            if str(os.fstat(int(number)).st_ino) == os.environ.get(INODE):
                os.write(int(number), b".")
