"""A question that several tests put to the same warehouse is answered once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest


@contextmanager
def asked_once(module: ModuleType, name: str) -> Iterator[None]:
    """Within it the question `module.name` keeps its reports, which are frozen, by its arguments.

    For warehouses that nobody writes meanwhile, and for tests of what is made of a report.
    """
    question: Callable[..., Any] = getattr(module, name)
    reports: dict[str, Any] = {}

    def asked(*args: object, **more: object) -> Any:
        key = repr((args, sorted(more.items())))
        if key not in reports:
            reports[key] = question(*args, **more)
        return reports[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, name, asked)
        yield
