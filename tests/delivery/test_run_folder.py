from __future__ import annotations

import json

import pytest
from run_folders import a_finding, a_notebook, a_png, write_run

from nbkit.delivery.run_folder import read_run, run_from_snapshot, snapshot
from nbkit.errors import RunFolderError


def test_a_run_is_read_whole(tmp_path):
    run = read_run(write_run(tmp_path, [a_finding()], variant="backfill"))
    assert (run.notebook, run.variant, run.verdict) == ("daily_health", "backfill", "YELLOW")
    assert run.figure
    assert run.figure.png == a_png()
    assert run.figure.alt == "Success rates of six phases"
    assert run.html == b"<!DOCTYPE html><title>Daily health</title>"
    assert run.failure is None


def test_a_file_in_the_folder_does_as_well(tmp_path):
    folder = write_run(tmp_path)
    assert read_run(folder / "findings.json") == read_run(folder)


def test_a_snapshot_is_the_run(tmp_path):
    ended = {"state": "failed", "error": "boom", "cell": "cell 2"}
    run = read_run(write_run(tmp_path, [a_finding()], manifest={"exit": ended}))
    assert run_from_snapshot(*snapshot(run)) == run


def test_identity_is_notebook_variant_and_as_of(tmp_path):
    ids = {
        read_run(write_run(tmp_path, **options)).run_id
        for options in (
            {},
            {"as_of": "2026-01-14T12:00:00Z"},
            {"variant": "x"},
            {"notebook": "retry_storm"},
        )
    }
    assert len(ids) == 4
    again = read_run(write_run(tmp_path / "elsewhere", [a_finding()]))
    assert again.run_id in ids


@pytest.mark.parametrize(
    ("file", "suffix", "variant"),
    [
        (None, "", ""),
        (None, "3fa2c1", "3fa2c1"),
        ("params/daily_health/production.yaml", "", "production"),
        ("params/daily_health/production.yaml", "production", "production"),
        ("params/daily_health/production.yaml", "3fa2c1", "production-3fa2c1"),
        ("params/daily_health/production.yaml", "failed", "production-failed"),
        ("params/daily_health/production.yaml", "production-failed", "production-failed"),
    ],
)
def test_a_set_of_parameters_is_known_whichever_folder_it_got(tmp_path, file, suffix, variant):
    folder = write_run(tmp_path, manifest={"params_file": file}, variant=suffix)
    assert read_run(folder).variant == variant


def test_content_changes_with_the_findings_and_not_with_the_costs(tmp_path):
    one = read_run(write_run(tmp_path, [a_finding()], manifest={"queries": [{"seconds": 1}]}))
    same = read_run(write_run(tmp_path, [a_finding()], manifest={"queries": [{"seconds": 9}]}))
    other = read_run(write_run(tmp_path, [a_finding(evidence={"silent_s": 1})]))
    assert one.content == same.content != other.content


def test_a_run_is_sent_although_its_picture_cannot_be_read(tmp_path):
    folder = write_run(tmp_path)
    broken = a_notebook(picture=True)
    broken["cells"][1]["outputs"][0]["data"]["image/png"] = "bm90IGEgcG5n"
    for text in (json.dumps(broken), "not json", '{"cells": [1]}', "[]"):
        (folder / "notebook.ipynb").write_text(text)
        assert read_run(folder).figure is None
    (folder / "notebook.ipynb").unlink()
    assert read_run(folder).figure is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read"),
        ("[]", "holds no object"),
        ('{"notebook": "x"}', "'as_of' is missing"),
        ('{"notebook": "x", "as_of": "2026-01-13", "verdict": "RED", "findings": []}', "time zone"),
        (
            '{"notebook": "x", "as_of": "2026-01-13T00:00:00Z", "verdict": "?", "findings": []}',
            "'\\?' is not a valid Verdict",
        ),
    ],
)
def test_findings_that_cannot_be_read_are_named(tmp_path, text, says):
    folder = write_run(tmp_path)
    (folder / "findings.json").write_text(text)
    with pytest.raises(RunFolderError, match=says) as caught:
        read_run(folder)
    assert "findings.json" in str(caught.value)


def test_a_folder_of_something_else_is_told_from_a_run(tmp_path):
    with pytest.raises(RunFolderError, match=r"no findings\.json in it"):
        read_run(tmp_path)
    with pytest.raises(RunFolderError, match="no such run folder"):
        read_run(tmp_path / "nowhere")
