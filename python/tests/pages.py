"""Reads pages of the documentation, so that tests run what stands on them.

A page is a story: its blocks run in order, in one directory and with one set of names.

- a block `yaml` whose first line is `# some/path.yaml` becomes that file;
- a block `python` runs, and where a block `text` follows, that is what it prints;
- a block `sh` runs line by line, and where a block `text` follows, that is what it prints;
- rows of a table whose cells are code are pairs: theirs and ours (see `pairs`).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# Lines of shell blocks that change the environment or the project; the clean environment of CI has run them.
SETS_UP = ("pip install", "python3 -m venv", "source ", "jupyter ", "git clone", "cd ")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line where it begins, and the text that it is to print."""

    language: str
    text: str
    line: int
    prints: str | None


@dataclass(frozen=True)
class Pair:
    """A row of a table: what is wanted, another tool's code, ours, and what each of them finds."""

    what: str
    theirs: str
    ours: str
    found_by_theirs: str
    found_by_ours: str
    line: int


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    language, start, inside = None, 0, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if language is None and line.startswith("```"):
            language, start, inside = line[3:].strip(), number, []
        elif language is not None and line.startswith("```"):
            found.append(Block(language, "\n".join(inside) + "\n", start, None))
            language = None
        else:
            inside.append(line)
    assert language is None, f"{page}:{start}: the block does not end"
    return _with_what_they_print(found)


def _with_what_they_print(found: list[Block]) -> list[Block]:
    joined: list[Block] = []
    for block in found:
        if block.language == "text":
            assert joined, f"line {block.line}: nothing stands before this output"
            last = joined[-1]
            joined[-1] = Block(last.language, last.text, last.line, block.text)
        else:
            joined.append(block)
    return joined


def run(page: Path, place: Path, names: dict[str, Any] | None = None) -> dict[str, Any]:
    """Runs the blocks of a page in a directory; the names that they leave behind."""
    names = {"__name__": "page"} if names is None else names
    before = Path.cwd()
    os.chdir(place)
    try:
        for block in blocks(page):
            printed = _run_block(page, block, place, names)
            if block.prints is not None:
                where = f"{page.name}:{block.line}"
                assert _lines(printed) == _lines(block.prints), f"{where} prints something else:\n{printed}"
    finally:
        os.chdir(before)
    return names


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _run_block(page: Path, block: Block, place: Path, names: dict[str, Any]) -> str:
    where = f"{page.name}:{block.line}"
    if block.language == "python":
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            # The block stands on its own line of the page, so that a failure names the line.
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
        return out.getvalue()
    if block.language == "sh":
        return _run_shell(where, block.text, place)
    if block.language == "yaml":
        first = re.match(r"# (\S+\.ya?ml)\n", block.text)
        assert first, f"{where}: the first line of a YAML block names its file: `# rules/orders.yaml`"
        path = place / first[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        return ""
    assert block.language == "scala", f"{where}: a block of `{block.language}` is not run by any test"
    return ""


def _run_shell(where: str, text: str, place: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    printed = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith(SETS_UP):
            continue
        done = subprocess.run(
            ["bash", "-c", line], cwd=place, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        # 1 is what a check of bad data ends with.
        assert done.returncode in (0, 1), f"{where}: {line}\n{done.stdout}{done.stderr}"
        printed += done.stdout
    return printed


def pairs(page: Path) -> list[Pair]:
    """The rows of the tables of a page that hold code of both tools: `| what | theirs | ours | found |`."""
    found: list[Pair] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if len(cells) != 4 or not cells[1].startswith("`"):
            continue
        theirs, ours = (cell.strip("`").replace("\\|", "|") for cell in cells[1:3])
        by_theirs, _, by_ours = cells[3].rpartition(" · ")
        assert by_ours, f"{page}:{number}: the last cell says what both find: `1 · 1`"
        found.append(Pair(cells[0], theirs, ours, by_theirs, by_ours, number))
    return found
