"""Reads reports that Sluicegate wrote, with parsers that are not ours, and prints what is in them as JSON, a list entry a file.

    read.py junit|markdown|github|gitlab FILE...

A file that its format's schema or documentation does not allow makes it fail."""

import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def junit(path):
    import junitparser
    import xmlschema

    junit.schema = getattr(junit, "schema", None) or xmlschema.XMLSchema(os.path.join(HERE, "junit-10.xsd"))
    junit.schema.validate(path)
    suites = junitparser.JUnitXml.fromfile(path)
    stated = (suites.tests, suites.failures, suites.errors)
    cases, names = [], set()
    for suite in suites:
        for case in suite:
            kinds = {junitparser.Failure: "failure", junitparser.Error: "error", junitparser.Skipped: "skipped"}
            results = [(kinds[type(r)], r.type, r.message, r.text) for r in case.result]
            assert len(results) <= 1, results
            kind, code, message, text = results[0] if results else ("passed", None, None, None)
            assert (case.classname, case.name) not in names, case.name
            names.add((case.classname, case.name))
            cases.append(
                {"name": case.name, "class": case.classname, "result": kind, "code": code, "message": message,
                 "text": text or "", "out": case.system_out or ""}
            )
    count = lambda kind: sum(case["result"] == kind for case in cases)
    assert stated == (len(cases), count("failure"), count("error")), stated
    assert cases, "an empty suite"
    return {"cases": cases}


def markdown(path):
    from markdown_it import MarkdownIt

    text = open(path, encoding="utf-8", newline="").read()
    assert len(text.encode()) < 64_000, len(text.encode())
    # As GitHub has it: tables, strikethrough, bare addresses as links, HTML.
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": True})
    texts, rows, plain = [], 0, []
    blocks = {"heading", "paragraph", "inline", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td"}
    for token in parser.parse(text):
        kind = re.sub("_(open|close)$", "", token.type)
        assert kind in blocks, token
        rows += token.type == "tr_open"
        inside = None
        for child in token.children or []:
            match child.type:
                case "html_inline":
                    match child.content:
                        case "<code>":
                            assert inside is None
                            inside = ""
                        case "</code>":
                            texts.append(inside)
                            inside = None
                        case "<br>":
                            assert inside is None
                        case other:
                            raise AssertionError(other)
                case "text" | "text_special":
                    if inside is None:
                        plain.append(child.content)
                    else:
                        inside += child.content
                case "strong_open" | "strong_close" | "softbreak":
                    assert inside is None
                case other:
                    raise AssertionError((other, child.content))
        assert inside is None, token
    # Outside of code stand words of the program alone: nothing that a code host makes a reference of.
    assert not re.search(r"[@#!~$`<>\[\]*\\]", "".join(plain)), plain
    return {"texts": texts, "plain": "\n".join(plain), "rows": rows}


def github(path):
    """https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions: `::name key=value,key=value::message`,
    with %25, %0D and %0A in both, and %3A and %2C in values."""
    commands = []
    for line in open(path, encoding="utf-8", newline="").read().split("\n"):
        if not line:
            continue
        assert "\r" not in line
        command = re.fullmatch(r"::(error|warning|notice)(?: ((?:[^:]|:(?!:))*?))?::(.*)", line)
        assert command, line
        level, written, message = command.groups()
        properties = {}
        for part in written.split(",") if written else []:
            key, value = part.split("=", 1)
            assert key in {"file", "line", "endLine", "col", "endColumn", "title"} and key not in properties, part
            assert ":" not in value, value
            properties[key] = value.replace("%3A", ":").replace("%2C", ",").replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
        for key in {"line", "endLine", "col", "endColumn"} & properties.keys():
            assert "file" in properties and int(properties[key]) >= 1, line
        if "col" in properties:
            assert properties.get("endLine", properties["line"]) == properties["line"]
        message = message.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
        commands.append({"level": level, "message": message, **properties})
    for level in ("error", "warning", "notice"):
        assert sum(command["level"] == level for command in commands) <= 10
    return {"commands": commands}


def gitlab(path):
    """https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""
    text = open(path, "rb").read()
    assert not text.startswith(b"\xef\xbb\xbf"), "no byte order mark"
    entries = json.loads(text)
    assert isinstance(entries, list)
    for entry in entries:
        for key in ("description", "check_name", "fingerprint"):
            assert isinstance(entry[key], str) and entry[key], entry
        assert entry["severity"] in {"info", "minor", "major", "critical", "blocker"}, entry
        place = entry["location"]
        assert place["path"] and not place["path"].startswith("./"), entry
        assert type(place["lines"]["begin"]) is int and place["lines"]["begin"] >= 1, entry
    assert len({entry["fingerprint"] for entry in entries}) == len(entries), "fingerprints differ"
    return {"entries": entries}


if __name__ == "__main__":
    read = {"junit": junit, "markdown": markdown, "github": github, "gitlab": gitlab}[sys.argv[1]]
    out = []
    for path in sys.argv[2:]:
        try:
            out.append(read(path))
        except Exception as error:
            raise SystemExit(f"{path}: {type(error).__name__}: {error}")
    json.dump(out, sys.stdout)
