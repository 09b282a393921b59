from __future__ import annotations

from typing import Any

import pytest
from report_samples import AS_OF, finding, judgement, notebook, shown

from nbkit.findings import FINDINGS_MIMETYPE, Verdict
from nbkit.report.judgement import read_emitted


def with_output(said: object) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [shown(plain="x")]}
    cell["outputs"].append(
        {"output_type": "display_data", "metadata": {}, "data": {FINDINGS_MIMETYPE: said}}
    )
    return notebook(cell)


def test_the_judgement_becomes_the_contract_document_worst_first() -> None:
    said = judgement("RED", finding("info", number=1), finding("critical", number=2))
    emitted = read_emitted(with_output(said))
    assert emitted is not None
    document = emitted.document(notebook="sample", as_of=AS_OF)
    assert list(document) == ["schema", "notebook", "as_of", "window", "verdict", "findings"]
    assert document["schema"] == 1
    assert document["window"] == said["window"]
    assert [f["severity"] for f in document["findings"]] == ["critical", "info"]
    assert set(document["findings"][0]) == set(finding())
    assert emitted.counts() == {"critical": 1, "info": 1}


def test_a_notebook_without_a_judgement_gives_none() -> None:
    assert read_emitted(notebook()) is None


def test_numbers_that_json_cannot_write_become_null() -> None:
    said = judgement("GREEN", finding(evidence={"ratio": float("nan"), "list": [float("inf"), 1]}))
    emitted = read_emitted(with_output(said))
    assert emitted is not None
    assert emitted.findings[0]["evidence"] == {"ratio": None, "list": [None, 1]}
    assert emitted.verdict is Verdict.GREEN


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"findings": []}, "has no 'verdict'"),
        (judgement("PURPLE"), "PURPLE"),
        (judgement("RED", finding("fatal")), "fatal"),
        ({**judgement(), "window": None}, "malformed"),
        ({**judgement("RED"), "findings": [{"severity": "info"}]}, "has no 'kind'"),
    ],
)
def test_a_malformed_judgement_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_emitted(with_output(said))
