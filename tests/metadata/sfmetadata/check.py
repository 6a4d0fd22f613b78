"""All checks of a project, in one go."""

from __future__ import annotations

from pathlib import Path

from .findings import Code, Finding
from .flows import check_flows
from .grammar import Grammar
from .objects import check_objects
from .permissions import check_permissions
from .project import read_project
from .schema import read_schema
from .views import check_views


def check(folder: Path) -> list[Finding]:
    """Everything that is wrong with the project in a folder, by file and line.

    Where a file could not be read, the cross-checks are left out: they would only echo that it is missing.
    """
    project = read_project(folder)
    findings = [*project.findings, *Grammar.load().check(project)]
    if project.findings or any(finding.code is Code.ROOT_TYPE for finding in findings):
        return sorted(findings)
    schema = read_schema(project)
    for rule in (check_objects, check_permissions, check_flows, check_views):
        findings += rule(project, schema)
    return sorted(findings)
