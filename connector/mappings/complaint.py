"""What CEL says about an expression that it refuses, said for people who write mapping sets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connector.mappings.diagnostics import did_you_mean
from connector.mappings.document import Node
from connector.mappings.expression import CompileError, Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One fault of an expression: `offset` and `width` are in its text."""

    code: str
    message: str
    hint: str = ""
    offset: int = 0
    width: int = 1


def complaints(error: CompileError, text: str, environment: Environment, node: Node) -> Iterator[Complaint]:
    """The faults of an expression that was refused. Of syntax errors the first: the others come from it."""
    faults = (error,) if "Syntax error" in error.message else (error, *error.others)
    for fault in faults:
        yield _complaint(fault, text, environment, node)


_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")


def _complaint(fault: CompileError, text: str, environment: Environment, node: Node) -> Complaint:
    lines = text.split("\n")
    offset = sum(len(line) + 1 for line in lines[: fault.line - 1]) + fault.column - 1
    offset = max(0, min(offset, len(text)))
    message = fault.message
    if "Syntax error" in message:
        return _syntax(message, text, offset, node)
    if match := _UNDECLARED.search(message):
        return _undeclared(match.group(1), text, offset, environment, node)
    if match := _OVERLOAD.search(message):
        operator = _operator(match.group(1))
        said = f"`{operator}` can't be applied to ({match.group(2)})."
        return Complaint(code="MAP021", message=said, offset=offset, width=len(operator))
    return _whole(fault, text) or Complaint(
        code="MAP021", message=f"{message[:1].upper()}{message[1:]}.", offset=offset
    )


def _whole(fault: CompileError, text: str) -> Complaint | None:
    """A fault of the expression as a whole."""
    message = fault.message
    if "characters;" in message:
        hint = "Take it apart: a list, a class, or an attribute of its own."
        return Complaint(code="MAP027", message=f"T{message[1:]}.", hint=hint)
    if "recursion" in message:
        hint = 'Every `+` of a chain counts: `[a, b, c].join("")` is one level.'
        return Complaint(code="MAP027", message="This is nested too deeply: CEL takes 32 levels.", hint=hint)
    if message == "the result may be absent":
        return Complaint(code="MAP023", message="This may give nothing.", hint=fault.hint, width=len(text))
    return None


_OPERATORS = {"_?_:_": "? :", "_[_]": "[ ]", "_?._": ".?", "_[?_]": "[? ]", "-_": "-", "!_": "!"}


def _operator(name: str) -> str:
    """An operator as it is written, by its name inside CEL (`_+_`)."""
    return _OPERATORS.get(name) or name.strip("_@") or name


def _undeclared(name: str, text: str, offset: int, environment: Environment, node: Node) -> Complaint:
    head = name.lstrip(".").partition(".")[0]
    found = text.rfind(head, 0, offset + len(head))
    at = found if found >= 0 else offset
    if "." not in name and re.match(r"\s*\(", text[offset:]):
        hint = did_you_mean(name, _FUNCTIONS, otherwise=False)
        return Complaint(
            code="MAP021", message=f"There is no function `{name}`.", hint=hint, offset=at, width=len(head)
        )
    hint = did_you_mean(head, environment.variables)
    if text.strip() == name:
        hint += f" If it is text, it needs quotes of its own: '\"{name}\"'."
    elif _only_yaml_quotes(node):
        hint += " The quotes of YAML are not part of the expression."
    return Complaint(code="MAP022", message=f"`{head}` is not known here.", hint=hint, offset=at, width=len(head))


_UNEXPECTED = re.compile(r"(?:mismatched|extraneous) input '(.*?)' expecting", re.DOTALL)
_UNKNOWN_TOKEN = re.compile(r"token recognition error at: '(.*)'", re.DOTALL)


def _syntax(message: str, text: str, offset: int, node: Node) -> Complaint:
    detail = message.partition("Syntax error: ")[2]
    said, width = f"This is not CEL: {detail}.", 1
    if match := _UNEXPECTED.search(detail):
        found = match.group(1)
        said, width = f"`{found}` is not expected here.", len(found)
        if found == "<EOF>":
            said, width = "The expression ends too early.", 1
    elif match := _UNKNOWN_TOKEN.search(detail):
        found = match.group(1).strip()
        said, width = f"`{found}` is not known in CEL.", len(found)
        if found.startswith(("'", '"')):
            said = "The text has no closing quote."
    hint = _syntax_hint(text, offset, node)
    return Complaint(code="MAP020", message=said, hint=hint, offset=offset, width=max(1, width))


def _syntax_hint(text: str, offset: int, node: Node) -> str:
    rest = text[offset:]
    if re.match(r"=(?!=)", rest):
        return "Compare with `==`."
    if re.match(r"(and|or|not)\b", rest, re.IGNORECASE):
        return "CEL writes `&&`, `||` and `!`."
    if re.match(r"\?", rest) and ":" not in rest:
        return "A choice is `condition ? this : that`."
    if re.fullmatch(r"[\w ./-]+", text):
        return f"If it is text, it needs quotes of its own: '\"{text}\"'."
    if _only_yaml_quotes(node) or text.startswith("/"):
        return "Text in an expression needs quotes of its own, inside those of YAML."
    return ""


def _only_yaml_quotes(node: Node) -> bool:
    return node.style in {"'", '"'} and not re.search(r"[\"']", node.text)


_FUNCTIONS = (
    *("size", "has", "all", "exists", "exists_one", "map", "filter", "matches", "startsWith", "endsWith", "contains"),
    *("int", "uint", "double", "string", "bool", "duration", "timestamp", "dyn", "type", "orValue", "hasValue"),
    *("getFullYear", "getMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes", "getSeconds", "optMap"),
    *("charAt", "indexOf", "join", "lastIndexOf", "lowerAscii", "upperAscii", "replace", "split", "substring", "trim"),
    *("digits", "slug", "days"),
)
"""Functions that people look for, for hints; the language has some more."""
