"""What failures say, without what varies in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from nbkit.failures import error_text

Bools = npt.NDArray[np.bool_]
QUOTA = r"(?i)\b429\b|too many requests|quota|rate[ _-]?limit|ratelimit|throttl|resource_?exhausted"
_VARYING = (
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+)?", "#"),
    (r"[0-9a-f]{8}-[0-9a-f-]{27}", "#"),
    (r"[0-9]+", "#"),
)


def signatures(texts: pd.Series) -> npt.NDArray[np.int64]:
    """A number for each message without what varies in it, whatever the shape of its JSON; -1 where
    there is none."""
    codes, values = pd.factorize(texts)
    shapes = pd.Series([error_text(value)[0] for value in values], dtype="str")
    for pattern, mark in _VARYING:
        shapes = shapes.str.replace(pattern, mark, regex=True)
    return np.append(pd.factorize(shapes)[0], -1)[codes].astype(np.int64)


def about(texts: pd.Series, pattern: str) -> Bools:
    """Which texts match, each distinct one asked once; null does not."""
    codes, values = pd.factorize(texts)
    found = pd.Series(values, dtype="str").str.contains(pattern).to_numpy(dtype=bool)
    return np.append(found, False)[codes]
