"""Runs the notebook of the documentation from a clean kernel, and compares what it shows with what is stored in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pages
import pytest
from conftest import needs

NOTEBOOK = pages.ROOT / "docs" / "notebooks" / "penguins.ipynb"


def shown(notebook: Any) -> list[tuple[int, str, Any]]:
    """What each cell shows: its number, the kind of output, and the output. Printed text may come in several parts."""
    found: list[tuple[int, str, Any]] = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            kind = output["output_type"]
            content = output["text"] if kind == "stream" else dict(output["data"])
            if kind == "stream" and found and found[-1][:2] == (number, kind):
                content = found.pop()[2] + content
            found.append((number, kind, content))
    return found


def test_the_notebook_runs_and_shows_what_is_stored_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pandas", "pyarrow", "palmerpenguins", "ipykernel"):
        needs(package)
    nbformat, nbclient = needs("nbformat"), needs("nbclient")
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    place = tmp_path / "work"
    place.mkdir()
    stored = nbformat.read(NOTEBOOK, as_version=4)
    ran = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        ran, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(place)}}
    )
    client.execute()
    assert len(shown(stored)) >= 10, "the notebook is stored with what it shows"
    for before, now in zip(shown(stored), shown(ran), strict=True):
        assert now == before
    assert (place / "report.html").exists() and (place / "clean" / "penguins.parquet").exists()


def test_what_is_stored_has_no_traces_of_a_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "/tmp/" not in text and "/home/" not in text and "/root/" not in text
    assert '"output_type": "error"' not in text and '"name": "stderr"' not in text
