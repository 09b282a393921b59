"""Find what is still written for Cloud Functions Gen1, and say what to write instead.

Python is read as a syntax tree, YAML as its nodes, scripts and documents by their commands. A Gen1
function of an event takes two arguments and finds its message in `event['data']`; deployed as Gen2
it is called with one CloudEvent and fails, which is what happened to `cleanup_upcoming_tables`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbkit.gen1.python import in_python
from nbkit.gen1.scripts import in_script
from nbkit.gen1.use import Gen1Use

_SKIPPED = frozenset(
    {".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".mypy_cache"}
)
_SUFFIXES = frozenset({".py", ".sh", ".bash", ".zsh", ".tf", ".mk", ".yaml", ".yml", ".md", ".txt"})
_NAMES = frozenset({"Makefile", "Justfile", "Jenkinsfile"})
_MAX_BYTES = 2_000_000


@dataclass(frozen=True)
class Unread:
    """A file or a folder that could not be looked into, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Scan:
    """What a tree holds."""

    uses: tuple[Gen1Use, ...]
    unread: tuple[Unread, ...]
    files: int


def scan(root: Path) -> Scan:
    """Look through a file or a folder and all below it. Links are not followed, and folders of
    installed packages are left out."""
    uses: list[Gen1Use] = []
    unread: list[Unread] = []
    count = 0
    for path in _files(root, unread):
        count += 1
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                unread.append(Unread(path, "not a file"))
            elif status.st_size > _MAX_BYTES:
                unread.append(Unread(path, f"larger than {_MAX_BYTES / 1e6:.0f} MB"))
            elif path.suffix == ".py":
                uses += in_python(path)
            else:
                uses += in_script(path, path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            unread.append(Unread(path, "not UTF-8 text"))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            where = f" (line {line})" if line else ""
            unread.append(Unread(path, f"not Python 3{where}"))
        except (RecursionError, MemoryError):  # the parser's word for too many brackets
            unread.append(Unread(path, "nested too deeply"))
        except OSError as error:
            unread.append(Unread(path, error.strerror or str(error)))
    return Scan(tuple(sorted(uses, key=lambda u: (u.path, u.line))), tuple(unread), count)


def _files(root: Path, unread: list[Unread]) -> Iterator[Path]:
    if not root.is_dir():
        yield root
        return

    def told(error: OSError) -> None:
        unread.append(Unread(Path(error.filename), error.strerror or str(error)))

    for folder, folders, names in os.walk(root, onerror=told):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder) / name
            if (path.suffix in _SUFFIXES or name in _NAMES) and not path.is_symlink():
                yield path
