"""Where it began: roots are told from what followed, on the registry's own graph."""

from __future__ import annotations

from datetime import timedelta

import pytest
from planted_window import DAY, START, at

from nbkit.analysis.incident.cascade import Ground, Incident, incidents, naming
from nbkit.analysis.incident.troubles import Reason, Trouble
from nbkit.analysis.incident.usual import predicted
from nbkit.analysis.proportions import proportion
from nbkit.registry import ProcessorRegistry, load_registry

ROOT, CHILD, GRANDCHILD = (
    "NbacGamebookProcessor",
    "PlayerGameSummaryProcessor",
    "PlayerDailyCacheProcessor",
)
STRANGERS = ("BdlStandingsProcessor", "EspnTeamRosterProcessor", "NbacScheduleProcessor")


@pytest.fixture(scope="module")
def registry() -> ProcessorRegistry:
    return load_registry()


def trouble(
    name: str,
    minutes: float,
    *,
    says: str = "503 Service Unavailable",
    failures: int = 10,
    new: str = "",
    reason: Reason = Reason.MORE_FAILURES,
) -> Trouble:
    return Trouble(
        processor=name,
        reasons=(reason,),
        since=at(minutes),
        until=at(minutes + 30),
        failures=failures,
        usual=predicted(failures, (0, 0, 0, 0)),
        before=proportion(0, 10),
        during=proportion(failures, failures),
        new_templates=(new,) if new else (),
        example=says,
        example_run_id=f"{name}-1",
        recovered_at=None,
        data_dates=(DAY,),
        texts=((says, failures),) if failures else (),
    )


def only(found: tuple[Incident, ...]) -> Incident:
    (incident,) = found
    return incident


def test_the_graph_is_as_these_tests_take_it(registry: ProcessorRegistry) -> None:
    assert CHILD in registry.get_dependents(ROOT)
    assert GRANDCHILD in registry.get_dependents(CHILD)
    assert not set(STRANGERS) & {*registry.downstream(ROOT), *registry.upstream(ROOT)}


def test_what_fails_after_a_root_that_it_needs_follows_it(registry: ProcessorRegistry) -> None:
    says = f"Upstream {ROOT} failed"
    rows = [trouble(ROOT, 5), trouble(CHILD, 20, says=says), trouble(GRANDCHILD, 30)]
    found = only(incidents(rows, registry))
    assert found.root == ROOT
    assert found.ground is Ground.NAMED
    assert [(f.processor, f.distance, f.named) for f in found.followers] == [
        (CHILD, 1, 10),
        (GRANDCHILD, 2, 0),
    ]
    assert found.naming == (10, 20)
    assert (found.since, found.until) == (at(5), at(60))


def test_a_table_in_what_is_missing_names_its_processor_too(registry: ProcessorRegistry) -> None:
    table = registry.processor(ROOT).bigquery_table
    assert table
    says = f' ["{table}"]'
    found = only(incidents([trouble(ROOT, 5), trouble(CHILD, 20, says=says)], registry))
    assert found.followers[0].named == 10


def test_order_in_time_alone_is_told_as_such(registry: ProcessorRegistry) -> None:
    found = only(incidents([trouble(ROOT, 5), trouble(CHILD, 20)], registry))
    assert found.ground is Ground.ORDER
    assert found.naming == (0, 10)


def test_what_failed_before_its_ancestor_did_not_follow_it(registry: ProcessorRegistry) -> None:
    found = incidents([trouble(CHILD, 5), trouble(ROOT, 20)], registry)
    assert {incident.root for incident in found} == {ROOT, CHILD}
    assert all(incident.ground is Ground.ALONE for incident in found)


def test_unless_it_names_it_for_a_root_is_written_down_when_its_run_ends(
    registry: ProcessorRegistry,
) -> None:
    early = trouble(CHILD, 5, says=f"Upstream {ROOT} timed out")
    assert only(incidents([early, trouble(ROOT, 20)], registry)).root == ROOT


def test_a_grandchild_follows_where_the_child_between_is_well(
    registry: ProcessorRegistry,
) -> None:
    found = only(incidents([trouble(ROOT, 5), trouble(GRANDCHILD, 20)], registry))
    assert [(f.processor, f.distance) for f in found.followers] == [(GRANDCHILD, 2)]


def test_an_ancestor_that_most_failures_name_is_the_root_though_it_never_ran(
    registry: ProcessorRegistry,
) -> None:
    says = f"Missing: ['{registry.processor(ROOT).bigquery_table}']"
    rows = [trouble(CHILD, 20, says=says), trouble("TeamOffenseGameSummaryProcessor", 9, says=says)]
    found = only(incidents(rows, registry))
    assert (found.root, found.trouble, found.ground) == (ROOT, None, Ground.NAMED)
    assert found.naming == (20, 20)
    assert found.since == at(9)


def test_one_new_message_at_one_time_is_one_cause_outside_the_graph(
    registry: ProcessorRegistry,
) -> None:
    rows = [trouble(name, 5 * n, new="cannot import") for n, name in enumerate(STRANGERS)]
    found = only(incidents(rows, registry))
    assert found.ground is Ground.SHARED
    assert set(found.roots) == set(STRANGERS)
    assert found.root == STRANGERS[0]


@pytest.mark.parametrize(("later", "word"), [(90, "cannot import"), (5, "certificate expired")])
def test_hours_apart_or_in_other_words_they_are_two(
    later: float, word: str, registry: ProcessorRegistry
) -> None:
    first, second = STRANGERS[:2]
    rows = [trouble(first, 0, new="cannot import"), trouble(second, later, new=word)]
    assert len(incidents(rows, registry)) == 2


def test_a_silent_ancestor_is_a_root_only_where_it_is_named(registry: ProcessorRegistry) -> None:
    silent = trouble(ROOT, 0, failures=0, reason=Reason.SILENT)
    assert {i.root for i in incidents([silent, trouble(CHILD, 20)], registry)} == {ROOT, CHILD}
    named = trouble(CHILD, 20, says=f"Upstream {ROOT} has not run")
    assert only(incidents([silent, named], registry)).root == ROOT


def test_processors_that_nobody_registered_stand_alone(registry: ProcessorRegistry) -> None:
    found = incidents([trouble("Somebody", 5), trouble(ROOT, 1)], registry)
    assert {incident.root for incident in found} == {"Somebody", ROOT}


def test_the_incident_that_hit_most_comes_first(registry: ProcessorRegistry) -> None:
    rows = [trouble(ROOT, 5), trouble(CHILD, 20), trouble(STRANGERS[0], 0, failures=500)]
    assert [incident.root for incident in incidents(rows, registry)] == [ROOT, STRANGERS[0]]


def test_it_is_over_when_all_of_it_is(registry: ProcessorRegistry) -> None:
    from dataclasses import replace

    well = START + timedelta(hours=3)
    root, child = trouble(ROOT, 5), trouble(CHILD, 20)
    half = only(incidents([replace(root, recovered_at=well), child], registry))
    assert not half.is_over
    rows = [replace(root, recovered_at=well), replace(child, recovered_at=at(70))]
    assert only(incidents(rows, registry)).recovered_at == well


def test_a_name_is_read_whole(registry: ProcessorRegistry) -> None:
    table = registry.processor(ROOT).bigquery_table
    for says, count in (
        (f"Upstream {ROOT} failed", 10),
        (f"New{ROOT} failed", 0),
        (f"{table} is empty", 10),
        (f"{table}_archive is empty", 0),
    ):
        assert naming(trouble(CHILD, 1, says=says), ROOT, registry) == count
