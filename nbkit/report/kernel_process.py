"""The process of a kernel: `python -m nbkit.report.kernel_process CONNECTION_FILE NAMES…`.

IPython's own kernel, which imports what its notebook will ask of nbkit before it is ready: whoever
runs it is busy with its own imports at that time.
"""

import sys
from pathlib import Path


def main(connection_file: str, *ahead: str) -> None:
    """Serve the notebook until it is over.

    Args:
        ahead: public names of nbkit.
    """
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance()
    # No debugger: nobody steps through a report, and it is a quarter of what a kernel imports.
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # None: ImportError
    # No history of what was typed: it would cost a database. (ipykernel has no annotations.)
    app.initialize(  # type: ignore[no-untyped-call]
        ["-f", connection_file, "--HistoryManager.hist_file=:memory:"]
    )
    del sys.modules["debugpy"]
    _import(ahead)
    app.start()  # type: ignore[no-untyped-call]


def _import(names: tuple[str, ...]) -> None:
    import nbkit

    for name in names:
        try:
            getattr(nbkit, name, None)
        except Exception:  # the cell that needs it will say what is wrong
            return


if __name__ == "__main__":
    # As ipykernel's launcher does: the notebook's folder comes later (InteractiveShellApp).
    if sys.path[0] == "" or Path(sys.path[0]) == Path.cwd():
        del sys.path[0]
    main(*sys.argv[1:])
