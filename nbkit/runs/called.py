"""`python -m nbkit.runs.called CALL RESULT` runs the function that `guarded_call` pickled."""

from __future__ import annotations

import pickle
import sys
import traceback
from pathlib import Path


def main(call: Path, result: Path) -> None:
    """Call it; what it gave or raised goes to `result`, pickled."""
    function, args, kwargs = pickle.loads(call.read_bytes())
    try:
        outcome: tuple[bool, object] = (True, function(*args, **kwargs))
    except Exception as error:
        error.add_note(f"In the guarded process:\n{''.join(traceback.format_exception(error))}")
        outcome = (False, error)
    try:
        said = pickle.dumps(outcome)
        pickle.loads(said)  # some exceptions go in but never come out again
    except Exception as error:  # pickling runs the code of what is pickled
        kind = type(outcome[1]).__name__
        told = f"its outcome, {kind}: {outcome[1]}, cannot be sent back: {error}"
        said = pickle.dumps((False, TypeError(told)))
    result.write_bytes(said)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
