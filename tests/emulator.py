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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from job_ids import with_unique_job_ids

if TYPE_CHECKING:
    import pandas as pd
    from google.cloud import bigquery

PROJECT = "nba-props-platform"
_STARTS = 3


@dataclass(frozen=True)
class Emulator:
    """Where it listens: a URL for REST, `host:port` for the Storage API's gRPC."""

    url: str
    storage: str


class EmulatorDidNotStart(RuntimeError):
    """With the end of its log."""


def install_spatial_extension() -> None:
    """The emulator loads DuckDB's spatial extension; a wheel brings it, so no network is needed.

    DuckDB copies the file into the home's extension folder by way of a rename and leaves one that
    is there alone: several workers may do this at once.
    """
    import duckdb
    import duckdb_extension_spatial

    folder = Path(next(iter(duckdb_extension_spatial.__path__)))
    (file,) = folder.rglob("spatial.duckdb_extension")
    with duckdb.connect() as connection:
        connection.execute(f"INSTALL '{file}'")


@contextmanager
def running_emulator(folder: Path) -> Iterator[Emulator]:
    """Start the emulator (about 2 s), say where it is, end it. `folder` takes its log."""
    install_spatial_extension()
    for start in range(_STARTS):
        try:
            with _one_emulator(folder) as emulator, with_unique_job_ids(emulator.url) as url:
                yield replace(emulator, url=url)
                return
        except EmulatorDidNotStart:  # most likely another process took the port in between
            if start == _STARTS - 1:
                raise


@contextmanager
def _one_emulator(folder: Path) -> Iterator[Emulator]:
    rest, grpc = _free_ports(2)
    log = folder / "bqemulator.log"
    command = [str(Path(sys.executable).with_name("bqemulator")), "start", "--ephemeral"]
    command += ["--rest-port", str(rest), "--grpc-port", str(grpc)]
    # /admin says what came by stream, which no other answer does.
    command += ["--log-level", "error", "--project", PROJECT, "--enable-admin"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"BQEMU_UPLOAD_STAGING_DIR": str(folder)},
            # Ctrl-C belongs to pytest, which ends this process on its way out: a terminal's signal
            # to both would let the tests that still run fail for a reason that is not theirs.
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{rest}"
            _wait_for(url, process, log)
            yield Emulator(url, f"127.0.0.1:{grpc}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def load_history(emulator: str, dataset: str, rows: pd.DataFrame) -> str:
    """Make a dataset with a run history in it, by a load job.

    Returns:
        The warehouse's URL.
    """
    from nbkit.warehouse import open_warehouse
    from nbkit.warehouse.schema import TABLE

    with emulator_client(emulator) as client:
        client.create_dataset(dataset)
    url = f"bigquery://{PROJECT}/{dataset}?api_endpoint={emulator}"
    with open_warehouse(url) as warehouse:
        warehouse.append(f"{dataset}.{TABLE}", rows)
    return url


@contextmanager
def emulator_client(emulator: str) -> Iterator[bigquery.Client]:
    """Google's client on the emulator, for what a warehouse does not do."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    client = bigquery.Client(
        PROJECT,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": emulator},
    )
    yield client
    client.close()


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _wait_for(
    url: str, process: subprocess.Popen[bytes], log: Path, patience_s: float = 60
) -> None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise EmulatorDidNotStart(f"the emulator ended at once:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(
                f"{url}/bigquery/v2/projects/{PROJECT}/datasets", timeout=2
            ):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise EmulatorDidNotStart(f"no answer in {patience_s} s:\n{log.read_text()[-2000:]}")
