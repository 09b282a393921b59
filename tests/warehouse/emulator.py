"""A BigQuery emulator in a process of its own, for tests through Google's real client."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def install_spatial_extension() -> None:
    """The emulator loads DuckDB's spatial extension; offline it comes from a wheel."""
    import duckdb
    import duckdb_extension_spatial

    folder = Path(next(iter(duckdb_extension_spatial.__path__)))
    (file,) = folder.rglob("spatial.duckdb_extension")
    with duckdb.connect() as connection:
        connection.execute(f"INSTALL '{file}'")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_emulator(folder: Path) -> Iterator[str]:
    """Start the emulator, wait until it answers, give its URL, end it."""
    install_spatial_extension()
    rest, grpc = free_port(), free_port()
    script = Path(sys.executable).parent / "bqemulator"
    log = (folder / "bqemulator.log").open("w")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
    process = subprocess.Popen(
        [script, "start", "--rest-port", str(rest), "--grpc-port", str(grpc), "--ephemeral"]
        + ["--log-level", "error", "--project", "nba-props-platform"],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{rest}"
    try:
        _wait(process, url, folder / "bqemulator.log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the emulator ended at once:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/bigquery/v2/projects/p/datasets", timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the emulator did not answer in {patience_s} s:\n{log.read_text()[-2000:]}")
