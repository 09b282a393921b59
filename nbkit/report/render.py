"""An executed notebook as one HTML file that needs nothing else: no script, no font, no request."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from traitlets.config import Config

from nbkit.findings import FINDINGS_MIMETYPE
from nbkit.report.dress import Dresser
from nbkit.report.page import CSP, Page, add_filters
from nbkit.report.sanitise import clean

TEMPLATES = Path(__file__).parent / "template"
HIDDEN_TAGS = frozenset({"remove_cell", "parameters", "injected-parameters"})
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_IMAGES = ("image/svg+xml", "image/png", "image/jpeg")


@dataclass(frozen=True)
class Entry:
    """A line of the contents list."""

    level: int
    id: str
    text: str


def render(notebook: Mapping[str, Any], page: Page) -> str:
    """The report of an executed notebook (as JSON or a notebook node) as HTML text.

    The first heading becomes the title. Code is behind a switch; cells tagged `remove_cell` and
    the parameter cells are left out (the parameters stand at the foot of the page). After a cell
    that failed, nothing more is shown.
    """
    title, cells, contents = _Preparation(page).prepare(notebook)
    language = {"name": "python", "pygments_lexer": "python"}
    body = new_notebook(cells=cells, metadata={"language_info": language})
    exporter = _Exporter(page)
    html, _ = exporter.from_notebook_node(
        body,
        resources={
            "title": title,
            "contents": contents,
            "csp": CSP,
            "has_code": any(cell.cell_type == "code" and cell.source.strip() for cell in cells),
        },
    )
    return html


class _Compiled(BytecodeCache):
    """Templates as they were compiled before in this process: every exporter has an environment of
    its own, and would compile them again."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._known.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class _Exporter(HTMLExporter):
    """nbconvert's exporter with our template, everything escaped unless said otherwise."""

    def __init__(self, page: Page) -> None:
        self._page = page
        config = Config()
        config.HighlightMagicsPreprocessor.enabled = False
        super().__init__(  # type: ignore[no-untyped-call]
            config=config,
            template_name="nbkit",
            extra_template_basedirs=[str(TEMPLATES)],
            # Highlighting and preparation are done: these would only walk the cells again.
            preprocessors=[],
        )

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        environment.bytecode_cache = _COMPILED
        environment.globals["page"] = self._page
        add_filters(environment)
        return environment


