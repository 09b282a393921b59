"""How long `assess` takes: for a platform, for ten thousand histories, and as histories grow.

    python benchmarks/assessments.py [--count 1000]

Seconds of one core. Five metrics of each history are judged: the level and the scatter of
durations, failure rate, records and runs. Ratios are to one change-point search of the same
durations with ruptures (PELT in C, where it is installed), which finds no more than where they
moved.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
import pandas as pd
from processor_histories import processor_history

from nbkit.analysis.trends import assess


def seconds(act: Callable[[pd.DataFrame], object], frames: Sequence[pd.DataFrame]) -> float:
    act(frames[0])
    started = time.process_time()
    for frame in frames:
        act(frame)
    return time.process_time() - started


def pelt(frame: pd.DataFrame) -> object:
    import ruptures

    values = np.log(frame["p95_duration"].dropna().to_numpy())[:, None]
    search = ruptures.KernelCPD(kernel="linear", min_size=2)
    return search.fit_predict(values, pen=2 * np.log(len(values)) * values.var())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="histories that are timed")
    count = parser.parse_args().count
    frames = [processor_history(n).frame for n in range(count)]
    spent = seconds(assess, frames)
    print(f"{1e3 * spent / count:.2f} ms a history of 90 days")
    print(f"{55 * spent / count:.2f} s for 55 processors, {1e4 * spent / count:.0f} s for 10,000")
    if find_spec("ruptures"):
        print(f"{spent / seconds(pelt, frames):.1f} x PELT of the durations alone")
    for days in (45, 90, 180, 360, 720, 1440):
        longer = [processor_history(n, days=days).frame for n in range(max(count // 10, 10))]
        print(f"{days:5d} days: {1e3 * seconds(assess, longer) / len(longer):.2f} ms")


if __name__ == "__main__":
    main()
