"""The report in a real browser: nothing is asked for, nothing planted runs, everything fits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from report_samples import code, emitted, finding, markdown, notebook, page, shown

from nbkit.findings import Verdict
from nbkit.report.archive import Run
from nbkit.report.index_page import render_index
from nbkit.report.outcome import ExitState
from nbkit.report.page import CSP
from nbkit.report.render import render
from nbkit.tables import Column, Table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
LONG = "NbaPlayerPropsPredictionGradingAggregateProcessor"
PLANTS = "window.planted = (window.planted || 0) + 1"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield running
        running.close()


class Visit:
    """A page opened from a file, with everything that it asked for and complained about."""

    def __init__(self, browser: Browser, file: Path, *, width: int, dark: bool = False) -> None:
        self.page: Page = browser.new_page(
            viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
        )
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(file.as_uri())
        self.own = file.as_uri()

    def strangers(self) -> list[str]:
        return [url for url in self.requests if url != self.own and not url.startswith("data:")]


def sample() -> dict[str, Any]:
    table = Table.of(
        [Column("Processor"), Column("Runs", "count"), Column("Example", "code")],
        [(LONG, 1234 * n, f"403 {LONG} exceeded quota for {'x' * 60}") for n in range(14)],
        empty="-",
    )
    html = table._repr_html_()
    made = notebook(
        markdown(f"## What does {LONG}{LONG} do?\n\n`{'unbroken' * 20}`"),
        code(f"call({'argument, ' * 30})", shown(html=html)),
        code("x", {"output_type": "stream", "name": "stdout", "text": "wide " * 80}),
    )
    for number, cell in enumerate(made["cells"], start=1):
        cell["id"] = f"cell-{number}"
    return made


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "index.html"
    findings = [finding(title=f"{LONG} is silent", number=n) for n in range(3)]
    file.write_text(render(sample(), page(emitted("RED", *findings))))
    return file


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_asks_for_nothing_and_fits(
    browser: Browser, report: Path, width: int, dark: bool
) -> None:
    visit = Visit(browser, report, width=width, dark=dark)
    assert visit.strangers() == []
    assert visit.complaints == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    box = visit.page.locator("#verdict").bounding_box()
    assert box is not None
    assert box["y"] < 300, "the verdict is on the first screen"


def contrast(page: Page, selector: str) -> float:
    """WCAG contrast of an element's text with the page's ground."""
    return float(
        page.evaluate(
            """selector => {
              const light = text => {
                const parts = text.match(/[\\d.]+/g).slice(0, 3).map(Number).map(part => {
                  const share = part / 255
                  return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
                })
                return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
              }
              const element = document.querySelector(selector)
              let ground = element
              while (/, 0\\)|transparent/.test(getComputedStyle(ground).backgroundColor))
                ground = ground.parentElement
              const pair = [light(getComputedStyle(element).color),
                            light(getComputedStyle(ground).backgroundColor)].sort((a, b) => b - a)
              return (pair[0] + 0.05) / (pair[1] + 0.05)
            }""",
            selector,
        )
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_can_be_read_in_light_and_dark(
    browser: Browser, tmp_path: Path, verdict: Verdict, dark: bool
) -> None:
    file = tmp_path / "index.html"
    file.write_text(render(sample(), page(emitted(verdict.value, finding("warning")))))
    visit = Visit(browser, file, width=1280, dark=dark)
    for selector in (".verdict-word", ".verdict-summary", ".severity", ".meta span", "dt", "td"):
        assert contrast(visit.page, selector) >= 4.5, selector


def test_the_switches_work_without_a_script(browser: Browser, report: Path) -> None:
    seen = Visit(browser, report, width=390).page
    assert not seen.locator(".code").first.is_visible()
    seen.get_by_text("Show code").click()
    assert seen.locator(".code").first.is_visible()
    assert not seen.locator(".contents ol").is_visible()
    seen.get_by_text("Contents", exact=True).click()
    assert seen.locator(".contents ol").is_visible()
    assert seen.locator("tbody tr:visible").count() == 10
    seen.get_by_text("and 4 more").click()
    assert seen.locator("tbody tr:visible").count() == 14


def test_what_is_planted_does_not_run(browser: Browser, tmp_path: Path) -> None:
    alive = f'<script>{PLANTS}</script><img src=x onerror="{PLANTS}"><svg onload="{PLANTS}"></svg>'
    made = notebook(
        markdown(f"## Heading {alive}\n\n{alive} [click](javascript:{PLANTS})"),
        code(
            "x", shown(html=f"<table><caption>{alive}</caption><tr><td>{alive}</td></tr></table>")
        ),
        code("x", shown(javascript=PLANTS)),
        code("x", shown(markdown=alive)),
        code("x", shown(svg=f"<svg xmlns='http://www.w3.org/2000/svg'>{alive}</svg>")),
        code("x", {"output_type": "stream", "name": "stdout", "text": alive}),
    )
    for number, cell in enumerate(made["cells"], start=1):
        cell["id"] = f"cell-{number}"
    file = tmp_path / "index.html"
    file.write_text(render(made, page(emitted("RED", finding(title=alive, owner=alive)))))
    visit = Visit(browser, file, width=1280)
    assert visit.page.evaluate("window.planted") is None
    assert visit.strangers() == []
    assert visit.complaints == [], "the sanitiser left nothing for the policy to block"


def test_the_policy_holds_should_the_sanitiser_ever_miss_something(
    browser: Browser, tmp_path: Path
) -> None:
    """The second wall alone: the same plants behind nothing but our policy."""
    file = tmp_path / "index.html"
    file.write_text(
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
        f'<script>{PLANTS}</script><img src=x onerror="{PLANTS}"><img src="http://127.0.0.1:9/x">'
    )
    visit = Visit(browser, file, width=1280)
    assert visit.page.evaluate("window.planted") is None
    assert any("Content Security Policy" in complaint for complaint in visit.complaints)


def test_the_list_of_reports_fits_a_phone_and_filters_without_a_script(
    browser: Browser, tmp_path: Path
) -> None:
    verdicts = list(Verdict)
    runs = [
        Run(
            path=f"{name}/{day}",
            notebook=name,
            title="Is all well?",
            as_of=datetime(2026, 1, 30 - day, tzinfo=UTC),
            variant="",
            verdict=verdicts[day % 4],
            counts={"warning": 3},
            state=ExitState.COMPLETED,
            seconds=1,
        )
        for day in range(8)
        for name in ("daily_health", f"a_notebook_with_{'rather_' * 5}long_name")
    ]
    file = tmp_path / "index.html"
    file.write_text(render_index(runs))
    visit = Visit(browser, file, width=390, dark=True)
    assert visit.strangers() == []
    assert visit.complaints == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 390
    rows = visit.page.locator(".run:visible")
    assert rows.count() == 16
    visit.page.locator("label[for=v-red]").click()
    assert rows.count() == 4
    visit.page.get_by_text("daily_health", exact=True).locator("visible=true").nth(1).click()
    assert rows.count() == 2
