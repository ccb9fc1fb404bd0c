"""Packaging: licence, machine paths, layers, wheel, and the time to show help."""

import ast
import os
import re
import resource
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]


def tracked() -> list[Path]:
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if out.returncode != 0:
        pytest.skip("not a git checkout: the files of the project cannot be told from others")
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


def test_help_takes_little_cpu() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(2):  # the first run may have to compile
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "pricebid", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (after.ru_utime - start.ru_utime) + (after.ru_stime - start.ru_stime)
    assert after.ru_utime >= before.ru_utime
    assert spent < 0.6


def test_who_imports_whom_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    out = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stdout
    assert "0 broken" in out.stdout


def test_nothing_in_the_project_names_a_place_of_one_machine() -> None:
    place = re.compile(r"(?<![\w.])/(?:home|Users|root|work|tmp)/[\w.-]+|[A-Z]:\\Users")
    found = []
    for path in tracked():
        if path.suffix in {".py", ".md", ".toml", ".yml", ".txt", ".cfg", ""} and path.name != "test_shell.py":
            text = path.read_text(encoding="utf8", errors="ignore")
            found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in place.finditer(text)]
    assert found == []


def test_the_licence_expression_names_the_licence_of_the_data() -> None:
    data = ROOT / "src/pricebid/datasets/orange_juice"
    assert "GNU GENERAL PUBLIC LICENSE" in (data / "LICENSE").read_text(encoding="utf8")
    assert PROJECT["license"] == "Apache-2.0 AND GPL-2.0-or-later"
    assert str((data / "LICENSE").relative_to(ROOT)) in PROJECT["license-files"]
    assert (data / "SOURCE.md").exists()


def test_the_version_is_one_number() -> None:
    import pricebid

    assert PROJECT["version"] == pricebid.__version__
    assert f"## {pricebid.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf8")


def test_every_dependency_is_used() -> None:
    used = {"tzdata"}  # loaded by zoneinfo, never imported
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.Import):
                used |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                used.add((node.module or "").split(".")[0])
    declared = {re.split(r"[<>=!\[ ]", one)[0] for one in PROJECT["dependencies"]}
    assert declared <= used


@pytest.mark.slow
def test_the_wheel_carries_both_packages_the_types_and_the_data(tmp_path: Path) -> None:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, env=environment)
    (wheel,) = tmp_path.glob("pricebid-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "pricebid/py.typed",
        "pricebid_api/__init__.py",
        "pricebid/datasets/orange_juice/LICENSE",
        "pricebid/datasets/orange_juice/SOURCE.md",
        "pricebid/datasets/orange_juice/policy.toml",
        "pricebid/datasets/template/sales.csv",
        "pricebid/datasets/template/README.md",
    ):
        assert wanted in names
    assert any(re.match(r"pricebid/datasets/orange_juice/sales\.", name) for name in names)
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)
