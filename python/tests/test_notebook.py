"""Runs the notebook of the documentation from a clean kernel, and compares what it shows with what is stored in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pages
import pytest
from conftest import needs

import sluicegate as sg

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


def test_a_profile_shows_its_columns_and_escapes_what_stands_in_them() -> None:
    pa = needs("pyarrow")
    frame = pa.table({"<b>": ["<script>", "x", "x", None], "n": [1, 2, 3, 4]})
    page = sg.profile(frame, name="<i>")._repr_html_()
    assert "4 rows, 2 columns" in page and "1 … 4" in page and "1 (25.0%)" in page
    assert "&lt;b&gt;" in page and "&lt;script&gt;" in page and "&lt;i&gt;" in page
    assert "<script>" not in page and "accept" not in page
