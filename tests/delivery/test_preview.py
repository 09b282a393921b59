"""`--to dir:PATH`: what Slack would get, and how it would look, checked in a real browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_folders import a_finding, a_png

from nbkit.errors import DeliveryError

EVIL = "<script>document.title='x'</script> <img src=http://evil.example/i.png onerror=alert(1)>"
# A playwright of its own download, else the one of the system.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def write(send, tmp_path):
    def _write(*findings: Any, **options: Any) -> Path:
        send(findings, to=f"dir:{tmp_path / 'out'}", environment={}, **options)
        return tmp_path / "out"

    return _write


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"no Chromium here: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


def test_the_message_is_written_as_blocks_text_picture_and_page(write):
    out = write(a_finding())

    assert {path.name for path in out.iterdir()} == {
        *("message.json", "message.md", "headline.png", "preview.html")
    }
    body = json.loads((out / "message.json").read_text())
    assert body["text"].startswith("Daily health is YELLOW")
    assert "- 🟡 **late has been silent for 9 h**" in (out / "message.md").read_text()
    assert (out / "headline.png").read_bytes() == a_png()


def test_writing_it_again_gives_the_same_files(write):
    first = {path.name: path.read_bytes() for path in write(a_finding()).iterdir()}
    again = {path.name: path.read_bytes() for path in write(a_finding()).iterdir()}
    assert first == again


def test_the_next_day_tells_what_changed_there(write):
    write(a_finding(), as_of="2026-01-13T12:00:00Z")
    out = write(as_of="2026-01-14T12:00:00Z", picture=False)
    assert "## Recovered (1)" in (out / "message.md").read_text()
    assert not (out / "headline.png").exists()


def test_nothing_is_folded_in_the_text(write):
    text = (write(*(a_finding(f"p{i}") for i in range(40))) / "message.md").read_text()
    assert text.count("🟡 **p") == 40


def test_a_place_that_cannot_be_written_is_named(send, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DeliveryError, match="could not be written to"):
        send([a_finding()], to=f"dir:{tmp_path / 'file'}", environment={})


@pytest.mark.parametrize("width", [390, 700])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_stands_alone_fits_and_keeps_data_text(write, browser, width, scheme):
    findings = [a_finding("late", "critical", title=f"{EVIL} *bold* {'Long' * 60} <@U1>")]
    out = write(*findings, report_url='https://reports.example/?a="><script>')
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((out / "preview.html").as_uri())

    assert page.title() == "Daily health: RED"
    assert EVIL in page.inner_text("main")
    assert "∗bold∗" in page.inner_text("main")
    assert "<@U1>" in page.inner_text("main").replace("\u200b", "")
    assert page.locator("script, iframe, link").count() == 0
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.images[0].naturalWidth") == 1
    assert page.get_attribute("img", "alt") == "Success rates of six phases"
    assert page.locator("a").count() == 1
    assert page.get_attribute("a", "href").startswith("https://reports.example/?a=")
    context.close()
