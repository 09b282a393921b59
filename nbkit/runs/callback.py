"""Callbacks of a guard: what must not hold up the end of the work when it hangs itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger("nbkit.guard")
_LAST_BEAT_S = 5.0


def within(limit_s: float, call: Callable[[], object]) -> None:
    """Call it and wait so long: an error is logged, a hang left behind."""
    thread = threading.Thread(
        target=_logged, args=(call,), name="nbkit-guard-callback", daemon=True
    )
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        _log.error("A callback of the guard took longer than %s s; the work is ended", limit_s)


class BeatThread:
    """Calls `on_beat` after signs of life; those that come while it runs are one call."""

    def __init__(self, on_beat: Callable[[], object] | None) -> None:
        self._on_beat = on_beat
        self._change = threading.Condition()
        self._waiting = False
        self._over = False
        self._thread = threading.Thread(target=self._run, name="nbkit-guard-beats", daemon=True)

    def __enter__(self) -> BeatThread:
        if self._on_beat is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._over = True
            self._change.notify()
        if self._on_beat is not None:
            self._thread.join(_LAST_BEAT_S)

    def beat(self) -> None:
        """A sign of life came."""
        with self._change:
            self._waiting = True
            self._change.notify()

    def _run(self) -> None:
        assert self._on_beat is not None
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    return
                self._waiting = False
            _logged(self._on_beat)


def _logged(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception:
        _log.exception("A callback of the guard failed")
