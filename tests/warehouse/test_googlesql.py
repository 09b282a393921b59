"""Every SQL file is GoogleSQL: checked by Google's own analyzer, compiled to WebAssembly.

The analyzer takes some seconds to set up, so these tests share it and run in one xdist worker.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nbkit.warehouse import catalog
from nbkit.warehouse.schema import COLUMNS, RUN_HISTORY

pytestmark = pytest.mark.xdist_group("zetasql")
TYPES = {"BOOLEAN": "BOOL", "FLOAT64": "DOUBLE"}  # GoogleSQL's names in the analyzer's enum


@pytest.fixture(scope="module")
def analyze() -> Callable[[str, catalog.Query | None], object]:
    from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
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

    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    table = TableBuilder(RUN_HISTORY)
    for column in COLUMNS:
        table.add_column(column.name, kind(column.type))
    functions = ZetaSQLBuiltinFunctionOptions(language_options=language)
    tables = (
        CatalogBuilder("bigquery")
        .add_table(table.build())
        .with_builtin_functions(functions)
        .build()
    )

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


@pytest.mark.parametrize("name", catalog.query_names())
def test_every_file_is_googlesql_over_the_schema(
    name: str, analyze: Callable[[str, catalog.Query | None], object]
) -> None:
    assert analyze(catalog.googlesql(name), catalog.query(name)) is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"SELECT proccessor_name FROM `{RUN_HISTORY}`", "processor_name"),
        (f"SELECT arg_min(run_id, status) FROM `{RUN_HISTORY}`", "arg_min"),
        (f"SELECT * FROM `{RUN_HISTORY}` WHERE started_at > 5", "No matching signature"),
        (f"SELECT * FROM `{RUN_HISTORY}` WHERE started_at > @start", "start"),
    ],
)
def test_the_check_can_fail(
    text: str, words: str, analyze: Callable[[str, catalog.Query | None], object]
) -> None:
    with pytest.raises(Exception, match=words):
        analyze(text, None)
