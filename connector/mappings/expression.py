"""CEL expressions: compiled once, with the place they were written at, evaluated without side effects.

The engine is Google's C++ CEL (`cel-expr-python`). Two of its traits shape this module: an evaluation
error is a value, not an exception; and converting a value that holds an *optional* to Python at one go
crashes the process (0.1.3), so such results are refused at compile time and values are converted step
by step. Converting enough nulls does so too: see `_to_json`. And handing values over and back costs more
than most expressions do, so what can be answered without that is: see `direct`.

Variables are JSON values (`now` alone is a timestamp). An absent attribute is an error that names it,
unless the expression says `has(x.y)` or `x.?y.orValue(z)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_math, ext_optional, ext_strings

from connector.errors import ConnectorError, UsageError
from connector.mappings.direct import LEFT_TO_CEL, absent, direct, path_of
from connector.mappings.functions import FUNCTIONS
from connector.mappings.syntax import ELEMENT, Reference, references
from connector.mappings.tree import Tree, tree
from connector.model.json import Json

MAX_LENGTH = 4_000
"""Longest expression accepted, in characters."""

_LOCATION = re.compile(r"<input>:(\d+):(\d+): (.*)")


@dataclass(frozen=True, slots=True)
class Source:
    """Where something was written: file (relative to the set's folder), line and column from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        """`plans/mobile.yaml:12`."""
        return f"{self.file}:{self.line}"


NOWHERE = Source("<none>", 1)


class CompileError(UsageError):
    """An expression that CEL does not accept. `line` and `column` are inside the expression, from 1."""

    code = "CEL"

    def __init__(self, message: str, *, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column
        self.others: tuple[CompileError, ...] = ()
        """The further errors of the same expression."""


class EvaluationError(ConnectorError):
    """An expression that failed on the values it was given."""

    code = "CEL_EVALUATION"

    def __init__(self, expression: Expression, reason: str) -> None:
        super().__init__(f"{expression.text!r} ({expression.source}): {reason}")
        self.expression = expression
        self.reason = reason


class Environment:
    """The variables that an expression at one kind of place may use, and the functions of the language."""

    def __init__(self, *variables: str) -> None:
        self.variables = variables
        types = dict.fromkeys(variables, cel.Type.DYN)
        if "now" in types:
            types["now"] = cel.Type.TIMESTAMP
        self._env = cel.NewEnv(
            variables=types,
            extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional(), ext_math.ExtMath()],
            functions=FUNCTIONS,
        )

    def compile(self, text: str, source: Source = NOWHERE, *, longest: int = MAX_LENGTH) -> Expression:
        """Compile one expression.

        Raises:
            CompileError: CEL does not accept it, or it could give an optional value.
        """
        program = self._program(text, longest)
        if "optional_type" in program.return_type().name():
            raise CompileError(
                "the result may be absent", hint="End it with `.orValue(...)`, or test it with `has(...)`."
            )
        return Expression(text, source, program, self)

    def result_type(self, text: str) -> str:
        """The CEL type of what an expression gives, optional ones included; nothing is kept of it.

        Raises:
            CompileError: CEL does not accept it.
        """
        return str(self._program(text, MAX_LENGTH).return_type().name())

    def _program(self, text: str, longest: int) -> Any:
        if len(text) > longest:
            raise CompileError(f"the expression has {len(text)} characters; {longest} is the limit")
        try:
            return self._env.compile(text)
        except RuntimeError as error:
            raise _compile_error(str(error)) from None

    def activation(self, variables: Mapping[str, Any]) -> Activation:
        """Bind variables once for many evaluations. Every declared variable that an expression uses must be there."""
        return Activation(variables, self)

    def native(self, variables: Mapping[str, Any]) -> Any:
        """The variables as CEL takes them."""
        return self._env.Activation(dict(variables))


class Activation:
    """Variables bound for evaluation; made known to CEL when an expression comes that only CEL can evaluate."""

    __slots__ = ("_native", "environment", "variables")

    def __init__(self, variables: Mapping[str, Any], environment: Environment) -> None:
        self.variables = variables
        self.environment = environment
        self._native: Any = None

    @property
    def native(self) -> Any:
        """The variables as CEL takes them."""
        if self._native is None:
            self._native = self.environment.native(self.variables)
        return self._native


class Expression:
    """One compiled CEL expression, where it stands, and how to evaluate it."""

    __slots__ = (
        "_direct",
        "_names",
        "_never_null",
        "_path",
        "_program",
        "_references",
        "_variables",
        "environment",
        "source",
        "text",
    )

    def __init__(self, text: str, source: Source, program: Any, environment: Environment) -> None:
        self.text = text
        self.source = source
        self.environment = environment
        self._program = program
        self._names: tuple[tuple[str, ...], ...] | None = None
        self._references: tuple[Reference, ...] | None = None
        self._variables: frozenset[str] | None = None
        self._never_null = self.result_type in _NEVER_NULL
        root, variables = self.tree.root, frozenset(environment.variables)
        self._direct = direct(root, variables)
        self._path = path_of(root, variables)

    def __repr__(self) -> str:
        """The text, for test failures and debuggers."""
        return f"Expression({self.text!r})"

    @property
    def variables(self) -> frozenset[str]:
        """The variables that it reads: what an activation has to hold for it."""
        if self._variables is None:
            self._variables = frozenset(reference.path[0] for reference in self.references)
        return self._variables

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The dotted paths that it reads, each once, for explanations: `(("line", "attributes", "tier"),)`.

        A path into the elements of a list is told up to the list.
        """
        if self._names is None:
            found = (tuple(takewhile(ELEMENT.__ne__, reference.path)) for reference in self.references)
            self._names = tuple(dict.fromkeys(path for path in found if len(path) > 1))
        return self._names

    @property
    def result_type(self) -> str:
        """The CEL type of its result as far as it is known without values: `BOOL`, `STRING`, `DYN`…"""
        return str(self._program.return_type().name())

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it reads, found in its syntax tree, with the place of every name in its text.

        Found once, when a set is checked: it takes long enough to be felt by whoever wants it first in a turn.
        """
        if self._references is None:
            self._references = references(self.tree, self.text)
        return self._references

    @property
    def tree(self) -> Tree:
        """Its syntax tree."""
        return tree(self._program.serialize())

    def evaluate(self, activation: Activation) -> Json:
        """The value, as JSON. Times become ISO 8601 text in UTC, durations seconds.

        Raises:
            EvaluationError: the values don't fit the expression.
        """
        if self._direct is not None:
            try:
                value: Json = self._direct(activation.variables)
            except LEFT_TO_CEL:
                missing = absent(self._path, activation.variables)
                if missing:
                    raise EvaluationError(self, _absent(missing)) from None
                return self.by_cel(activation)
            return value
        return self.by_cel(activation)

    def by_cel(self, activation: Activation) -> Json:
        """As `evaluate`, which asks CEL only for what it can't know by itself."""
        try:
            value = self._program.eval(activation.native)
        except RuntimeError as error:
            # Most errors are values; a few are raised, such as a field of what an optional holds that is no object.
            raise EvaluationError(self, _plain_reason(str(error))) from None
        try:
            return _not_null_to_json(value) if self._never_null else _to_json(value)
        except _NotJson as error:
            raise EvaluationError(self, str(error)) from None

    def is_true(self, activation: Activation) -> bool:
        """The value of a condition.

        Raises:
            EvaluationError: as `evaluate`, or the value is not a boolean.
        """
        value = self.evaluate(activation)
        if not isinstance(value, bool):
            raise EvaluationError(self, f"gives {value!r}, not true or false")
        return value


class _NotJson(Exception):
    """A CEL value that has no JSON form; the text says which."""


_NEVER_NULL = frozenset({"BOOL", "INT", "UINT", "DOUBLE", "STRING", "TIMESTAMP", "DURATION"})


def _to_json(value: Any) -> Json:
    if value.type().name() == "NULL":
        # Converting a null, alone or inside of something, takes a reference from None that nobody gave (0.1.3):
        # some thousands of them end the process. So every value is asked for its type before it is converted.
        return None
    return _not_null_to_json(value)


def _not_null_to_json(value: Any) -> Json:
    plain = value.value()
    if isinstance(plain, (bool, int, float)):
        return plain
    if isinstance(plain, str):
        if value.type().name() == "ERROR":
            raise _NotJson(_plain_reason(plain))
        return plain
    if isinstance(plain, dict):
        # CEL keeps maps in an order that changes with every process; equal values must give equal requests
        named = {str(key): inner for key, inner in plain.items()}
        return {name: _to_json(named[name]) for name in sorted(named)}
    if isinstance(plain, list):
        return [_to_json(inner) for inner in plain]
    if isinstance(plain, datetime):
        return plain.isoformat().replace("+00:00", "Z")
    if isinstance(plain, timedelta):
        return plain.total_seconds()
    raise _NotJson(f"gives a value of type {value.type().name()}, which has no JSON form")


_MISSING_KEY = re.compile(r'Key not found in map : "?(.*?)"?$')


def _plain_reason(text: str) -> str:
    missing = _MISSING_KEY.search(text)
    if missing:
        return _absent(missing.group(1))
    return text.partition(": ")[2] or text


def _absent(name: str) -> str:
    return f"{name!r} is absent"


def _compile_error(text: str) -> CompileError:
    found = [
        CompileError(message.removesuffix("[INVALID_ARGUMENT]").strip(), line=int(line), column=int(column) or 1)
        for line, column, message in _LOCATION.findall(text)
    ]
    if not found:
        return CompileError(text)
    found[0].others = tuple(found[1:])
    return found[0]