class _Preparation:
    """Makes the notebook's cells into what the template prints, in order."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._dresser = Dresser()
        self._ids: set[str] = {"verdict", "failure", "failure-title", "findings", "about"}
        self._contents: list[Entry] = []
        self._title = ""
        if page.emitted.findings:
            self._contents.append(Entry(2, "findings", "Findings"))

    def prepare(self, notebook: Mapping[str, Any]) -> tuple[str, list[NotebookNode], list[Entry]]:
        failure = self._page.failure
        failed = failure.cell.id if failure and failure.cell else None
        cells = []
        for cell in notebook["cells"]:
            stops = failed is not None and cell.get("id") == failed
            prepared = self._cell(cell, stops=stops)
            if prepared is not None:
                cells.append(prepared)
            if stops:
                break
        self._contents.append(Entry(2, "about", "About this report"))
        return self._title or self._page.notebook, cells, self._contents

    def _cell(self, cell: Mapping[str, Any], *, stops: bool) -> NotebookNode | None:
        """The cell with outputs that may be printed as they are; None for one that is left out."""
        hidden = bool(HIDDEN_TAGS & set(cell.get("metadata", {}).get("tags", [])))
        if cell["cell_type"] == "markdown" and not hidden:
            html = self._prose(cell["source"], cell.get("attachments", {}))
            prose: NotebookNode = new_markdown_cell(html, id=cell["id"])
            return prose
        if cell["cell_type"] != "code" or (hidden and not stops):
            return None
        outputs = [] if hidden else [self._output(output, cell) for output in cell["outputs"]]
        if stops and self._page.failure:
            reason = self._page.failure.reason
            outputs.append(new_output("error", ename="", evalue=reason, traceback=[]))
        kept = [output for output in outputs if output]
        code: NotebookNode = new_code_cell(cell["source"], id=cell["id"], outputs=kept)
        return code

    def _output(self, output: Mapping[str, Any], cell: Mapping[str, Any]) -> NotebookNode | None:
        """One output in its best form: clean HTML, an image, or text; None for nothing to show."""
        if output["output_type"] == "stream":
            return _text(_joined(output.get("text", "")), output.get("name", "stdout"))
        data = output.get("data")
        if not data or FINDINGS_MIMETYPE in data:
            return None  # errors are told by the failure, the judgement by the head of the page
        if "text/html" in data:
            html = self._dresser.dress(clean(_joined(data["text/html"])))
            if "<img" in html or re.sub(r"<[^>]*>", "", html).strip():
                return _shown({"text/html": html})
        for mime in _IMAGES:
            if mime in data:
                return _image(mime, _joined(data[mime]), output, cell)
        if "text/markdown" in data:
            html = self._markdown(_joined(data["text/markdown"]), {})
            return _shown({"text/html": html})
        return _text(_joined(data.get("text/plain", "")), "stdout")

    def _markdown(self, source: str, attachments: Mapping[str, Any]) -> str:
        from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

        renderer = IPythonRenderer(
            escape=False, attachments=dict(attachments), exclude_anchor_links=True
        )
        return self._dresser.dress(clean(MarkdownWithMath(renderer=renderer).render(source)))

    def _prose(self, source: str, attachments: Mapping[str, Any]) -> str:
        """A Markdown cell; its headings get ids and a line in the contents list."""
        html = self._markdown(_joined(source), attachments)
        if not re.search(r"<h[1-6]", html):
            return html
        soup = BeautifulSoup(html, "html.parser")
        for heading in soup.find_all(re.compile(r"^h[1-6]$")):
            text = heading.get_text(" ", strip=True)
            level = int(heading.name[1])
            if level == 1 and not self._title:
                self._title = text
                heading.decompose()
                continue
            if level == 1:  # a page has one
                heading.name, level = "h2", 2
            heading["id"] = self._id(text)
            if level <= 3:
                self._contents.append(Entry(level, str(heading["id"]), text))
        return str(soup)

    def _id(self, text: str) -> str:
        base = re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"
        unique, number = base, 2
        while unique in self._ids:
            unique, number = f"{base}-{number}", number + 1
        self._ids.add(unique)
        return unique


def _image(
    mime: str, content: str, output: Mapping[str, Any], cell: Mapping[str, Any]
) -> NotebookNode:
    """SVG goes into an image as well: there its scripts do not run and its links do not load."""
    if mime == "image/svg+xml":
        encoded = base64.b64encode(content.encode()).decode()
    else:
        encoded = re.sub(r"[^A-Za-z0-9+/=]", "", content)
    about = output.get("metadata", {}).get(mime) or {}
    said = _joined(output.get("data", {}).get("text/plain", ""))
    alt = about.get("alt") or cell.get("metadata", {}).get("alt")
    if not alt:  # matplotlib says only <Figure size ...> of itself
        alt = said if said and not said.startswith("<") else "Figure without a description"
    width = about.get("width")
    kept = {"alt": str(alt), "width": int(width) if isinstance(width, int | float) else None}
    return _shown({mime: encoded}, {mime: kept})


def _text(text: str, name: str) -> NotebookNode | None:
    plain = _ANSI.sub("", text)
    if not plain.strip():
        return None
    stream: NotebookNode = new_output("stream", name=name, text=plain)
    return stream


def _shown(data: dict[str, str], metadata: dict[str, Any] | None = None) -> NotebookNode:
    output: NotebookNode = new_output("display_data", data, metadata=metadata or {})
    return output


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
