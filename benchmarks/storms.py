"""How well nbkit names the cause of failure storms, and foretells what fixes do, on made worlds.

For each kind of world and each variant of its history: the cause named right, false alarms, how far
off the window is, errors of the what-if predictions in percentage points, seconds. The worlds are
those of tests/worlds (docs/decisions/0014-storm-worlds.md).

    python benchmarks/storms.py [--count 5] [--first 1000] [--kinds poison_message,busy_sundays]
        [--variants full,no_category] [--through-cli 0] [--wrong]
    python benchmarks/storms.py --describe     # the worlds alone: sizes and true reductions
    python benchmarks/storms.py --rows 270000 [--through-cli 1]   # speed on big ones
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from worlds import BENIGN, CAUSES, FIXES, KINDS, MIXTURES, VARIANTS, World, build_world
from worlds.files import replicate, write_warehouse
from worlds.judging import Score, score

AIM_POINTS = 15.0


@dataclass(frozen=True)
class Judged:
    kind: str
    seed: int
    variant: str
    truth: str
    score: Score
    seconds: float


def in_process(url: str, world: World) -> list[dict[str, object]]:
    """The findings of the question itself, without kernel and report."""
    from nbkit.questions.retry_storm import retry_storm

    report = retry_storm(url, as_of=world.as_of)
    return list(report.judgement.to_json()["findings"])


def through_cli(url: str, world: World) -> list[dict[str, object]]:
    """What `nbkit run retry_storm` leaves in findings.json."""
    with TemporaryDirectory() as out:
        nbkit = str(Path(sys.executable).with_name("nbkit"))
        asked = ["--warehouse", url, "--as-of", world.as_of.isoformat(), "--out", out, "--quiet"]
        done = subprocess.run(
            [nbkit, "run", "retry_storm", *asked],
            capture_output=True,
            text=True,
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(f"nbkit run exits {done.returncode}: {done.stderr.strip()}")
        path = Path(done.stdout.strip().splitlines()[-1])
        return list(json.loads(path.read_text())["findings"])


def judge(
    kinds: list[str], variants: list[str], *, count: int, first: int, cli: int, rows: int
) -> Iterator[Judged]:
    with TemporaryDirectory() as folder:
        for kind in kinds:
            for seed in range(first, first + count):
                world = build_world(kind, seed)
                for variant in variants:
                    path = Path(folder) / f"{kind}-{seed}-{variant}.duckdb"
                    # In no order, and every other one as those write it who know no zones.
                    history = VARIANTS[variant](world.history).sample(frac=1, random_state=seed)
                    url = write_warehouse(history, path, naive=bool(seed % 2))
                    if rows:
                        replicate(path, rows)
                    ask = through_cli if seed - first < cli else in_process
                    started = time.perf_counter()
                    try:
                        findings = ask(url, world)
                    except Exception as problem:
                        findings = None
                        told = f"{type(problem).__name__}: {problem}"[:200]
                    seconds = time.perf_counter() - started
                    if findings is None:  # what it cannot judge, it judges wrong
                        found = Score(named=told, alarms=("raised",))
                    else:
                        found = score(world, findings)
                    answer = found.named or "nothing"
                    line = f"{kind} {seed} {variant}: {answer}, {seconds:.1f} s"
                    print(line, file=sys.stderr, flush=True)
                    yield Judged(kind, seed, variant, world.truth.cause, found, seconds)
                    path.unlink()


def describe(kinds: list[str], *, count: int, first: int) -> None:
    for kind in kinds:
        for seed in range(first, first + count):
            world = build_world(kind, seed)
            truth = world.truth
            line = f"{kind:24s} {seed:5d} {len(world.history):6d} rows"
            if not truth.benign:
                lasts = truth.windows[-1].end - truth.windows[-1].start
                saved = " ".join(f"{fix} {world.what_if(fix).reduction:4.0%}" for fix in FIXES)
                each = truth.attempts / truth.messages
                line += (
                    f" {truth.failures:6d} failures {each:5.1f} runs a message"
                    f" {len(truth.windows)} x {lasts} {saved} {truth.cause}"
                )
            print(line)


def tell(judged: list[Judged], *, wrong: bool) -> None:
    by_kind: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for each in judged:
        by_kind[each.variant, each.kind].append(each)
    print(f"{'variant':18s}{'kind':24s}   n right there alarm  onset    end  fits", end="")
    print("".join(f"{fix:>16s}" for fix in FIXES), "seconds")
    for (variant, kind), own in by_kind.items():
        scores = [each.score for each in own]
        cells = f"{variant:18s}{kind:24s}{len(own):4d}"
        if kind in BENIGN:
            cells += f"{'':13s}{_share([bool(s.alarms) for s in scores])}{'':69s}"
        else:
            cells += _share([s.right for s in scores]) + _share([s.present for s in scores])
            cells += _share([bool(s.alarms) for s in scores])
            cells += _median([s.onset_min for s in scores]) + _median([s.end_min for s in scores])
            cells += _share([s.fits for s in scores])
            for fix in FIXES:
                cells += _errors([s.points[fix] for s in scores if fix in s.points])
        print(cells, f"{statistics.median(each.seconds for each in own):7.2f}")
    for variant in dict.fromkeys(each.variant for each in judged):
        own = [each for each in judged if each.variant == variant]
        pure = [each for each in own if each.kind in CAUSES]
        mixed = [each for each in own if each.kind in MIXTURES]
        apart = [each for each in mixed if each.score.apart is not None]
        calm = [each for each in own if each.kind in BENIGN]
        errors = [abs(p) for each in pure for p in each.score.points.values()]
        bounds = [held for each in pure for held in each.score.inside.values()]
        print(
            f"{variant}: cause named right{_share([e.score.right for e in pure])} of {len(pure)};"
            f" mixtures{_share([e.score.right for e in mixed])} main,"
            f"{_share([e.score.present for e in mixed])} one of them, of {len(mixed)};"
            f" two storms apart both named{_share([e.score.apart for e in apart])};"
            f" alarms on benign{_share([bool(e.score.alarms) for e in calm])} of {len(calm)};"
            f" what-if within {AIM_POINTS:.0f} points{_share([e <= AIM_POINTS for e in errors])}"
            f" of {len(errors)}, truth within the bounds{_share(bounds)}"
        )
        print(_confusion(own))
    if wrong:
        for each in judged:
            badly = {fix: round(p) for fix, p in each.score.points.items() if abs(p) > AIM_POINTS}
            alarmed = each.kind in BENIGN and each.score.alarms
            if alarmed or badly or (each.truth and not each.score.right):
                print(
                    f"{each.kind} {each.seed} {each.variant}: {each.truth or 'benign'} "
                    f"named {each.score.named or '-'} {badly or ''}"
                )


def _share(flags: Sequence[bool | None]) -> str:
    return f"{sum(map(bool, flags)) / len(flags):6.0%}" if flags else f"{'-':>6s}"


def _median(values: list[float | None]) -> str:
    known = [abs(value) for value in values if value is not None]
    return f"{statistics.median(known):5.0f} m" if known else f"{'-':>7s}"


def _errors(points: list[float]) -> str:
    """Mean absolute error, and the share beyond the aim."""
    if not points:
        return f"{'-':>16s}"
    sizes = [abs(point) for point in points]
    beyond = sum(size > AIM_POINTS for size in sizes) / len(sizes)
    return f"{statistics.fmean(sizes):6.1f} ({beyond:3.0%} >)"


def _confusion(judged: list[Judged]) -> str:
    counts = Counter((each.truth or each.kind, each.score.named or "-") for each in judged)
    lines = [
        f"    {truth:24s} -> {named:24s}{count:4d}"
        for (truth, named), count in sorted(counts.items())
        if truth != named
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=5, help="worlds of each kind")
    parser.add_argument("--first", type=int, default=1000, help="the first seed")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--variants", default="full,no_category")
    parser.add_argument("--through-cli", type=int, default=0, help="worlds of each kind")
    parser.add_argument("--rows", type=int, default=0, help="at least so many, by copies")
    parser.add_argument("--wrong", action="store_true", help="list every world judged wrong")
    parser.add_argument("--describe", action="store_true", help="do not judge")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    if options.describe:
        describe(kinds, count=options.count, first=options.first)
        return
    tell(
        list(
            judge(
                kinds,
                options.variants.split(","),
                count=options.count,
                first=options.first,
                cli=options.through_cli,
                rows=options.rows,
            )
        ),
        wrong=options.wrong,
    )


if __name__ == "__main__":
    main()
