"""What the page says, read from its HTML. How it looks and behaves: test_browser.py."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from bs4 import BeautifulSoup
from report_samples import code, emitted, finding, markdown, notebook, page, shown

from nbkit.errors import CellFailed
from nbkit.findings import FINDINGS_MIMETYPE
from nbkit.report.fit import get_ready, render_within
from nbkit.report.outcome import Cell, Failure
from nbkit.report.page import Page, counted, inline_code
from nbkit.report.render import render

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


def ran(*cells: dict[str, Any], title: str = "Is all well?") -> dict[str, Any]:
    """A notebook as it is after a run: with ids."""
    made = notebook(*cells, title=title)
    for number, cell in enumerate(made["cells"], start=1):
        cell["id"] = f"cell-{number}"
    return made


def read(made: dict[str, Any], about: Page | None = None) -> BeautifulSoup:
    return BeautifulSoup(render(made, about or page(emitted())), "html.parser")


def test_the_verdict_comes_first_in_word_icon_and_colour() -> None:
    html = read(ran(markdown("## Later")), page(emitted("RED", finding())))
    assert html.h1.get_text() == "Is all well?"
    assert html.body["class"] == ["verdict-red"]
    section = html.find(id="verdict")
    assert section.select_one("svg.icon") is not None
    assert section.get_text(" ", strip=True) == "RED Needs action 1 critical"
    first = html.get_text(" ", strip=True)
    assert first.index("Needs action") < first.index("Later")
    assert html.title.get_text() == "RED · Is all well? · 2026-01-13 12:00 UTC"


def test_a_finding_shows_what_a_tired_person_needs() -> None:
    html = read(ran(), page(emitted("RED", finding(title="The `raw` phase is silent"))))
    card = html.select_one("li.finding")
    assert card.select_one(".finding-title code").get_text() == "raw"
    said = card.get_text(" ", strip=True)
    for part in (
        *("critical", "data-platform", "2026-01-12 03:00 UTC", "silent-processor.md"),
        *("gcloud logging read", "30,579", "0.273"),
    ):
        assert part in said
    assert card.select_one("details.evidence").get("open") is None


def test_many_findings_fold_and_notes_never_crowd_out_alerts() -> None:
    alerts = [finding("warning", f"Warning {n}", n) for n in range(11)]
    html = read(ran(), page(emitted("YELLOW", *alerts, finding("info", "A note", 99))))
    assert len(html.select("main > section > ol > li.finding")) == 8
    folds = [fold.summary.get_text() for fold in html.select("details.rest")]
    assert folds == ["and 3 more that need attention", "1 for information"]


def test_the_contents_list_points_to_every_heading_once() -> None:
    html = read(
        ran(markdown("## Why?\n\ntext"), markdown("### In detail"), markdown("## Why?")),
        page(emitted("RED", finding())),
    )
    entries = [(a["href"], a.get_text()) for a in html.select(".contents a")]
    assert entries == [
        ("#findings", "Findings"),
        ("#why", "Why?"),
        ("#in-detail", "In detail"),
        ("#why-2", "Why?"),
        ("#about", "About this report"),
    ]
    for target, _ in entries:
        assert len(html.select(target)) == 1


def test_code_is_behind_a_switch_and_parameters_stand_at_the_foot() -> None:
    html = read(ran(code("answer = 41 + 1"), code("secret = 1", tags=("remove_cell",))))
    assert html.select_one("input#show-code") is not None
    assert "answer = 41 + 1" in html.select_one("div.code").get_text()
    assert "secret" not in html.get_text()
    foot = html.footer.get_text(" ", strip=True)
    assert "days 7" in foot
    assert "2026-01-12 12:00 UTC to 2026-01-13 12:00 UTC" in foot
    assert "0123456789ab" in foot
    assert "hourly_counts 4,211 not billed" in foot


def test_data_is_text_never_markup() -> None:
    hostile = '<script>alert(1)</script><img src=x onerror="alert(1)">'
    about = page(emitted("RED", finding(title=hostile, next_step=hostile, owner=hostile)))
    html = read(ran(shown_text(hostile), title=f"Is `{hostile}` well?"), about)
    assert not html.find_all("script")
    assert not html.find_all("img")
    assert html.select_one(".finding-title").get_text() == hostile


def shown_text(text: str) -> dict[str, Any]:
    return code("x", {"output_type": "stream", "name": "stdout", "text": text})


@pytest.mark.parametrize(
    "planted",
    [
        shown(
            html="<table><caption><script>alert(1)</script>c</caption><tr><td>1</td></tr></table>"
        ),
        shown(javascript="alert(1)"),
        shown(markdown="<script>alert(1)</script>\n\n[x](javascript:alert(1))"),
        shown(html="<div><img src=x onerror=alert(1)>", plain="text"),
        shown(svg="<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ],
)
def test_nothing_planted_in_an_output_stays_alive(planted: dict[str, Any]) -> None:
    html = read(ran(code("x", planted)))
    assert not html.find_all("script")
    assert not [tag for tag in html.find_all(True) for name in tag.attrs if name.startswith("on")]
    assert "javascript:" not in str(html)


def test_an_output_of_script_alone_leaves_its_plain_text() -> None:
    html = read(ran(code("x", shown(html="<script>draw()</script>", plain="a drawing"))))
    assert html.select_one("pre.output").get_text() == "a drawing"


def test_figures_carry_their_words() -> None:
    told = shown(png=PIXEL, plain="Failures by hour: 12 real.")
    told["metadata"] = {"image/png": {"alt": "Failures by hour", "width": 800}}
    html = read(ran(code("x", told), code("x", shown(png=PIXEL, plain="<Figure size 1x1>"))))
    assert [(i["alt"], i.get("width")) for i in html.select("figure img")] == [
        ("Failures by hour", "800"),
        ("Figure without a description", None),
    ]
    assert html.img["src"] == f"data:image/png;base64,{PIXEL}"


def test_warnings_of_a_step_are_folded_and_colour_codes_removed() -> None:
    noise = {"output_type": "stream", "name": "stderr", "text": "\x1b[31mUserWarning\x1b[0m: x"}
    html = read(ran(code("x", noise)))
    assert html.select_one("details.messages pre").get_text() == "UserWarning: x"


def test_a_failed_run_says_where_and_why_and_shows_nothing_after_it() -> None:
    made = ran(markdown("## Before"), code("1 / 0"), markdown("## After"))
    stopped = Cell(id="cell-4", number=4, question="Before", seconds=None)
    failure = Failure(
        error=CellFailed, reason="ValueError: no <b>", cell=stopped, traceback="Traceback <x>"
    )
    html = read(made, page(failure=failure))
    box = html.find(id="failure")
    assert 'Cell 4 of 9 ("Before")' in box.get_text()
    assert "ValueError: no <b>" in box.get_text()
    assert box.select_one("details pre").get_text() == "Traceback <x>"
    assert html.body["class"] == ["verdict-unknown"]
    assert "The report did not finish" in html.find(id="verdict").get_text()
    assert html.select_one(".stopped").get_text() == "The report stopped here: ValueError: no <b>"
    assert html.find(id="before") is not None
    assert html.find(id="after") is None


def test_the_page_asks_nobody_for_anything() -> None:
    html = read(ran(markdown("![x](https://example.org/x.png)"), code("x", shown(png=PIXEL))))
    policy = html.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert not html.find_all(["script", "link", "iframe", "object", "embed", "base"])
    for image in html.find_all("img"):
        assert str(image.get("src", "data:")).startswith("data:")
    assert "url(" not in html.style.get_text()
    assert "@import" not in html.style.get_text()


def test_the_same_run_gives_the_same_bytes_and_is_not_changed() -> None:
    made = ran(code("x", shown(html="<table><tr><td>1</td></tr></table>", plain="t")))
    before = copy.deepcopy(made)
    about = page(emitted("RED", finding()))
    assert render(made, about) == render(made, about)
    assert made == before


def test_the_judgement_itself_is_not_printed_a_second_time() -> None:
    said = {"output_type": "display_data", "metadata": {}, "data": {FINDINGS_MIMETYPE: {}}}
    said["data"]["text/plain"] = "RED: 1 finding"
    assert "RED: 1 finding" not in read(ran(code("nb.emit(x)", said))).get_text()


def test_a_report_too_large_loses_its_largest_output_and_says_so() -> None:
    large = shown(html=f"<p>{'words ' * 60_000}</p>")
    small = shown(html="<p>the small one stays</p>")
    html = render_within(ran(code("x", large), code("y", small)), page(emitted()), limit=200_000)
    assert len(html.encode()) <= 200_000
    assert "the small one stays" in html
    assert "Left out here, because the report would be larger than 1 MB" in html


def test_large_pictures_are_reduced_before_anything_is_left_out() -> None:
    import base64
    import io

    import numpy as np
    from PIL import Image

    smooth = np.linspace(0, 255, 600 * 400 * 3).reshape(400, 600, 3).astype("uint8")
    noisy = smooth + np.random.default_rng(1).integers(0, 3, smooth.shape, dtype="uint8")
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, format="png")
    picture = shown(png=base64.b64encode(buffer.getvalue()).decode())
    limit = int(len(picture["data"]["image/png"]) * 0.9)
    html = render_within(ran(code("x", picture)), page(emitted()), limit=limit)
    assert len(html.encode()) <= limit
    assert "<figure" in html
    assert "Left out" not in html


def test_backticks_become_code_and_a_lonely_one_stays() -> None:
    assert str(inline_code("run `a <b>` now")) == "run <code>a &lt;b&gt;</code> now"
    assert str(inline_code("it`s")) == "it`s"
    assert json.dumps(counted({"critical": 2, "warning": 1, "info": 3})) == (
        '"2 critical, 1 warning, 3 notes"'
    )


def test_getting_ready_changes_nothing_of_what_is_rendered() -> None:
    made, about = ran(markdown("# A\n*b*"), code("1")), page(emitted())
    before = render_within(made, about)
    get_ready()
    assert render_within(made, about) == before
