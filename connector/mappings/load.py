"""A folder on disk → a compiled set. Everything else about sets happens without a disk, in `compile`.

load(folder)   the set, or MappingSetInvalid with every finding
check(folder)  every finding, and the set when there is no error
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from connector.mappings.compile import CheckResult, compile_set
from connector.mappings.diagnostics import Diagnostic
from connector.mappings.format import FOLDERS, IGNORED_FOLDERS
from connector.mappings.set import MappingSet

MAX_FILES = 500
"""Most YAML files in one set."""

MAX_FILE_BYTES = 1_000_000
"""Largest file."""

MAX_BYTES = 8_000_000
"""All files together."""

_SUFFIXES = frozenset({".yaml", ".yml"})


def load(folder: Path) -> MappingSet:
    """The compiled set in a folder.

    Raises:
        MappingSetInvalid: it has errors; the exception carries all findings.
    """
    return check(folder).require(folder=str(folder))


def check(folder: Path) -> CheckResult:
    """Everything that can be known about the set in a folder without an order."""
    found: list[Diagnostic] = []
    if not folder.is_dir():
        missing = "is not a folder" if folder.exists() else "does not exist"
        found.append(_finding("MAP001", ".", f"{folder} {missing}."))
        return CheckResult(diagnostics=tuple(found), mapping_set=None, files={})
    files: dict[str, str] = {}
    total = 0
    for path in _yaml_files(folder, found):
        name = PurePosixPath(path.relative_to(folder)).as_posix()
        if len(files) >= MAX_FILES:
            found.append(_finding("MAP003", name, f"More than {MAX_FILES} files."))
            break
        text = _read(path, name, found)
        if text is None:
            continue
        total += len(text)
        if total > MAX_BYTES:
            found.append(_finding("MAP003", name, f"The files have more than {MAX_BYTES} characters together."))
            break
        files[name] = text
    if not files and not found:
        found.append(_finding("MAP001", ".", f"{folder} holds no YAML file."))
        return CheckResult(diagnostics=tuple(found), mapping_set=None, files={})
    return compile_set(files, found=found)


def _yaml_files(folder: Path, found: list[Diagnostic]) -> Iterator[Path]:
    """The YAML files that may belong to the set, in the order of their paths; hidden ones are left alone."""
    root = folder.resolve()
    waiting = [folder]
    files: list[Path] = []
    while waiting:
        here = waiting.pop()
        for entry in sorted(os.scandir(here), key=lambda entry: entry.name):
            path = Path(entry.path)
            name = path.relative_to(folder).as_posix()
            if entry.name.startswith(".") or (here == folder and entry.name in IGNORED_FOLDERS):
                continue
            if entry.is_symlink() and (entry.is_dir() or not _leads_inside(path, root)):
                message = "The symbolic link leads out of the folder, to another folder, or nowhere."
                found.append(_finding("MAP004", name, message))
            elif entry.is_dir(follow_symlinks=False):
                if here != folder or entry.name in FOLDERS or any(path.glob("*.y*ml")):
                    waiting.append(path)
            elif entry.is_file() and path.suffix in _SUFFIXES:
                files.append(path)
    yield from sorted(files)


def _leads_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _read(path: Path, name: str, found: list[Diagnostic]) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        found.append(_finding("MAP001", name, f"The file can't be read: {error.strerror}."))
        return None
    if len(data) > MAX_FILE_BYTES:
        found.append(_finding("MAP003", name, f"The file has more than {MAX_FILE_BYTES} bytes."))
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        found.append(
            Diagnostic(
                code="MAP002",
                file=name,
                line=line,
                column=column,
                message=f"The byte 0x{data[error.start]:02x} is not UTF-8.",
                hint="Save the file as UTF-8.",
            )
        )
        return None


def _finding(code: str, file: str, message: str) -> Diagnostic:
    return Diagnostic(code=code, file=file, line=1, column=1, message=message)
