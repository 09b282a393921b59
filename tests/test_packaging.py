"""environment.yml, pyproject.toml and constraints.txt tell the same story."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
CONDA_NAMES = {"python-duckdb": "duckdb"}
CUSTOMER = (
    "jupyterlab",
    "papermill",
    "pandas",
    "google-cloud-bigquery",
    "db-dtypes",
    "matplotlib",
    "scipy",
    "nbconvert",
    "pytest",
)


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def declared() -> dict[str, SpecifierSet]:
    """What pyproject asks for, without the test tools (pytest excepted: the customer names it)."""
    table = project()
    extras = table["optional-dependencies"]
    lines = [*table["dependencies"], *extras["lab"], *extras["gcp"]]
    lines += [line for line in extras["test"] if Requirement(line).name == "pytest"]
    found = {canonicalize_name(r.name): r.specifier for r in map(Requirement, lines)}
    return found | {"python": SpecifierSet(str(table["requires-python"]))}


def conda() -> dict[str, SpecifierSet]:
    listed = YAML(typ="safe").load((ROOT / "environment.yml").read_text())["dependencies"]
    lines = [line for line in listed if isinstance(line, str) and line != "pip"]
    requirements = map(Requirement, lines)
    return {canonicalize_name(CONDA_NAMES.get(r.name, r.name)): r.specifier for r in requirements}


def test_environment_yml_and_pyproject_name_the_same_dependencies() -> None:
    assert sorted(conda()) == sorted(declared())


def test_their_ranges_are_the_same() -> None:
    wanted = declared()
    assert {n: str(s) for n, s in conda().items()} == {n: str(s) for n, s in wanted.items()}


def test_every_package_of_the_customer_is_in_environment_yml_by_name() -> None:
    assert set(CUSTOMER) <= set(conda())


def test_constraints_pin_every_dependency_to_one_version_in_range() -> None:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)", line)
            assert match, f"not a plain pin: {line}"
            pins[canonicalize_name(match[1])] = Version(match[2])
    table = project()
    lines = [*table["dependencies"], *table["optional-dependencies"]["test"]]
    for requirement in map(Requirement, lines):
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name} is not pinned"
        assert pins[name] in requirement.specifier, f"{name} {pins[name]} is out of range"
    assert str(pins["duckdb"]) == "1.5.5"
