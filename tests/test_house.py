"""The house stays in order: sizes and names of files, and documents that say what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from attrex.errors import AttrexError

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for part in ("src", "tests", "benchmarks") for path in (ROOT / part).rglob("*.py"))
PACKAGES = sorted((ROOT / "src" / "attrex").glob("[!_]*"))
LONGEST = 400
SHAPELESS = re.compile(r"(^|_)(utils?|helpers?|common|misc|v\d+)$")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def project() -> dict[str, dict]:
    return tomllib.loads(read("pyproject.toml"))


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {str(path): n for path, n in lengths.items() if n > LONGEST} == {}


def test_a_file_is_named_after_what_is_in_it() -> None:
    assert [str(path) for path in MODULES if SHAPELESS.search(path.stem)] == []


def test_no_error_is_swallowed() -> None:
    broad = re.compile(r"^\s*except(\s+(Base)?Exception\b[^\n]*)?:", re.MULTILINE)
    assert [str(path) for path in MODULES if broad.search(path.read_text(encoding="utf-8"))] == []


def test_architecture_names_every_package() -> None:
    told = read("ARCHITECTURE.md")
    names = {path.stem for path in PACKAGES if path.suffix in ("", ".py")}
    assert {name for name in names if not re.search(rf"(^|[`| ]){name}\b", told, re.MULTILINE)} == set()


def test_architecture_draws_the_arrows_that_are_checked(project: dict[str, dict]) -> None:
    arrows = next(c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    checked = [{each.strip(" ()") for each in layer.split("|")} for layer in arrows["layers"]]
    drawn = re.search(r"```arrows\n(.*?)```", read("ARCHITECTURE.md"), re.DOTALL)
    assert drawn
    lines = [line for line in drawn[1].splitlines() if line.strip()]
    assert [set(re.findall(r"\w+", line.split("  ")[0])) for line in lines] == checked


def exit_codes(error: type[AttrexError]) -> set[int]:
    return {error.exit_code}.union(*map(exit_codes, error.__subclasses__()))


def test_the_readme_lists_the_exit_codes_that_errors_have() -> None:
    rows = re.findall(r"^\| (\d+) \|", read("README.md"), re.MULTILINE)
    assert {int(code) for code in rows} == {0, *exit_codes(AttrexError)}


def test_the_readme_s_files_are_there() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", read(name)):
            assert (ROOT / target).exists(), f"{name} points to {target}"


def test_ci_runs_the_command_of_the_readme() -> None:
    assert "\nmake test" in read("README.md")
    assert read(".ci/run").splitlines()[-1] == "exec make test"


def test_the_default_set_up_is_one_that_the_project_allows(project: dict[str, dict]) -> None:
    pinned = [Requirement(line) for line in read("constraints.txt").splitlines() if line[0] != "#"]
    extras = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    allowed = {r.name: r for r in map(Requirement, [*project["project"]["dependencies"], *extras])}
    for pin in pinned:
        (version,) = {Version(each.version) for each in pin.specifier}
        assert version in allowed[pin.name].specifier


def test_the_change_log_begins_with_this_version() -> None:
    from attrex import __version__

    assert re.search(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)[1] == __version__  # type: ignore[index]
