"""The figure of the trends report: its title states the finding, its panels show what is ahead."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from nbkit import figures
from nbkit.analysis.trends.outlook import Outlook, outlook
from nbkit.registry import ProcessorRegistry, load_registry

sys.path.insert(0, str(Path(__file__).resolve().parent / "analysis"))
from trend_histories import AS_OF, history, no_works


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def found(registry: ProcessorRegistry, *own: pd.DataFrame) -> Outlook:
    return outlook(pd.concat(own), no_works(), registry, as_of=AS_OF)


def texts(figure: figures.Figure) -> str:
    return " ".join(t.get_text() for axes in figure.canvas.axes for t in axes.texts)


def test_a_drift_is_drawn_up_to_its_timeout(registry: ProcessorRegistry) -> None:
    # 60 s, 8 % a day: 45 days to half an hour, of which 20 are over.
    drawn = figures.worsening_panels(
        found(registry, history("PlayerDailyCacheProcessor", growth=0.08, changed=20))
    )
    assert drawn.title.startswith("PlayerDailyCacheProcessor has grown slower since")
    assert "timeout of 30\u00a0min is reached on 2026-0" in drawn.alt
    (axes,) = drawn.canvas.axes
    assert "timeout 30\u00a0min" in texts(drawn)
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[1] > 1_800
    assert len(drawn.png()) > 10_000


def test_a_timeout_far_away_does_not_squeeze_the_history(registry: ProcessorRegistry) -> None:
    slow = history("PlayerDailyCacheProcessor", days=40, growth=0.03, changed=16)
    drawn = figures.worsening_panels(found(registry, slow))
    (axes,) = drawn.canvas.axes
    assert axes.get_xlim()[1] <= 2.3 * 40
    assert len(drawn.png()) > 10_000


def test_each_metric_has_its_panel_and_rates_a_plain_scale(registry: ProcessorRegistry) -> None:
    drawn = figures.worsening_panels(
        found(
            registry,
            history("MLFeatureStoreProcessor", step=2, changed=9),
            history("BdlStandingsProcessor", failing_now=0.3, changed=9),
            history("NbacGamebookProcessor", records_now=80, changed=9),
        )
    )
    scales = {axes.get_title(loc="left"): axes.get_yscale() for axes in drawn.canvas.axes}
    assert scales == {
        "NbacGamebookProcessor": "log",
        "MLFeatureStoreProcessor": "log",
        "BdlStandingsProcessor": "linear",
    }
    assert drawn.title.startswith("All 3 processors are getting worse; first, NbacGamebook")
    assert len(drawn.png()) > 10_000


def test_more_changes_than_panels_are_counted(registry: ProcessorRegistry) -> None:
    names = ("MLFeatureStoreProcessor", "BdlStandingsProcessor", "NbacGamebookProcessor")
    worse = [history(name, step=2, changed=9, seed=n) for n, name in enumerate(names)]
    drawn = figures.worsening_panels(found(registry, *worse), most=2)
    assert len(drawn.canvas.axes) == 2
    assert "1 more in the table" in str(drawn.canvas.get_supxlabel())


def test_nothing_worse_and_nothing_known_are_different_titles(registry: ProcessorRegistry) -> None:
    clean = figures.worsening_panels(found(registry, history("MLFeatureStoreProcessor")))
    assert clean.title == "None of 1 processor with enough history is getting worse"
    short = figures.worsening_panels(found(registry, history("MLFeatureStoreProcessor", days=5)))
    assert short.title == "No processor has enough history to tell a trend"
    assert clean.png()
    assert short.alt
