from __future__ import annotations

import pytest

from nbkit.report.sanitise import clean


@pytest.mark.parametrize(
    ("planted", "left"),
    [
        ("<script>alert(1)</script>kept", "kept"),
        ("<style>body{display:none}</style>kept", "kept"),
        ('<img src=x onerror="alert(1)">', "<img>"),
        ('<img src="https://example.org/pixel.png" alt="a">', '<img alt="a">'),
        ('<a href="javascript:alert(1)">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ('<a href="data:text/html,<b>">x</a>', '<a rel="noopener noreferrer">x</a>'),
        ('<iframe src="https://example.org"></iframe>kept', "kept"),
        ('<form action="https://example.org"><input name=a></form>kept', "kept"),
        ('<svg onload="alert(1)"><script>1</script></svg>kept', "kept"),
        ('<p class="verdict red" id="verdict">GREEN</p>', "<p>GREEN</p>"),
        ('<b style="position:fixed;font-weight:bold">x</b>', '<b style="font-weight:bold">x</b>'),
        ('<td background="https://example.org">x</td>', "x"),
        ('<meta http-equiv="refresh" content="0;url=https://example.org">kept', "kept"),
        ("&lt;script&gt;", "&lt;script&gt;"),
    ],
)
def test_what_could_run_load_or_imitate_is_taken_out(planted: str, left: str) -> None:
    assert clean(planted) == left


@pytest.mark.parametrize(
    "kept",
    [
        '<table class="nb-table"><thead><tr><th class="num">Runs</th></tr></thead></table>',
        '<details class="nb-more"><summary>and 3 more</summary>x</details>',
        '<a href="https://example.org/runbook" rel="noopener noreferrer">runbook</a>',
        '<img src="data:image/png;base64,iVBORw0KGgo=" alt="A chart">',
        '<div class="highlight"><pre><span class="k">import</span></pre></div>',
    ],
)
def test_what_a_report_needs_is_kept(kept: str) -> None:
    assert clean(kept) == kept
