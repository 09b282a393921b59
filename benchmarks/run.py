"""How long `nbkit run` takes on a trivial notebook, beside papermill and nbconvert as commands.

    python benchmarks/run.py [REPEATS]

Prints seconds (median) and the ratio to the baseline: `papermill IN OUT` followed by
`jupyter nbconvert --to html OUT`, which leave the same two files but check nothing. Everything
runs cold, as a scheduler would start it, on the machine and in the environment of this script.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

AS_OF = "2026-01-13T12:00:00Z"
EMIT = """from IPython.display import display
display({"application/vnd.nbkit.findings.v1+json": {"verdict": "GREEN", "findings": [],
  "as_of": as_of, "window": {"start": as_of, "end": as_of}, "warehouse": "", "queries": []}},
  raw=True)"""


def notebook() -> dict[str, object]:
    def code(name: str, source: str, *tags: str) -> dict[str, object]:
        return {
            "cell_type": "code",
            "id": name,
            "metadata": {"tags": list(tags)},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }

    title = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# Is all well?"}
    return {
        "cells": [
            title,
            code("parameters", f'as_of = "{AS_OF}"', "parameters"),
            code("answer", "6 * 7"),
            code("emit", EMIT),
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def seconds(*command: str, folder: Path) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    programs = Path(sys.executable).parent
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "notebooks").mkdir()
        (folder / "registry").mkdir()
        file = folder / "notebooks" / "trivial.ipynb"
        file.write_text(json.dumps(notebook()))
        nbkit = (str(programs / "nbkit"), "run", "trivial", "-q", "--as-of", AS_OF)
        papermill = (str(programs / "papermill"), str(file), "out.ipynb", "-p", "as_of", AS_OF)
        convert = (str(programs / "jupyter"), "nbconvert", "--to", "html", "out.ipynb")
        seconds(*nbkit, folder=folder)  # bytecode is compiled once, as in an image
        ours, theirs = [], []
        for _ in range(repeats):
            ours.append(seconds(*nbkit, folder=folder))
            theirs.append(seconds(*papermill, folder=folder) + seconds(*convert, folder=folder))
    own, baseline = statistics.median(ours), statistics.median(theirs)
    print(f"papermill + nbconvert   {baseline:5.2f} s   1.00")
    print(f"nbkit run               {own:5.2f} s   {own / baseline:4.2f}")


if __name__ == "__main__":
    main()
