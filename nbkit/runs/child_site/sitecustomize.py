"""Imported by every Python process under `run_guarded` as it starts: makes its stacks askable.

The folder of this file is put before PYTHONPATH, so it must not need nbkit: the child may run in
another environment. faulthandler answers in the signal's handler, in C, so it answers while native
code hangs and holds the interpreter's lock. A sitecustomize of the environment itself is run too.
"""

import contextlib
import faulthandler
import os
import signal
import sys
from importlib.machinery import PathFinder

_folder = os.environ.get("NBKIT_STACKS", "")
_here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # pathlib is slow to load
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _here]  # noqa: PTH100

with contextlib.suppress(OSError, ValueError):
    if os.path.isdir(_folder) and signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL:  # noqa: PTH112
        _file = open(f"{_folder}/{os.getpid()}.txt", "w")  # noqa: PTH123, SIM115  # kept open
        faulthandler.register(signal.SIGUSR1, file=_file, all_threads=True)

if _spec := PathFinder.find_spec("sitecustomize", sys.path):
    from importlib.util import module_from_spec

    _module = sys.modules["sitecustomize"] = module_from_spec(_spec)
    assert _spec.loader is not None
    _spec.loader.exec_module(_module)
