"""A registry file with mistakes: every one is told at once, with its line and the fix."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from nbkit.errors import RegistryError
from nbkit.registry import Criticality, ProcessorRegistry, load_registry

HEAD = """\
version: "1.0"
phases:
  - name: phase_2_raw
    title: Phase 2 · Raw
    number: 2
    aliases: [phase_2]
    defaults:
      criticality: {value: MEDIUM, source: nobody ranks it}
      expected_frequency: {value: daily, source: the cycle}
      sla_completion_time: {value: 12:00 AM ET next day, source: the SLA}
      timeout_seconds: {value: 600, source: the one example}
      expected_record_range: {value: null, source: unknown}
      owner: {value: data-engineering, source: the channel}
processors:
"""
Load = Callable[..., ProcessorRegistry]
Told = Callable[..., list[str]]
FIRST = HEAD.count("\n") + 1  # the line of the first entry


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    monkeypatch.chdir(tmp_path)

    def load(entries: str, head: str = HEAD) -> ProcessorRegistry:
        path = tmp_path / "registry.yaml"
        path.write_text(head + dedent(entries), encoding="utf-8")
        return load_registry(path)

    return load


@pytest.fixture
def problems(load: Load) -> Told:
    """The lines of the error, without the heading."""

    def problems(entries: str, head: str = HEAD) -> list[str]:
        with pytest.raises(RegistryError) as raised:
            load(entries, head)
        lines = str(raised.value).split("\n  ")
        if len(lines) > 1:
            assert lines[0] == f"{len(lines) - 1} problems in registry.yaml"
            return lines[1:]
        return lines

    return problems


def test_what_is_left_out_comes_from_the_phase_and_says_so(load: Load) -> None:
    registry = load("- {name: A, phase: phase_2_raw, timeout_seconds: 60}\n")
    a = registry.processor("A")
    assert (a.timeout_seconds, a.is_default("timeout_seconds")) == (60, False)
    assert a.source("timeout_seconds") is None
    assert (a.criticality, a.is_default("criticality")) == (Criticality.MEDIUM, True)
    assert a.source("criticality") == "nobody ranks it"
    assert a.sla_completion_time is not None
    assert str(a.sla_completion_time) == "00:00 ET, the day after"
    assert (a.expected_record_range, a.is_default("expected_record_range")) == (None, True)
    assert registry.line_of("A") == FIRST


@pytest.mark.parametrize("written", ["2", "phase_2", "phase_2_raw"])
def test_a_phase_is_named_by_number_old_label_or_name(load: Load, written: str) -> None:
    registry = load(f"- {{name: A, phase: {written}}}\n")
    assert registry.processor("A").phase == "phase_2_raw"


def test_dependents_are_derived_in_the_order_of_the_file(load: Load) -> None:
    registry = load(
        """\
        - {name: C, phase: 2, dependencies: [A]}
        - {name: A, phase: 2, dependents: [B, C]}
        - {name: B, phase: 2, dependencies: [A]}
        """
    )
    assert registry.get_dependents("A") == ("C", "B")
    assert registry.get_dependents("B") == ()


@pytest.mark.parametrize(
    ("entry", "key", "says"),
    [
        ("timeout_seconds: ten", "timeout_seconds", "'ten' will not do; write whole seconds"),
        ("timeout_seconds: 0", "timeout_seconds", "0 will not do; write whole seconds above 0"),
        ("timeout_seconds: true", "timeout_seconds", "True will not do; write whole seconds"),
        ("timeout_seconds:", "timeout_seconds", "is empty; .* or leave the key out"),
        ("timeout: 60", "timeout", "unknown key; did you mean timeout_seconds"),
        ("colour: red", "colour", "unknown key; keys: name, phase, .*owner"),
        ("default_sources: {}", "default_sources", "unknown key"),
        ("criticality: critical", "criticality", "not one of .* did you mean CRITICAL"),
        ("expected_frequency: dayly", "expected_frequency", "did you mean daily"),
        ("sla_completion_time: 3 AM", "sla_completion_time", "not a time with a zone"),
        ("sla_completion_time: 03:00 AM XT", "sla_completion_time", "'XT' is not a time zone"),
        ("sla_completion_time: 03:00 EST", "sla_completion_time", "daylight saving; write ET"),
        ("sla_completion_time: 13:00 PM ET", "sla_completion_time", "write 13:00 without PM"),
        ("sla_completion_time: 25:00 ET", "sla_completion_time", "not a time of day"),
        ("sla_completion_time: 180", "sla_completion_time", "'180' is not a time with a zone"),
        ("expected_record_range: {min: 9, max: 2}", "expected_record_range", "9 is above max 2"),
        ("expected_record_range: {min: 9}", "expected_record_range.max", "is missing; write"),
        ("expected_record_range: {min: 1, max: 2, mean: 1}", "expected_record_range.mean", "keys"),
        ("expected_record_range: 100", "expected_record_range", "write min and max"),
        ("bigquery_table: schedule", "bigquery_table", "write dataset.table"),
        ("gcs_output: s3://x/", "gcs_output", "write a place such as gs://"),
        ("dependencies: B", "dependencies", "'B' will not do; write a list"),
        ("dependencies: [1]", "dependencies[0]", "1 will not do; write a list"),
        ("owner: ''", "owner", "write a team"),
    ],
)
def test_a_wrong_value_is_named_with_line_key_and_fix(
    problems: Told, entry: str, key: str, says: str
) -> None:
    (line,) = problems(f"- name: A\n  phase: 2\n  {entry}\n")
    assert line.startswith(f"registry.yaml:{FIRST + 2}: processors.A.{key}: "), line
    assert re.search(says, line), line


def test_all_problems_of_a_file_come_at_once_in_its_order(problems: Told) -> None:
    lines = problems(
        """\
        - name: Alpha
          phase: phase_2_rwa
          timeout_seconds: 1
          timeout_seconds: 2
        - phase: 2
        - name: Beta
          phase: 2
          dependencies: [Alpha, Gama, Beta, Alpha]
          dependents: [Gamma, Alpha]
        - name: Gamma
          phase: 2
          owner: 7
        - name: Beta
        - just text
        """
    )
    at = FIRST
    assert lines == [
        f"registry.yaml:{at + 1}: processors.Alpha.phase: 'phase_2_rwa' is not a phase; "
        "did you mean phase_2_raw?",
        f"registry.yaml:{at + 3}: processors.Alpha.timeout_seconds: stands twice; remove it here "
        f"or on line {at + 2}.",
        f"registry.yaml:{at + 4}: processors[1].name: is missing; write a class name, such as "
        "NbacGamebookProcessor.",
        f"registry.yaml:{at + 7}: processors.Beta.dependencies[1]: 'Gama' is not registered; "
        "did you mean Gamma?",
        f"registry.yaml:{at + 7}: processors.Beta.dependencies[2]: Beta depends on itself; "
        "remove it.",
        f"registry.yaml:{at + 7}: processors.Beta.dependencies[3]: Alpha is listed twice; "
        "remove one.",
        f"registry.yaml:{at + 8}: processors.Beta.dependents[0]: Gamma does not name Beta among "
        "its dependencies; correct either, or leave dependents out (they are derived).",
        f"registry.yaml:{at + 8}: processors.Beta.dependents[1]: Alpha does not name Beta among "
        "its dependencies; correct either, or leave dependents out (they are derived).",
        f"registry.yaml:{at + 11}: processors.Gamma.owner: 7 will not do; write a team, such as "
        "data-engineering.",
        f"registry.yaml:{at + 12}: processors.Beta.name: is registered twice, first as entry 3; "
        "remove one.",
        f"registry.yaml:{at + 12}: processors.Beta: phase is missing; write a phase's name, such "
        "as phase_2_raw.",
        f"registry.yaml:{at + 13}: processors[5]: must be a mapping with at least name and phase.",
    ]


def test_written_dependents_must_be_all_of_them(problems: Told) -> None:
    (line,) = problems(
        """\
        - {name: A, phase: 2, dependents: [B]}
        - {name: B, phase: 2, dependencies: [A]}
        - {name: C, phase: 2, dependencies: [A]}
        """
    )
    assert "processors.A.dependents: lacks C, which name A among their dependencies" in line


def test_every_circle_is_shown_whole(problems: Told) -> None:
    lines = problems(
        """\
        - {name: A, phase: 2, dependencies: [C]}
        - {name: B, phase: 2, dependencies: [A]}
        - {name: C, phase: 2, dependencies: [B]}
        - {name: X, phase: 2, dependencies: [Y]}
        - {name: Y, phase: 2, dependencies: [X]}
        - {name: Z, phase: 2, dependencies: [X]}
        """
    )
    assert len(lines) == 2
    assert "A → B → C → A; remove one of these" in lines[0]
    assert "X → Y → X" in lines[1]
    assert lines[1].startswith(f"registry.yaml:{FIRST + 3}: processors.X.dependencies: ")


def test_a_wrong_default_is_a_problem_of_the_phase_not_of_its_processors(problems: Told) -> None:
    head = HEAD.replace("{value: 600, source", "{value: soon, source")
    (line, *others) = problems("- {name: A, phase: 2}\n", head)
    assert re.match(
        r"registry.yaml:11: phases.phase_2_raw.defaults.timeout_seconds.value: 'soon' will not do; "
        "write whole seconds",
        line,
    )
    assert not [other for other in others if "timeout" in other]


def test_a_default_needs_its_source_and_a_value_needs_one_of_both(problems: Told) -> None:
    (line,) = problems("- {name: A, phase: 2}\n", HEAD.replace(", source: the channel", ""))[:1]
    assert "phases.phase_2_raw.defaults.owner.source: is missing; write where the value" in line
    without = "\n".join(row for row in HEAD.splitlines() if "owner" not in row) + "\n"
    (line,) = problems("- {name: A, phase: 2}\n", without)
    assert "processors.A: owner is missing, and phase_2_raw has no default for it" in line
    (line,) = problems("- {name: A, phase: 2}\n", HEAD.replace("      owner:", "      ower:"))[:1]
    assert "defaults.ower: unknown key; did you mean owner?" in line


def test_a_label_belongs_to_one_phase(problems: Told) -> None:
    twin = "  - {name: phase_2, title: Twin, number: 2}\nprocessors:\n"
    first, second = problems(
        "- {name: A, phase: phase_2_raw}\n", HEAD.replace("processors:\n", twin)
    )
    assert "phase_2 already means phase_2_raw" in first
    assert "2 already means phase_2_raw" in second


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "registry.yaml:1: a registry is a mapping with version, phases and processors"),
        ("- a\n- b\n", "registry.yaml:1: a registry is a mapping"),
        ("a: [1\nb: 2\n", "registry.yaml:2: not YAML: .*Check the indentation"),
        ("version: 1\n\tphases: []\n", "registry.yaml:2: not YAML: "),
        ("a: 1\n--- \nb: 2\n", "registry.yaml:2: not YAML: "),
        ("a: &x [*x]\n", "registry.yaml:1: not YAML: an alias stands inside what it names"),
        ("a: !!python/object:os.system 1\n", "registry.yaml:1: not YAML: .*tag"),
        ("a: \x00\n", "registry.yaml: not YAML: .*character"),
    ],
)
def test_what_is_not_a_registry_says_why(load: Load, text: str, says: str) -> None:
    with pytest.raises(RegistryError, match=says):
        load("", text)


def test_a_header_must_be_there_and_be_right(problems: Told) -> None:
    lines = problems("", "version: 1.0\nlast_updated: 2026-13-01\nprocesors: []\n")
    assert lines == [
        "registry.yaml:1: phases: is missing; write a list of phases, each with a name and a "
        "title.",
        "registry.yaml:1: processors: is missing; write a list of processors, each with a name and "
        "a phase.",
        'registry.yaml:1: version: 1.0 will not do; write it in quotes, such as "1.0".',
        "registry.yaml:2: last_updated: '2026-13-01' is not a date; write it like \"2026-01-15\".",
        "registry.yaml:3: procesors: unknown key; did you mean processors?",
    ]


def test_a_missing_file_and_one_that_is_not_text_say_so(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"nowhere\.yaml: no such file"):
        load_registry(tmp_path / "nowhere.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"version: \xe9\n")
    with pytest.raises(RegistryError, match="not UTF-8"):
        load_registry(tmp_path / "latin.yaml")
    with pytest.raises(RegistryError, match="cannot be read"):
        load_registry(tmp_path)
