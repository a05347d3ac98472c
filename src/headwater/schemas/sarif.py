"""Findings in SARIF 2.1.0, in which code hosts show them beside the line that they are about."""

import inspect
import os
from collections.abc import Sequence
from typing import Any

from headwater.fold import App
from headwater.messages import Kind
from headwater.schemas.gate import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: Sequence[Finding], app: App, file: str, version: str) -> dict[str, Any]:
    """The document. A finding stands at its event's class, or at the top of the snapshot's `file` where there is none;
    files are named from the current folder on."""
    rules = sorted({_rule(each) for each in findings})
    driver = {
        "name": "headwater schema check", "version": version, "rules": [{"id": rule} for rule in rules],
    }  # fmt: skip
    results = [
        {
            "ruleId": _rule(each),
            "level": "error",
            "message": {"text": f"{each.message}. To mend it: {each.mend}. It breaks: {', '.join(each.consumers)}."},
            "locations": [{"physicalLocation": _place(each, app, file)}],
            "partialFingerprints": {"break/v1": f"{each.type}/{each.version}/{_rule(each)}/{each.field}"},
        }
        for each in findings
    ]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(finding: Finding) -> str:
    return f"{finding.direction.value}-{finding.rule.value}"


def _place(finding: Finding, app: App, file: str) -> dict[str, Any]:
    types = app.events.types
    cls = types.get(Kind(finding.type, finding.version))
    if cls is None:
        cls = next((each for kind, each in sorted(types.items(), reverse=True) if kind.type == finding.type), None)
    path, line = file, 1
    if cls is not None:
        try:
            path, line = os.path.relpath(inspect.getsourcefile(cls) or file), inspect.getsourcelines(cls)[1]
        except (OSError, TypeError, ValueError):  # a class that was not read from a file
            path, line = file, 1
    return {"artifactLocation": {"uri": path.replace(os.sep, "/")}, "region": {"startLine": line}}
