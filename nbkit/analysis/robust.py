"""Scale, level and memory of a noisy series, none of which a lone outlier moves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAD_TO_DEVIATION = 1.4826  # of a normal distribution (Rousseeuw & Croux 1993)


def deviation(rest: Floats) -> float:
    """The standard deviation about zero, told by the median of the absolute values; 0 where most
    values are zero."""
    return MAD_TO_DEVIATION * float(np.median(np.abs(rest)))


def running_median(series: Floats, reach: int, *, beyond: str = "edge") -> Floats:
    """The median of each point and the `reach` points on either side of it.

    Args:
        beyond: what stands for points before the first and after the last, as in `numpy.pad`.
    """
    if beyond == "edge" and series.size:
        # As `numpy.pad` does, ten times as fast.
        ends = np.repeat(series[0], reach), np.repeat(series[-1], reach)
        padded = np.concatenate([ends[0], series, ends[1]])
    elif beyond == "reflect" and series.size > reach:
        padded = np.concatenate([series[reach:0:-1], series, series[-2 : -reach - 2 : -1]])
    else:
        padded = np.pad(series, reach, mode=beyond)  # type: ignore[call-overload]  # by name
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    # Odd windows: the middle one of each, without what numpy.median checks besides.
    return np.asarray(np.partition(windows, reach, axis=1)[:, reach])


def autocorrelation(rest: Floats, *, most: float) -> float:
    """How much of a point's deviation the next one keeps, from 0 to `most`: corrected for the bias
    of about (1 + 4ρ) / n in short series (Marriott & Pope 1954); 0 of a constant."""
    squares = float(rest @ rest)
    raw = float(rest[1:] @ rest[:-1]) / squares if squares > 0 else 0.0
    return float(np.clip(raw + (1 + 4 * max(raw, 0)) / rest.size, 0.0, most))
