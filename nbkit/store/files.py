"""Where reports are kept: a local folder, or a bucket through fsspec (`gs://`, `s3://`).

A run's folder appears whole or not at all. On a disk it is built beside its place and exchanged
with what stood there in one step. A bucket knows no such step: there the manifest is taken away
first and written last, and a folder without a manifest is no run.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nbkit.errors import ReportError

MANIFEST = "manifest.json"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Store(Protocol):
    """Files by path relative to the store's root, with `/` between the parts."""

    def address(self, path: str = "") -> str:
        """Where a reader finds `path`: a local path or a URL."""
        ...

    def folders(self) -> set[str]:
        """All runs as `<notebook>/<folder>`."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a file, None when there is none."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Replace a file in one step. Raises ReportError."""
        ...

    def put_folder(self, path: str, files: Mapping[str, bytes]) -> None:
        """Replace a folder by `files`, whole or not at all. Raises ReportError."""
        ...

    def exclusively(self) -> contextlib.AbstractContextManager[None]:
        """Keep other writers of the index out, where the store can."""
        ...


def open_store(place: str | Path) -> Store:
    """A store from a path or a URL that fsspec knows.

    Raises:
        ReportError: the URL's protocol is unknown or its package is not installed.
    """
    if isinstance(place, Path) or "://" not in place:
        return LocalStore(Path(place).absolute())
    if place.startswith("file://"):
        return LocalStore(Path(place.removeprefix("file://")).absolute())
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise ReportError(
            f"{place}: this store cannot be opened: {error}. "
            "Install the package that it names, or give a local folder with --out."
        ) from error
    return BucketStore(system, root.rstrip("/"), place.partition("://")[0])


@dataclass(frozen=True)
class LocalStore:
    """A folder on this machine."""

    root: Path

    def address(self, path: str = "") -> str:
        return str(self.root / path)

    def folders(self) -> set[str]:
        found = set()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for notebook in os.scandir(self.root):
                if notebook.name.startswith(".") or not notebook.is_dir():
                    continue
                found |= {
                    f"{notebook.name}/{run.name}"
                    for run in os.scandir(notebook.path)
                    if not run.name.startswith(".") and Path(run.path, MANIFEST).is_file()
                }
        return found

    def read(self, path: str) -> bytes | None:
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, path: str, content: bytes) -> None:
        place = self.root / path
        aside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:12]}")
        with self._told(place):
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                _write_through(aside, content)
                aside.replace(place)
            finally:
                aside.unlink(missing_ok=True)

    def put_folder(self, path: str, files: Mapping[str, bytes]) -> None:
        place = self.root / path
        aside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:12]}")
        with self._told(place):
            try:
                aside.mkdir(parents=True)
                for name, content in files.items():
                    _write_through(aside / name, content)
                _put_in_place(aside, place)
            finally:  # what could not be finished, or what was there before
                shutil.rmtree(aside, ignore_errors=True)

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[None]:
        try:
            import fcntl
        except ImportError:  # no such locks on Windows; two writers at once may then lose a line
            yield
            return
        with self._told(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = (self.root / ".lock").open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _told(self, place: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise ReportError(
                    f"No room left for {place} ({error.strerror}); nothing half-written is left. "
                    "Free some space, or give another place with --out, and run again."
                ) from error
            raise ReportError(
                f"{place}: cannot be written: {error.strerror or error}. "
                "Give another place with --out, and run again."
            ) from error


@dataclass(frozen=True)
class BucketStore:
    """A prefix of a bucket. `system` is an fsspec file system."""

    system: Any
    root: str
    protocol: str

    def address(self, path: str = "") -> str:
        return f"{self.protocol}://{self.root.lstrip('/')}/{path}".rstrip("/")

    def folders(self) -> set[str]:
        with self._told(self.root):
            found = self.system.glob(f"{self.root}/*/*/{MANIFEST}")
        prefix = self.root.strip("/") + "/"
        inside = (path.strip("/").removeprefix(prefix) for path in found)
        return {path.rpartition("/")[0] for path in inside}

    def read(self, path: str) -> bytes | None:
        try:
            content: bytes = self.system.cat_file(f"{self.root}/{path}")
        except FileNotFoundError:
            return None
        return content

    def write(self, path: str, content: bytes) -> None:
        with self._told(path):
            self.system.pipe_file(f"{self.root}/{path}", content)

    def put_folder(self, path: str, files: Mapping[str, bytes]) -> None:
        manifest = f"{self.root}/{path}/{MANIFEST}"
        with self._told(path):
            self.system.invalidate_cache()
            if self.system.exists(manifest):
                self.system.rm_file(manifest)
            for name in sorted(files, key=lambda name: name == MANIFEST):
                self.system.pipe_file(f"{self.root}/{path}/{name}", files[name])

    @contextlib.contextmanager
    def exclusively(self) -> Iterator[None]:
        yield  # the index is made from what is there: a line lost in a race comes back next time

    @contextlib.contextmanager
    def _told(self, path: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each file system has errors of its own
            raise ReportError(
                f"{self.address(path)}: cannot be written or listed: {error}. "
                "Check the bucket's name and your credentials, or give a local folder with --out."
            ) from error


def _write_through(path: Path, content: bytes) -> None:
    """Write and wait until it is on the disk: a full disk shows now, not after the exchange."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _put_in_place(new: Path, place: Path) -> None:
    """Rename `new` to `place`; what was there ends up at `new`."""
    if not place.exists():
        new.rename(place)
    elif not _exchange(new, place):
        old = new.with_name(f"{new.name}.old")
        place.rename(old)
        try:
            new.rename(place)
        except OSError:
            old.rename(place)
            raise
        old.rename(new)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step (Linux: renameat2); False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    done = renameat2(here, os.fsencode(first), here, os.fsencode(second), exchange)
    return bool(done == 0)
