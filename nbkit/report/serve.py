"""Show the reports of a folder to a browser on this machine, and nothing else to anybody."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nbkit.errors import InputError

HOST = "127.0.0.1"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".ipynb": "application/json; charset=utf-8",
}


def make_server(folder: Path, *, port: int) -> ThreadingHTTPServer:
    """A server on the loopback address only. `port` 0 takes a free one.

    Raises:
        InputError: no such folder, or the port is taken.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. `nbkit run NOTEBOOK` makes a first report.")
    try:
        return ThreadingHTTPServer((HOST, port), partial(_Reports, folder=folder.resolve()))
    except OSError as error:
        raise InputError(f"Port {port} cannot be used: {error}. Give another --port.") from error


class _Reports(SimpleHTTPRequestHandler):
    """Serves the files of a store: no hidden file, no listing, nothing outside the folder."""

    server_version = "nbkit"
    sys_version = ""

    def __init__(self, *arguments: Any, folder: Path) -> None:
        self._folder = folder
        super().__init__(*arguments, directory=str(folder))

    def send_head(self) -> Any:
        # Another site's page could point its own name at 127.0.0.1 to read the reports.
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if host not in ("127.0.0.1", "localhost"):
            self.send_error(HTTPStatus.FORBIDDEN)
            return None
        file = self._file()
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        self.path = "/" + file.relative_to(self._folder).as_posix()
        return super().send_head()

    def translate_path(self, path: str) -> str:
        return str(self._folder / path.lstrip("/"))

    def guess_type(self, path: Any) -> str:
        return _TYPES.get(Path(path).suffix, "application/octet-stream")

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass  # the command prints where to look; a line per request helps nobody

    def _file(self) -> Path | None:
        """The file that is asked for, with links followed; None unless it is one of ours."""
        asked = [part for part in unquote(urlsplit(self.path).path).split("/") if part]
        if any(part.startswith(".") or "\0" in part for part in asked):
            return None
        file = self._folder.joinpath(*asked).resolve()
        if file.is_dir():
            file = file / "index.html"
        return file if file.is_relative_to(self._folder) and file.is_file() else None
