"""What the formats say, and that the programs that read them can."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jaxcheck import __version__
from jaxcheck.catalogue import rules

from .running import CLEAN, REUSED, findings, jaxcheck, project

LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri", "uriBaseId"],
                    "properties": {
                        "uri": {"type": "string", "pattern": "^[^/:\\\\ ]+(/[^/:\\\\ ]+)*$"},
                        "uriBaseId": {"const": "%SRCROOT%"},
                    },
                },
                "region": {
                    "type": "object",
                    "required": ["startLine", "startColumn", "endLine", "endColumn"],
                    "additionalProperties": {"type": "integer", "minimum": 1},
                },
            },
        },
        "message": {"type": "object", "required": ["text"]},
    },
}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"minLength": 1}}}
SARIF = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "required": ["tool", "results", "originalUriBaseIds", "columnKind"],
                "properties": {
                    "columnKind": {"const": "unicodeCodePoints"},
                    "tool": {
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "required": ["name", "version", "rules"],
                                "properties": {
                                    "rules": {
                                        "items": {
                                            "required": ["id", "shortDescription", "help"],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                            },
                                        }
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "items": {
                            "type": "object",
                            "required": [
                                *("ruleId", "ruleIndex", "level", "message", "locations"),
                                "partialFingerprints",
                            ],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "locations": {"minItems": 1, "maxItems": 1, "items": LOCATION},
                                "relatedLocations": {"items": LOCATION},
                                "partialFingerprints": {
                                    "required": ["primaryLocationLineHash"],
                                    "additionalProperties": {"pattern": "^[0-9a-f]{20}$"},
                                },
                                "fixes": {
                                    "minItems": 1,
                                    "items": {"required": ["description", "artifactChanges"]},
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}
"""The part of the schema of SARIF 2.1.0 that code scanning needs."""


def test_text_shows_both_places_the_code_and_the_way_out(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED)
    lines = jaxcheck(cwd=tmp_path).stdout.splitlines()
    assert lines[0].startswith("reused.py:5:11: JX1302[legacy-prng-key] (warning) `jax.random.PRN")
    assert lines[1:6] == [
        "    | key = jax.random.PRNGKey(seed)",
        "    |       ^^^^^^^^^^^^^^^^^^",
        "    --fix can do this: Replace `jax.random.PRNGKey` by `jax.random.key`",
        "    + key = jax.random.key(seed)",
        "",
    ]
    assert lines[6].startswith("reused.py:7:14: JX501[key-reused] `key` was consumed")
    assert lines[7:9] == [
        "    | second = jax.random.normal(key, (3,))",
        "    |          " + "^" * len("jax.random.normal(key, (3,))"),
    ]
    assert re.fullmatch(r"    first consumed here.*: reused\.py:6", lines[9])
    assert lines[10:] == ["", "2 findings in 1 file."]


def test_text_calls_paths_as_one_does_from_here(tmp_path: Path) -> None:
    project(tmp_path)
    project(tmp_path / "src", reused=REUSED)
    (tmp_path / "src/pyproject.toml").unlink()
    assert "\nreused.py:7:14: " in jaxcheck("reused.py", cwd=tmp_path / "src").stdout
    (tmp_path / "other").mkdir()
    assert "\nsrc/reused.py:7:14: " in jaxcheck("../src", cwd=tmp_path / "other").stdout


def test_text_survives_odd_code(tmp_path: Path) -> None:
    odd = REUSED.replace("    second = ", "\tsecond = '研究室 🧪', ").replace("    ", "\t")
    project(tmp_path, odd=odd)
    done = jaxcheck(cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 1, done.stderr
    assert "| second = '\\u7814\\u7a76\\u5ba4 \\U0001f9ea', jax.random.normal(" in done.stdout


def test_statistics_count_by_rule(tmp_path: Path) -> None:
    project(tmp_path, a=REUSED, b=REUSED, c=REUSED.replace("PRNGKey", "key"))
    assert jaxcheck("--statistics", cwd=tmp_path).stdout.splitlines() == [
        "     3  JX501   key-reused",
        "     2  JX1302  legacy-prng-key",
        "5 findings in 3 files.",
    ]
    with_report = jaxcheck("--statistics", "--report", cwd=tmp_path).stdout.splitlines()
    assert with_report[4].startswith(" 1  not checked ")
    assert len(with_report) == 4 + 12


def test_json_says_all(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED)
    shown = json.loads(jaxcheck("--format", "json", cwd=tmp_path).stdout)
    assert shown["version"] == __version__
    assert shown["summary"] == {
        "files": 1,
        "findings": 2,
        "failing": 2,
        "suppressed": 0,
        "tolerated": 0,
        "by_confidence": {"proven": 2},
        "by_rule": {"JX1302": 1, "JX501": 1},
    }
    legacy, reused = shown["findings"]
    place = {"path": "reused.py", "line": 7, "column": 14, "end_line": 7, "end_column": 42}
    assert place.items() <= reused.items()
    assert reused["function"] == "sample"
    assert (reused["code"], reused["name"]) == ("JX501", "key-reused")
    assert (reused["confidence"], reused["severity"], reused["tier"]) == (
        *("proven", "error", "static"),
    )
    assert [(place["path"], place["line"]) for place in reused["related"]] == [("reused.py", 6)]
    assert reused["fix"] is None
    assert legacy["fix"]["safe"] is True
    assert legacy["fix"]["edits"][0]["replacement"] == "jax.random.key"
    assert legacy["fingerprint"] != reused["fingerprint"]


def test_columns_count_characters(tmp_path: Path) -> None:
    project(tmp_path, wide=REUSED.replace("second = ", "é, second = 'é', "))
    [_, reused] = findings(cwd=tmp_path)
    assert reused["column"] == len("    é, second = 'é', ") + 1


def sarif(folder: Path, *arguments: str, **environment: str) -> dict[str, Any]:
    done = jaxcheck("--format", "sarif", *arguments, cwd=folder, **environment)
    log = json.loads(done.stdout)
    jsonschema.validate(log, SARIF)
    return log["runs"][0]


def test_sarif_is_what_code_scanning_reads(tmp_path: Path) -> None:
    project(tmp_path)
    project(tmp_path / "a folder", reused=REUSED)
    run = sarif(tmp_path, "a folder/reused.py", "--config", "pyproject.toml")
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == list(rules())
    legacy, reused = run["results"]
    assert driver["rules"][reused["ruleIndex"]]["id"] == reused["ruleId"] == "JX501"
    assert "## Why is this bad?" in driver["rules"][reused["ruleIndex"]]["help"]["markdown"]
    related = reused["relatedLocations"][0]["physicalLocation"]
    assert related["region"]["startLine"] == 6
    assert legacy["level"] == "warning"
    change = legacy["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert change["insertedContent"]["text"] == "jax.random.key"
    assert run["invocations"][0]["executionSuccessful"] is True


def test_sarif_and_annotations_count_paths_from_the_repository(tmp_path: Path) -> None:
    project(tmp_path / "part", reused=REUSED)
    inside = {"GITHUB_WORKSPACE": str(tmp_path)}
    run = sarif(tmp_path / "part", **inside)
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "part/reused.py"
    told = jaxcheck("--format", "github", cwd=tmp_path / "part", **inside).stdout
    assert "file=part/reused.py," in told


def test_annotations_are_escaped_and_few(tmp_path: Path) -> None:
    many = REUSED.replace("    return first + second\n", "") + "".join(
        f"    noise_{number} = jax.random.normal(key, (3,))\n" for number in range(20)
    )
    project(tmp_path, **{"a,b": many})
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    done = jaxcheck("--format", "github", cwd=tmp_path, GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert len(commands) == 10
    assert all(command.startswith("::error file=a%2Cb.py,line=") for command in commands)
    assert "%0Afirst consumed here" in commands[0]
    assert [line for line in lines if "JX1302" in line] == [lines[-2]], "the lightest comes last"
    assert len(lines) == 22 + 1
    told = summary.read_text()
    assert told.startswith("before\n## jaxcheck\n\n22 findings in 1 file.\n")
    assert told.count("| JX501 key-reused |") == 21


def test_a_cell_of_the_summary_holds_any_text(tmp_path: Path) -> None:
    project(tmp_path, code="import jax\n\nx = 1  # jaxcheck: ignore[a|b<c] why\n")
    summary = tmp_path / "summary.md"
    jaxcheck("--format", "github", cwd=tmp_path, GITHUB_STEP_SUMMARY=str(summary))
    assert "There is no rule `a\\|b&lt;c`." in summary.read_text()


@pytest.mark.parametrize(
    ("text", "status", "count"),
    [
        (REUSED, "fail", "0 of 1 functions consume each key once, 1 finding"),
        (REUSED.replace("normal(key", "normal(jax.random.key(0)"), "pass", "1 of 1 functions"),
        (CLEAN, "not applicable", ""),
    ],
)
def test_report_has_a_row_for_each_item(tmp_path: Path, text: str, status: str, count: str) -> None:
    project(tmp_path, code=text)
    select = ("--select", "JX501", "--report")
    rows = json.loads(jaxcheck(*select, "--format", "json", cwd=tmp_path).stdout)["coverage"]
    assert [row["item"] for row in rows] == list(range(1, 13))
    assert rows[4]["status"] == status
    assert {row["status"] for row in rows} == {status, "not checked"}
    told = jaxcheck(*select, cwd=tmp_path).stdout.splitlines()
    assert re.search(rf"^ 5  {status}  +PRNG keys are never reused *{re.escape(count)}", told[-8])


def test_report_counts_what_is_suppressed_and_tolerated(tmp_path: Path) -> None:
    excused = REUSED.replace("second = ", "# jaxcheck: ignore[JX501] on purpose\n    second = ")
    project(tmp_path, excused=excused)
    report = ("--select", "JX501", "--report")
    [row] = [line for line in jaxcheck(*report, cwd=tmp_path).stdout.splitlines() if " 5  " in line]
    assert row.endswith("1 of 1 functions consume each key once, 1 suppressed")
    project(tmp_path, excused=REUSED)
    jaxcheck("--select", "JX501", "--write-baseline", cwd=tmp_path)
    done = jaxcheck(*report, "--baseline", "jaxcheck-baseline.json", cwd=tmp_path)
    assert done.returncode == 0
    [row] = [line for line in done.stdout.splitlines() if " 5  " in line]
    assert re.match(r" 5  fail .* 0 of 1 functions consume each key once, 1 finding$", row)
