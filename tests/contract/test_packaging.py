"""What is shipped: one package of real files, the same from a checkout and from the source archive, under one version."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import animatic

ROOT = Path(__file__).resolve().parents[2]
NAME = f"animatic-{animatic.__version__}"
SHIPPED = {
    ".gitignore",  # hatchling's own: what it must not take up when it builds from the archive
    "CHANGELOG.md", "CONTRIBUTING.md", "PKG-INFO", "README.md", "SECURITY.md", "pipelines.schema.json", "pipelines.yaml", "pyproject.toml",
    "requirements-dev.lock", "requirements.lock",
    "animatic", "benchmarks", "deployments", "docs", "refs", "tests", "tools",
}  # fmt: skip


def build(source: Path, target: str, into: Path) -> Path:
    """Build a wheel or a source archive with the build back end alone, as a packager's tool does; nothing is fetched."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_the_wheel_holds_one_package_with_all_that_it_needs(wheel: Path) -> None:
    files = files_of(wheel)
    assert wheel.name == f"{NAME}-py3-none-any.whl"
    assert {name.partition("/")[0] for name in files} == {"animatic", f"{NAME}.dist-info"}
    for folder in ("animatic", "flows", "tasks"):
        modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.py")}
        assert {name if folder == "animatic" else f"animatic/{name}" for name in modules} <= files
    data = {path.relative_to(ROOT).as_posix() for path in (ROOT / "animatic" / "catalog" / "data").rglob("*.json")}
    assert len(data) > 90
    starters = {path.relative_to(ROOT).as_posix() for path in (ROOT / "animatic" / "cli" / "starters").iterdir()}
    assert {"animatic/cli/starters/teaser.yaml", "animatic/cli/starters/shots.csv"} <= starters <= files
    assert data <= files
    assert "animatic/krea/moderation.txt" in files
    assert {"animatic/flows/run.py", "animatic/tasks/generate.py", "animatic/py.typed"} <= files
    assert any(name.startswith("animatic/manifest/") and name.endswith(".html.j2") for name in files), "the template of the page"
    assert not {name for name in files if "test" in name or name.endswith(".pyc")}


def test_the_archive_holds_real_files_for_packagers_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
    assert archive.name == f"{NAME}.tar.gz"
    assert all(member.isfile() for member in members), "a link or a special file"
    paths = [Path(member.name) for member in members]
    assert {path.parts[0] for path in paths} == {NAME}
    assert {path.parts[1] for path in paths} == SHIPPED
    inside = {path.relative_to(NAME).as_posix() for path in paths}
    assert {"animatic/flows/run.py", "animatic/tasks/generate.py", "docs/reference.md", "tests/conftest.py"} <= inside
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert tests <= inside
    assert not {name for name in inside if "__pycache__" in name or name.endswith(".pyc")}


def test_a_wheel_built_from_the_archive_is_that_of_the_checkout(wheel: Path, archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    again = build(tmp_path / NAME, "wheel", tmp_path / "again")
    assert files_of(again) == files_of(wheel)


def test_no_tool_of_the_test_suite_is_asked_of_users(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        metadata = opened.read(f"{NAME}.dist-info/METADATA").decode()
    assert re.findall(r"^Provides-Extra: (.*)", metadata, re.MULTILINE) == ["c2pa", "fonts"]
    assert not re.findall(r"^Requires-Dist: (?:pytest|mypy|ruff|moto|hypothesis|hatchling)", metadata, re.MULTILINE)
    assert re.search(r"^Requires-Dist: prefect<3\.10,>=3\.9", metadata, re.MULTILINE)


def test_there_is_one_version() -> None:
    """In ``animatic.__version__``; the metadata of the installation and the changelog's newest heading follow it."""
    assert importlib.metadata.version("animatic") == animatic.__version__
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == animatic.__version__


def test_the_lock_files_hold_hashed_versions_and_no_addresses() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        requirements = re.split(r"\n(?=\S)", text.strip())
        assert len(requirements) > 100
        assert all(re.match(r"[\w.\[\]-]+==\S+", item) and "--hash=sha256:" in item for item in requirements), name
