from __future__ import annotations

import resource
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbkit.errors import ReportError
from nbkit.store import LocalStore, Store, open_store

FILES = {"index.html": b"<p>1", "manifest.json": b"{}"}


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(tmp_path / "reports")
    return open_store(f"memory://bucket-{uuid.uuid4().hex}/reports")


def test_a_folder_is_put_found_and_replaced_whole(store: Store) -> None:
    assert store.folders() == set()
    store.put_folder("daily/2026-01-13T120000Z", {**FILES, "old.txt": b"x"})
    store.put_folder("daily/2026-01-13T120000Z", {**FILES, "index.html": b"<p>2"})
    assert store.folders() == {"daily/2026-01-13T120000Z"}
    assert store.read("daily/2026-01-13T120000Z/index.html") == b"<p>2"
    assert store.read("daily/none/index.html") is None


def test_a_single_file_is_replaced(store: Store) -> None:
    store.write("index.json", b"1")
    store.write("index.json", b"2")
    assert store.read("index.json") == b"2"


def test_a_replaced_local_folder_leaves_no_rest(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_folder("daily/a", {**FILES, "old.txt": b"x"})
    store.put_folder("daily/a", FILES)
    assert sorted(p.name for p in (tmp_path / "daily").iterdir()) == ["a"]
    assert sorted(p.name for p in (tmp_path / "daily" / "a").iterdir()) == sorted(FILES)


def test_folders_are_swapped_by_renaming_where_the_system_cannot_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbkit.store.files._exchange", lambda *_: False)
    test_a_replaced_local_folder_leaves_no_rest(tmp_path)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system refuses to write more than this into one file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_without_room_nothing_half_written_is_left_and_the_old_report_stays(
    tmp_path: Path,
) -> None:
    store = LocalStore(tmp_path)
    store.put_folder("daily/a", FILES)
    large = {"manifest.json": b"{}", "index.html": b"x" * 100_000}
    with largest_file(10_000):
        with pytest.raises(ReportError, match=r"No room left.*nothing half-written.*--out"):
            store.put_folder("daily/a", large)
        with pytest.raises(ReportError, match="No room left"):
            store.put_folder("daily/b", large)
        with pytest.raises(ReportError, match="No room left"):
            store.write("index.json", b"x" * 100_000)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == [
        "daily/a/index.html",
        "daily/a/manifest.json",
    ]
    assert store.read("daily/a/index.html") == b"<p>1"
    assert store.folders() == {"daily/a"}


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReportError, match=r"cannot be written: Not a directory"):
        LocalStore(tmp_path / "file").put_folder("daily/a", FILES)


def test_a_bucket_run_without_its_manifest_is_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload that breaks off half-way must not be listed as a report."""
    store = open_store(f"memory://bucket-{uuid.uuid4().hex}/reports")
    store.put_folder("daily/a", FILES)
    system = store.system  # type: ignore[attr-defined]
    real = system.pipe_file

    def breaks_off(path: str, content: bytes) -> None:
        if path.endswith("index.html"):
            raise OSError("connection reset")
        real(path, content)

    monkeypatch.setattr(system, "pipe_file", breaks_off)
    with pytest.raises(ReportError, match=r"memory://.*connection reset"):
        store.put_folder("daily/a", FILES)
    assert store.folders() == set()


def test_an_unknown_kind_of_store_says_what_to_do() -> None:
    with pytest.raises(ReportError, match=r"nowhere://x: this store cannot be opened.*--out"):
        open_store("nowhere://x")


def test_addresses_are_where_a_reader_looks(tmp_path: Path) -> None:
    assert open_store(str(tmp_path)).address("daily/a") == f"{tmp_path}/daily/a"
    assert open_store(f"file://{tmp_path}").address("daily/a") == f"{tmp_path}/daily/a"
    assert open_store("memory://b/reports/").address("daily/a") == "memory://b/reports/daily/a"
