"""A Salesforce DX project as files: what kind of metadata each is, and its parsed content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .findings import Code, Finding
from .markup import Element, NotWellFormed, parse

KINDS = {
    "object": ("CustomObject", "objects/*"),
    "field": ("CustomField", "objects/*/fields"),
    "listView": ("ListView", "objects/*/listViews"),
    "validationRule": ("ValidationRule", "objects/*/validationRules"),
    "flow": ("Flow", "flows"),
    "queue": ("Queue", "queues"),
    "customPermission": ("CustomPermission", "customPermissions"),
    "permissionset": ("PermissionSet", "permissionsets"),
    "tab": ("CustomTab", "tabs"),
}
"""Suffix of a source file → its metadata type, and the folder that it lives in, below the package directory."""

MAIN = Path("main/default")
"""Where a package directory keeps its metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One metadata file. `name` is the component's developer name, `parent` the object's whose folder it is in."""

    path: Path
    kind: str
    name: str
    parent: str
    root: Element

    def finding(self, code: Code, message: str, line: int | None = None) -> Finding:
        """Something that is wrong in this file, at its root where no line is given."""
        return Finding(path=self.path, line=self.root.line if line is None else line, code=code, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """All files of a project, and what could not be read."""

    api_version: str
    sources: tuple[Source, ...]
    findings: tuple[Finding, ...]

    def of(self, kind: str) -> Iterator[Source]:
        """The files of one kind, by path."""
        return (source for source in self.sources if source.kind == kind)


def read_project(folder: Path) -> Project:
    """Read `sfdx-project.json` and every file of its package directories."""
    definition = Path("sfdx-project.json")

    def wrong(message: str) -> Finding:
        return Finding(path=definition, line=1, code=Code.PROJECT, message=message)

    try:
        content = json.loads((folder / definition).read_text(encoding="utf-8"))
        directories = [entry["path"] for entry in content["packageDirectories"]]
        api_version = str(content["sourceApiVersion"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        return Project(api_version="", sources=(), findings=(wrong(f"not a project definition: {error!r}"),))
    sources: list[Source] = []
    findings: list[Finding] = []
    if sum(bool(entry.get("default")) for entry in content["packageDirectories"]) != 1:
        findings.append(wrong("exactly one package directory has to be the default"))
    for directory in directories:
        files = sorted(path for path in (folder / directory).rglob("*") if path.is_file())
        if not files:
            findings.append(wrong(f"package directory {directory} holds nothing"))
        for path in files:
            outcome = _read(path, folder, Path(directory))
            if isinstance(outcome, Source):
                sources.append(outcome)
            else:
                findings.append(outcome)
    return Project(api_version=api_version, sources=tuple(sources), findings=tuple(findings))


def _read(path: Path, folder: Path, directory: Path) -> Source | Finding:
    relative = path.relative_to(folder)

    def wrong(code: Code, message: str, line: int = 1) -> Finding:
        return Finding(path=relative, line=line, code=code, message=message)

    name, _, rest = path.name.partition(".")
    kind = rest.removesuffix("-meta.xml")
    if kind not in KINDS or kind == rest:
        return wrong(Code.UNKNOWN_FILE, f"no kind of metadata that this project checks: {path.name}")
    place = KINDS[kind][1]
    if not relative.parent.match((directory / MAIN / place).as_posix()):
        return wrong(Code.WRONG_PLACE, f"a .{rest} file belongs in {(MAIN / place).as_posix()}")
    owner = relative.relative_to(directory / MAIN).parts[1] if place.startswith("objects/") else ""
    try:
        root = parse(path.read_bytes())
    except NotWellFormed as error:
        return wrong(Code.MALFORMED, f"not well-formed: {error.reason}", error.line)
    if kind == "object" and name != owner:
        return wrong(Code.FILE_NAME, f"the file is named {name}, its folder {owner}")
    if root.value("fullName") not in {None, name}:
        return wrong(Code.FILE_NAME, f"the file is named {name}, its fullName is {root.value('fullName')}")
    return Source(path=relative, kind=kind, name=name, parent=owner, root=root)
