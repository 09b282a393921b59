from __future__ import annotations

from pathlib import Path

import pytest

from nbkit.errors import ParameterError
from nbkit.params import (
    Kind,
    Parameter,
    Setting,
    parse_moment,
    read_assignments,
    read_parameters,
    read_values,
    resolve,
)

CELL = """
as_of = "2026-01-13T12:00:00Z"  # the moment the report is about
warehouse = ""  # warehouse URL
threshold = 0.95  # share of successes
days = 30
strict = True
phases = ["phase_2_raw", "grading"]  # phases to look at
weights = {"a": 1}
first_day = "2025-12-14"
since = None  # type: timestamp, start of the window
"""


def notebook(*sources: str) -> dict[str, object]:
    cells = [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": s} for s in sources
    ]
    return {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# Why?"}, *cells]}


@pytest.fixture
def declared() -> tuple[Parameter, ...]:
    return read_parameters(notebook(CELL), where="storm")


def test_types_come_from_the_literals_and_help_from_the_comments(
    declared: tuple[Parameter, ...],
) -> None:
    kinds = {p.name: p.kind for p in declared}
    assert kinds == {
        "as_of": Kind.TIMESTAMP,
        "warehouse": Kind.TEXT,
        "threshold": Kind.NUMBER,
        "days": Kind.INTEGER,
        "strict": Kind.BOOLEAN,
        "phases": Kind.LIST,
        "weights": Kind.MAPPING,
        "first_day": Kind.DATE,
        "since": Kind.TIMESTAMP,
    }
    by_name = {p.name: p for p in declared}
    assert by_name["as_of"].help == "the moment the report is about"
    assert by_name["days"].help == ""
    assert by_name["since"].help == "start of the window"
    assert by_name["since"].optional
    assert not by_name["days"].optional


def test_source_as_a_list_of_lines_is_read_as_jupyter_writes_it() -> None:
    cell = {"metadata": {"tags": ["parameters"]}, "source": ["days = 3  # how far\n", "x = -1"]}
    days, x = read_parameters({"cells": [cell]}, where="storm")
    assert (days.default, days.help, x.default) == (3, "how far", -1)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os", "holds only assignments"),
        ("days = 7 * 2", "`days` must be a literal"),
        ("now = datetime.now()", "`now` must be a literal"),
        ("a = b = 1", "holds only assignments"),
        ("days = (1, 2)", "a tuple cannot be a parameter; use a list"),
        ("since = None", "say its type"),
        ("since = None  # type: moment", "unknown type `moment`"),
        ("days = 1\ndays = 2", "line 2: `days` is assigned twice"),
        ("days = = 1", "line 1: invalid syntax"),
        ('as_of = "2026-13-45T00:00:00Z"', "is not a moment"),
    ],
)
def test_a_parameters_cell_with_anything_but_literals_is_refused_with_its_place(
    source: str, message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        read_parameters(notebook(source), where="storm")
    assert str(caught.value).startswith("storm, cell 2, line ")
    assert message in str(caught.value)


def test_no_parameters_cell_and_two_of_them_are_told_apart() -> None:
    with pytest.raises(ParameterError, match="storm: no cell is tagged `parameters`"):
        read_parameters(notebook(), where="storm")
    with pytest.raises(ParameterError, match="cells 2 and 3 are all tagged"):
        read_parameters(notebook("a = 1", "b = 2"), where="storm")


def test_later_settings_win_and_text_is_read_by_the_declared_type(
    declared: tuple[Parameter, ...], tmp_path: Path
) -> None:
    file = tmp_path / "demo.yaml"
    file.write_text(
        "days: 7\nthreshold: 1\nas_of: 2026-01-10T06:00:00+01:00\nfirst_day: 2026-01-01\n"
        "phases: [grading]\n"
    )
    typed = read_assignments(
        ["days=14", "strict=no", "phases=a, b", 'weights={"b": 2}', "since=2026-01-01T00:00:00Z"]
    )
    values = resolve(
        declared,
        [*read_values(file), *typed, Setting("warehouse", "duckdb:///x.duckdb", "--warehouse")],
        where="storm",
    )
    assert values == {
        "as_of": "2026-01-10T05:00:00Z",
        "warehouse": "duckdb:///x.duckdb",
        "threshold": 1.0,
        "days": 14,
        "strict": False,
        "phases": ["a", "b"],
        "weights": {"b": 2},
        "first_day": "2026-01-01",
        "since": "2026-01-01T00:00:00Z",
    }
    assert isinstance(values["threshold"], float)


def test_an_optional_parameter_can_be_unset_again(declared: tuple[Parameter, ...]) -> None:
    typed = read_assignments(["since=2026-01-01T00:00:00Z", "since=none"])
    assert resolve(declared, typed, where="storm")["since"] is None
    with pytest.raises(ParameterError, match="`days` must be an integer"):
        resolve(declared, [Setting("days", None, "demo.yaml:1")], where="storm")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("treshold=0.9", "has no parameter `treshold`; did you mean `threshold`?"),
        ("zzz=1", "has no parameter `zzz`; it has `as_of`"),
        ("days=soon", '`days` must be an integer, such as 7, not "soon"'),
        ("days=2.5", "`days` must be an integer, such as 7, not 2.5"),
        ("strict=maybe", "`strict` must be a boolean"),
        ("as_of=yesterday", "`as_of` is no timestamp: 'yesterday' is not a moment"),
        ("as_of=2026-01-13T12:00:00", "no time zone; write 2026-01-13T12:00:00Z"),
        ("as_of=2026-02-30T12:00:00Z", "is not a moment"),
        ("first_day=2026-02-30", "`first_day` is no date"),
        ("weights=[1]", "`weights` must be a mapping"),
        ("days", "write name=value"),
    ],
)
def test_a_wrong_value_is_told_with_where_it_was_written(
    declared: tuple[Parameter, ...], assignment: str, message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        resolve(declared, read_assignments([assignment]), where="storm")
    assert f"-p {assignment}" in str(caught.value)
    assert message in str(caught.value)


def test_all_problems_are_told_at_once(declared: tuple[Parameter, ...], tmp_path: Path) -> None:
    file = tmp_path / "demo.yaml"
    file.write_text("days: many\n\ntreshold: 1\n")
    with pytest.raises(ParameterError) as caught:
        resolve(declared, [*read_values(file), *read_assignments(["as_of=noon"])], where="storm")
    message = str(caught.value)
    assert message.startswith("3 problems")
    assert f"{file}:1: `days`" in message
    assert f"{file}:3: storm has no parameter `treshold`" in message
    assert "-p as_of=noon: `as_of` is no timestamp" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("days: 1\ndays: 2\n", ":2: not YAML: found duplicate key"),
        ("days: [1,\n", ":2: not YAML"),
        ("- days\n", ":1: must be a mapping"),
        ("a: 1\n b: 2\n", ":2: not YAML"),
    ],
)
def test_broken_yaml_is_told_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "demo.yaml"
    file.write_text(text)
    with pytest.raises(ParameterError) as caught:
        read_values(file)
    assert str(caught.value).startswith(f"{file}{message}")


def test_an_empty_file_sets_nothing_and_a_missing_one_lists_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text("# nothing yet\n")
    assert read_values(tmp_path / "demo.yaml") == ()
    with pytest.raises(ParameterError, match=r"dem\.yaml: no such parameter file. There: demo"):
        read_values(tmp_path / "dem.yaml")


def test_a_number_for_a_text_must_be_quoted(declared: tuple[Parameter, ...]) -> None:
    with pytest.raises(ParameterError, match=r"`warehouse` must be a text.*put it in quotes"):
        resolve(declared, [Setting("warehouse", 5, "demo.yaml:2")], where="storm")


def test_a_moment_is_utc_and_never_naive() -> None:
    assert parse_moment("2026-01-13T07:00:00-05:00").isoformat() == "2026-01-13T12:00:00+00:00"
    with pytest.raises(ParameterError, match="no time zone"):
        parse_moment("2026-01-13T07:00:00")
    for misspelt in ("0026-01-13T07:00:00Z", "9999-12-31T23:59:59Z"):
        with pytest.raises(ParameterError, match="lies outside the years 1970 to 2200"):
            parse_moment(misspelt)
