"""The kernel of a run: this interpreter's own, in a process group that can be ended as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

# Set for every kernel, so that the same data gives the same report: hash order, zone, threads (the
# sums of a threaded BLAS depend on their order), and pictures rather than their description.
_STEADY = {
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}
# Without bytecode the imports of a kernel take 3.5 times as long.
_DROPPED = ("PYTHONDONTWRITEBYTECODE", "PYTHONSTARTUP", "IPYTHONDIR")
_REAP_S = 5  # a process that was sent SIGKILL is gone at once, unless the system hangs


@contextmanager
def started_kernel(
    *, cwd: Path, environment: Mapping[str, str], ahead: Sequence[str] = ()
) -> Iterator[OwnKernel]:
    """A kernel on its way: it starts while the caller gets the rest of a run ready, which takes as
    long. Whatever it has started ends with the block.

    Args:
        cwd: its folder, which is the project that the notebook finds.
        environment: base environment (made steady: see `kernel_environment`).
        ahead: names of nbkit's that the notebook will ask for: imported as the kernel starts.
    """
    with TemporaryDirectory(prefix="nbkit-run-") as temporary:
        folder = Path(temporary)
        with (folder / "kernel.log").open("wb") as log:
            kernel = OwnKernel(
                environment=kernel_environment(
                    environment, folder=folder, extra={"NBKIT_PROJECT": str(cwd)}
                ),
                cwd=cwd,
                folder=folder,
                log=log,
                ahead=ahead,
            )
            try:
                # One that cannot start is asked again by whoever executes, and tells why.
                with suppress(OSError):
                    run_sync(kernel.start_kernel)()
                yield kernel
            finally:
                kernel.end()


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
        self,
        *,
        environment: Mapping[str, str],
        cwd: Path,
        folder: Path,
        log: IO[bytes],
        ahead: Sequence[str] = (),
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
            argv=[sys.executable, "-m", "nbkit.report.kernel_process", "{connection_file}", *ahead],
            display_name="Python 3",
            language="python",
        )
        self._popen = {"env": dict(environment), "cwd": str(cwd), "stdout": log, "stderr": log}
        self._log_file = folder / "kernel.log"
        self._over = False
        self.exit_code: int | None = None

    # The two overrides are typed as what they override at run time: AsyncKernelManager declares its
    # coroutines under the signatures of the blocking base class.
    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
        # What runs in it is chosen here: nbclient's arguments are for kernels of its own.
        await super().start_kernel(**{**options, "extra_arguments": [], **self._popen})

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

    def end(self) -> None:
        """End it with everything that it started and left running."""
        if self._over:  # the number of the group may be another's by now
            return
        self._over = True
        self.signal_group(signal.SIGKILL)
        process = getattr(self.provisioner, "process", None)
        if process is not None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_REAP_S)
        run_sync(self.cleanup_resources)()

    def last_words(self, lines: int = 20) -> str:
        """The end of what it wrote outside of the notebook."""
        said = self._log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "\n".join(said[-lines:])

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
