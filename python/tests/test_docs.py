"""Runs every snippet of the pages for Python, and compares what it prints with what stands on the page."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pages
import pytest
from conftest import needs

PAGES = ["python/README.md", "docs/python.md"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory as a new user has it: the project's own examples are in reach."""
    for name in ("fixtures", "rules"):
        shutil.copytree(pages.ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_every_snippet_of_the_page_runs_and_prints_what_stands_there(page: str, place: Path) -> None:
    for package in ("pandas", "polars", "pyarrow", "duckdb"):
        needs(package)
    pages.run(pages.ROOT / page, place)


@pytest.mark.parametrize("page", [*PAGES, "docs/coming-from", "docs/catalogue"])
def test_links_lead_to_files_that_are_there(page: str) -> None:
    path = pages.ROOT / page
    for file in sorted(path.glob("*.md")) if path.is_dir() else [path]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target} is not there"
