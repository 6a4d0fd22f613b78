"""What may not stand in a tracked file: places of one machine, download addresses, secrets; and how long it may be."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

MAX_LINES = 500
MAX_TEST_LINES = 800

_LOCKS = re.compile(r"(^|/)(requirements/.*\.txt|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|uv\.lock)$")

_ANYWHERE = {
    "a path of one machine": re.compile(r"(?<![\w.$}\]>*-])(/root|/work|/home/\w+|/Users/\w+)/|\b[A-Z]:\\Users\\"),
    "a private key": re.compile(r"-----BEGIN (RSA |EC |OPENSSH |ENCRYPTED )?PRIVATE KEY-----\s*\n[A-Za-z0-9+/=\n]{64}"),
    "an access key": re.compile(r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{20,})\b"),
    "a Salesforce session": re.compile(r"\b00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?![A-Za-z0-9._]{60,}"),
    "a JSON Web Token": re.compile(r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}"),
}
_LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_EVENT_NAME = re.compile(r"[a-z][a-z0-9_]*")
_IN_LOCKS = {
    "a download address": re.compile(r"https?://|\bfile:|--(extra-)?index-url|--find-links|\"resolved\""),
}


def tracked_files(root: Path) -> list[Path]:
    """Every file that git keeps, or would keep."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout.decode()
    return [file for name in listed.split("\0") if name and (file := root / name).is_file()]


def findings(root: Path, files: list[Path]) -> list[str]:
    """What should not stand in these files, as `file:line: what`."""
    return [finding for file in files for finding in _findings_in(root, file)]


def _findings_in(root: Path, file: Path) -> Iterator[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    name = file.relative_to(root).as_posix()
    for what, pattern in {**_ANYWHERE, **(_IN_LOCKS if _LOCKS.search(name) else {})}.items():
        for match in pattern.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {what}"
    if name.endswith(".py"):
        yield from _findings_in_code(name, text)
    if name.startswith("connector/") and name.endswith(".py") and "import structlog" in text:
        yield from _changing_event_names(name, ast.parse(text))


def _findings_in_code(name: str, text: str) -> Iterator[str]:
    lines = text.count("\n")
    limit = MAX_TEST_LINES if name.startswith(("tests/", "bench/")) else MAX_LINES
    if lines > limit:
        yield f"{name}:{limit}: has {lines} lines; a file that needs more than {limit} wants to be two"
    imports = re.search(r"^(import|from) ", text, re.MULTILINE)
    if imports and "from __future__ import annotations\n" not in text:
        yield f"{name}:1: lacks `from __future__ import annotations`"


def _changing_event_names(name: str, tree: ast.Module) -> Iterator[str]:
    """An event is searched for by its name, so the name is a constant; what varies goes into fields."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=level, value=ast.Name(id=("log" | "_log" | "logger")))):
                told = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
                if level in _LEVELS and not (isinstance(told, str) and _EVENT_NAME.fullmatch(told)):
                    yield f"{name}:{node.lineno}: the event's name is not a constant in snake_case"
