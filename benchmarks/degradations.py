"""How many degradations each judge finds, how soon, and how often it alarms on clean histories.

    python benchmarks/degradations.py [--count 100] [--seed 0] [--style day|run] [--judge NAME ...]

Every history is judged anew each day, as a scheduler would: clean ones in their last week, degraded
ones in the 14 days since the onset. Printed for each judge with the setting of its documentation,
and where that alarms on more than 1 % of the clean days, with the first stricter one that does not.
A delay of 0 is an alarm on the day of the onset; `flaps` are alarms that ended while the
degradation went on.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta
from itertools import pairwise

import numpy as np
from processor_histories import DEGRADATIONS, ProcessorHistory, processor_history
from run_histories import run_history
from trend_judges import Judge, judges

STYLES = {"day": processor_history, "run": run_history}
BAD_DAYS = 14


def week(judge: Judge, history: ProcessorHistory, knob: float) -> list[bool]:
    days = [history.end - timedelta(days=back) for back in range(7)]
    return [judge.says(history.up_to(day), knob) for day in days]


def clean_rates(judge: Judge, clean: list[ProcessorHistory], knob: float) -> tuple[float, float]:
    """Share of days and of weeks with an alarm."""
    said = np.array([week(judge, history, knob) for history in clean])
    return float(said.mean()), float(said.any(axis=1).mean())


def followed(judge: Judge, history: ProcessorHistory, knob: float) -> tuple[int | None, int]:
    """Days from the onset to the first alarm, and how often one ended since."""
    assert history.onset is not None
    days = [history.onset + timedelta(days=day) for day in range(BAD_DAYS)]
    said = [judge.says(history.up_to(day), knob) for day in days]
    flaps = sum(before and not after for before, after in pairwise(said))
    return (said.index(True) if any(said) else None), flaps


def report(judge: Judge, histories: dict[str, list[ProcessorHistory]], knob: float) -> None:
    everything: list[int] = []
    count = 0
    for kind in DEGRADATIONS:
        told = [followed(judge, history, knob) for history in histories[kind]]
        delays = [delay for delay, _ in told if delay is not None]
        everything += delays
        count += len(told)
        median = f"{np.median(delays):4.1f}" if delays else "   –"
        print(
            f"    {kind:10s} {len(delays) / len(told):5.0%} found, median delay {median} d, "
            f"{np.mean([flaps for _, flaps in told]):.2f} flaps"
        )
    median = f"{np.median(everything):4.1f}" if everything else "   –"
    print(f"    {'together':10s} {len(everything) / count:5.0%} found, median delay {median} d")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="histories of each degradation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", choices=sorted(STYLES), action="append")
    parser.add_argument("--judge", action="append", help="part of a name; may come several times")
    options = parser.parse_args()
    chosen = [
        judge
        for judge in judges()
        if not options.judge or any(part in judge.name for part in options.judge)
    ]
    for style in options.style or sorted(STYLES):
        make, first = STYLES[style], 1_000_000 * options.seed
        histories = {"clean": [make(first + n) for n in range(4 * options.count)]}
        for kind in DEGRADATIONS:
            histories[kind] = [make(first + 500_000 + n, kind) for n in range(options.count)]
        for judge in chosen:
            started = time.process_time()
            knob = judge.default
            day, any_day = clean_rates(judge, histories["clean"], knob)
            spent = (time.process_time() - started) / (7 * 4 * options.count)
            print(f"{judge.name}, histories by {style}, {1e3 * spent:.1f} ms a judgement")
            print(f"  default ({knob:g}): clean {day:.2%} a day, {any_day:.1%} a week")
            report(judge, histories, knob)
            if day <= 0.01:
                continue
            for knob in judge.stricter:
                day, any_day = clean_rates(judge, histories["clean"], knob)
                if day <= 0.01:
                    print(f"  at {knob:g}: clean {day:.2%} a day, {any_day:.1%} a week")
                    report(judge, histories, knob)
                    break
            else:
                print("  no setting alarms on at most 1 % of the clean days")


if __name__ == "__main__":
    main()
