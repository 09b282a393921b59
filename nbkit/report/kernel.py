"""The kernel of a run: this interpreter's own, in a process group that can be ended as one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

# Set for every kernel, so that the same data gives the same report: hash order, zone, threads (the
# sums of a threaded BLAS depend on their order), and pictures rather than their description.
_STEADY = {
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # debugpy complains about frozen modules on stderr at every start.
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
# Without bytecode the imports of a kernel take 3.5 times as long.
_DROPPED = ("PYTHONDONTWRITEBYTECODE", "PYTHONSTARTUP", "IPYTHONDIR")


def kernel_environment(
    base: Mapping[str, str], *, folder: Path, extra: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the kernel: `base` made steady, IPython's profile in `folder`."""
    kept = {name: value for name, value in base.items() if name not in _DROPPED}
    return {**kept, **_STEADY, "IPYTHONDIR": str(folder / "ipython"), **extra}


class OwnKernel(AsyncKernelManager):
    """A kernel manager that always starts `sys.executable`.

    A kernelspec named python3 may belong to another environment (the newest `ipykernel install`
    wins), which would run the notebook with other packages than those that were tested.
    """

    def __init__(
        self, *, environment: Mapping[str, str], cwd: Path, folder: Path, log: IO[bytes]
    ) -> None:
        # Sockets in the run's own folder: no port to race for, nothing for other users to reach.
        # Their paths must stay under the 107 characters that the system allows.
        ipc = os.name == "posix" and len(str(folder)) < 80
        super().__init__(
            kernel_name="python3",
            connection_file=str(folder / "kernel.json"),
            transport="ipc" if ipc else "tcp",
        )
        self._kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
        )
        self._popen = {"env": dict(environment), "cwd": str(cwd), "stdout": log, "stderr": log}
        self.exit_code: int | None = None

    # The two overrides are typed as what they override at run time: AsyncKernelManager declares its
    # coroutines under the signatures of the blocking base class.
    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
        await super().start_kernel(**{**options, **self._popen})

    async def is_alive(self) -> bool:  # type: ignore[override]
        """Also notes how a dead kernel ended, before the process is forgotten."""
        alive = bool(await super().is_alive())
        if not alive and self.provisioner is not None:
            process = getattr(self.provisioner, "process", None)
            self.exit_code = process.returncode if process else self.exit_code
        return alive

    def signal_group(self, number: int) -> None:
        """Send a signal to the kernel and everything that it started; nothing if it is gone."""
        group = getattr(self.provisioner, "pgid", None)
        if group and group != os.getpgrp():
            try:
                os.killpg(group, number)
            except ProcessLookupError:
                return

    def death(self) -> str:
        """How the kernel ended, in words: `killed by SIGKILL (…)`, `exit code 3`."""
        code = self.exit_code
        if code is None:
            return "it went away"
        if code >= 0:
            return f"it exited with code {code}"
        name = signal.Signals(-code).name
        why = {
            signal.SIGKILL: " (most often: out of memory)",
            signal.SIGSEGV: " (a crash in a compiled library)",
        }.get(signal.Signals(-code), "")
        return f"it was killed by {name}{why}"
