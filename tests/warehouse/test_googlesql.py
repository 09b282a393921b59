"""Every SQL file is GoogleSQL: checked by Google's own analyzer, compiled to WebAssembly.

The analyzer takes 20 s to set up on a fresh machine, 1 s later on. `make test` gives a file to one
worker, so that it is set up once.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import wasmtime

from nbkit.warehouse import catalog
from nbkit.warehouse.schema import COLUMNS, DATASET, RUN_HISTORY, TABLE

Analyze = Callable[..., object]
# The columns of other tables that a file names.
OTHER_TABLES = {
    "nba_analytics.upcoming_player_game_context": {"game_date": "DATE"},
    "nba_analytics.upcoming_team_game_context": {"game_date": "DATE"},
    "nba_orchestration.breaker_resets": {
        "processor_name": "STRING",
        "reset_at": "TIMESTAMP",
        "who": "STRING",
        "reason": "STRING",
    },
    "nba_orchestration.sla_measurements": {
        "sla": "STRING",
        "measured_on": "DATE",
        "good": "INT64",
        "total": "INT64",
    },
    "nba_orchestration.upcoming_archive": {
        "cleanup_id": "STRING",
        "archived_at": "TIMESTAMP",
        "table_name": "STRING",
        "game_date": "DATE",
        "content": "STRING",
    },
    f"{DATASET}.nbkit_categories": {
        "batch": "STRING",
        "processor_name": "STRING",
        "status": "STRING",
        "phase": "STRING",
        "skip_reason": "STRING",
        "errors_text": "STRING",
        "failure_category": "STRING",
    },
}
TYPES = {"BOOLEAN": "BOOL", "FLOAT64": "DOUBLE"}  # GoogleSQL's names in the analyzer's enum


class CachedConfig(wasmtime.Config):
    """Compiles the analyzer (20 s) once a machine instead of once a session.

    The package has no setting for it; wasmtime keeps the result in the user's cache folder.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


@pytest.fixture(scope="module")
def analyze() -> Analyze:
    """Checks a text as GoogleSQL over the run history; raises where it is not."""
    from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
    from zetasql.core import ZetaSqlLocalService
    from zetasql.types import (
        AnalyzerOptions,
        LanguageOptions,
        ProductMode,
        Type,
        TypeKind,
        ZetaSQLBuiltinFunctionOptions,
    )

    def kind(name: str) -> int:
        return getattr(TypeKind, f"TYPE_{TYPES.get(name, name)}")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("zetasql.core.wasm_client.Config", CachedConfig)
        ZetaSqlLocalService.get_instance()

    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    catalog_builder = CatalogBuilder("bigquery")
    for place in (RUN_HISTORY, f"monitoring.{TABLE}"):
        table = TableBuilder(place)
        for column in COLUMNS:
            table.add_column(column.name, kind(column.type))
        catalog_builder.add_table(table.build())
    for place, columns in OTHER_TABLES.items():
        table = TableBuilder(place)
        for name, type_name in columns.items():
            table.add_column(name, kind(type_name))
        catalog_builder.add_table(table.build())
    functions = ZetaSQLBuiltinFunctionOptions(language_options=language)
    tables = catalog_builder.with_builtin_functions(functions).build()

    def run(text: str, query: catalog.Query | None = None) -> object:
        options = AnalyzerOptions(
            language_options=language,
            query_parameters=[
                AnalyzerOptions.QueryParameter(name=p.name, type=Type(type_kind=kind(p.type)))
                for p in (query.parameters if query else ())
            ],
        )
        return Analyzer(options, tables).analyze_statement(text)

    return run


@pytest.mark.parametrize("name", [*catalog.query_names(), *catalog.statement_names()])
def test_every_file_is_googlesql_over_the_schema(name: str, analyze: Analyze) -> None:
    assert analyze(catalog.googlesql(name), catalog.query(name)) is not None


@pytest.mark.parametrize("name", catalog.query_names())
def test_it_still_is_when_the_table_is_another(name: str, analyze: Analyze) -> None:
    place = f"monitoring.{TABLE}"
    text = catalog.googlesql(name, table=place)
    # The analyzer's catalog is flat: a table is found by one quoted name.
    quoted = text if f"`{place}`" in text else text.replace(place, f"`{place}`")
    assert analyze(quoted, catalog.query(name)) is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"SELECT proccessor_name FROM `{RUN_HISTORY}`", "processor_name"),
        (f"SELECT arg_min(run_id, status) FROM `{RUN_HISTORY}`", "arg_min"),
        (f"SELECT * FROM `{RUN_HISTORY}` WHERE started_at > 5", "No matching signature"),
        (f"SELECT * FROM `{RUN_HISTORY}` WHERE started_at > @start", "start"),
    ],
)
def test_the_check_can_fail(text: str, words: str, analyze: Analyze) -> None:
    with pytest.raises(Exception, match=words):
        analyze(text)
