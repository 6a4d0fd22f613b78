"""A small language for the shape of YAML: declared once, used for checking and for the JSON Schema.

A shape looks at a node, notes every deviation, and says whether the node can be used further:
an unknown key is a finding, but what stands beside it is still read and checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from connector.mappings.diagnostics import Findings, did_you_mean, nearest
from connector.mappings.document import Kind, Node

Schema = dict[str, Any]


class Shape(Protocol):
    """What a value must look like."""

    def check(self, node: Node, findings: Findings) -> bool:
        """Note what is wrong with the node; False when it can't be used at all."""
        ...

    def schema(self) -> Schema:
        """The same as JSON Schema, as far as that can say it."""
        ...


def _wrong_type(node: Node, expected: str, findings: Findings, hint: str = "") -> bool:
    node.report(findings, "MAP012", f"Here belongs {expected}, not {node.kind.value}.", hint=hint)
    return False


@dataclass(frozen=True, slots=True)
class Text:
    """Text on one line. `pattern` must match all of it; `what` names it in messages."""

    what: str = "text"
    pattern: str = ""
    hint: str = ""
    code: str = "MAP013"
    loose: bool = False
    """A number or boolean is taken as the text that it is written as (`version: 3`)."""
    longest: int = 255
    quiet: bool = False
    """The text is not repeated in messages: it may be a secret that stands in the wrong place."""

    def check(self, node: Node, findings: Findings) -> bool:
        """Text, not empty, not too long, of the pattern."""
        if node.kind is not Kind.TEXT and not (self.loose and node.is_scalar and node.kind is not Kind.NULL):
            hint = "Put it in quotes." if node.is_scalar and node.kind is not Kind.NULL else self.hint
            return _wrong_type(node, self.what, findings, hint)
        if not node.text.strip():
            node.report(findings, self.code, f"Here belongs {self.what}; this is empty.", hint=self.hint)
            return False
        if len(node.text) > self.longest:
            node.report(findings, "MAP013", f"Longer than {self.longest} characters.")
            return False
        if self.pattern and not re.fullmatch(self.pattern, node.text):
            subject = "This" if self.quiet else repr(node.text)
            node.report(findings, self.code, f"{subject} is not {self.what}.", hint=self.hint)
            return False
        return True

    def schema(self) -> Schema:
        """A string, with its pattern."""
        kinds: Schema = {"type": ["string", "number", "boolean"] if self.loose else "string", "description": self.what}
        return {**kinds, "pattern": f"^(?:{self.pattern})$"} if self.pattern else kinds


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words."""

    words: Sequence[str]

    def check(self, node: Node, findings: Findings) -> bool:
        """One of the words, exactly."""
        if not node.is_scalar:
            return _wrong_type(node, "one of " + _words(self.words), findings)
        if node.text not in self.words or node.kind is Kind.NULL:
            hint = did_you_mean(node.text, self.words, otherwise=False)
            node.report(findings, "MAP013", f"{node.text!r} is none of {_words(self.words)}.", hint=hint)
            return False
        return True

    def schema(self) -> Schema:
        """An enumeration."""
        return {"enum": list(self.words)}


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two bounds, both included."""

    least: float
    most: float
    whole: bool = True

    def check(self, node: Node, findings: Findings) -> bool:
        """A number, whole where it has to be, within the bounds."""
        kinds = {Kind.INTEGER} if self.whole else {Kind.INTEGER, Kind.NUMBER}
        if node.kind not in kinds:
            return _wrong_type(node, "a whole number" if self.whole else "a number", findings)
        value = node.plain
        if not isinstance(value, (int, float)) or not self.least <= value <= self.most:
            node.report(findings, "MAP013", f"{node.text} is not between {self.least:g} and {self.most:g}.")
            return False
        return True

    def schema(self) -> Schema:
        """A bounded number."""
        return {"type": "integer" if self.whole else "number", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false`."""

    def check(self, node: Node, findings: Findings) -> bool:
        """A boolean of YAML 1.2."""
        hint = "YAML 1.2 knows only `true` and `false`." if node.text.lower() in {"yes", "no", "on", "off"} else ""
        return node.kind is Kind.BOOLEAN or _wrong_type(node, "true or false", findings, hint)

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


_DURATION = re.compile(
    r"P(?!$)(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,7}(?:\.\d{1,6})?)S)?)?"
)


def duration(text: str, *, day: timedelta = timedelta(days=1), week: timedelta = timedelta(days=7)) -> timedelta | None:
    """An ISO 8601 duration of weeks, days, hours, minutes, seconds; None when it is not one.

    Years and months have no fixed length and are not durations here. `day` and `week` are how long those are.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    amounts = {unit: float(amount) for unit, amount in match.groupdict("0").items()}
    whole = amounts.pop("weeks") * week + amounts.pop("days") * day
    return whole + timedelta(**amounts)


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration, at most `most`; zero only where allowed."""

    most: timedelta = timedelta(days=366)
    zero: bool = False

    def check(self, node: Node, findings: Findings) -> bool:
        """A duration within the bounds."""
        if not node.is_scalar or node.kind is Kind.NULL:
            return _wrong_type(node, "a duration such as `PT30S`", findings)
        length = duration(node.text)
        if length is None:
            hint = "ISO 8601: `PT30S` is 30 seconds, `PT5M` 5 minutes, `PT2H` 2 hours, `P5D` 5 days."
            node.report(findings, "MAP014", f"{node.text!r} is not a duration.", hint=hint)
            return False
        if length > self.most or (not length and not self.zero):
            fault = "is nothing" if not length else f"is longer than {self.most}"
            node.report(findings, "MAP014", f"The duration {node.text} {fault}.")
            return False
        return True

    def schema(self) -> Schema:
        """A string of the form of ISO 8601."""
        return {"type": "string", "pattern": "^P(\\d+W)?(\\d+D)?(T(\\d+H)?(\\d+M)?(\\d+(\\.\\d+)?S)?)?$"}


@dataclass(frozen=True, slots=True)
class Cel:
    """A CEL expression. Whether it compiles is found out later, where its variables are known."""

    def check(self, node: Node, findings: Findings) -> bool:
        """A scalar that is not empty."""
        if not node.is_scalar:
            hint = "Quote an expression that begins with `{` or `[`."
            return _wrong_type(node, "an expression", findings, hint)
        if not node.text.strip():
            node.report(findings, "MAP020", "Here belongs an expression; this is empty.")
            return False
        return True

    def schema(self) -> Schema:
        """Any scalar."""
        return {"type": ["string", "number", "boolean", "null"], "description": "a CEL expression"}


@dataclass(frozen=True, slots=True)
class CelTree:
    """A CEL expression, or a YAML tree of which every leaf is one. A key that ends in `?` may be left out."""

    def check(self, node: Node, findings: Findings) -> bool:
        """Every leaf is a scalar that is not blank."""
        usable = True
        if node.is_scalar:
            return node.kind is Kind.NULL or Cel().check(node, findings)
        for item in node.items:
            usable &= self.check(item, findings)
        for key, value in node.entries:
            if key.text in {"", "?"}:
                key.report(findings, "MAP013", "A key must not be empty.")
                usable = False
            if key.text.endswith("?") and not value.is_scalar:
                key.report(findings, "MAP012", "Only a key with an expression can be left out (`key?`).")
                usable = False
            usable &= self.check(value, findings)
        return usable

    def schema(self) -> Schema:
        """Anything."""
        return {"description": "a CEL expression, or a tree with CEL expressions as leaves"}


@dataclass(frozen=True, slots=True)
class AnyJson:
    """Any value as it stands."""

    def check(self, node: Node, findings: Findings) -> bool:  # noqa: ARG002 - part of the protocol
        """Everything is welcome."""
        return True

    def schema(self) -> Schema:
        """Anything."""
        return {}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one shape. With `or_one` a single value stands for a list of it."""

    inner: Shape
    least: int = 0
    or_one: bool = False

    def check(self, node: Node, findings: Findings) -> bool:
        """Each of its values."""
        if node.kind is not Kind.LIST:
            if self.or_one and node.kind is not Kind.NULL:
                return self.inner.check(node, findings)
            return _wrong_type(node, "a list", findings, "Begin each entry with `- `.")
        if len(node.items) < self.least:
            node.report(findings, "MAP013", "The list is empty.")
            return False
        usable = [self.inner.check(item, findings) for item in node.items]
        return all(usable)

    def schema(self) -> Schema:
        """An array."""
        array: Schema = {"type": "array", "items": self.inner.schema()}
        if self.least:
            array["minItems"] = self.least
        return {"anyOf": [self.inner.schema(), array]} if self.or_one else array


@dataclass(frozen=True, slots=True)
class MapOf:
    """A mapping whose keys people choose."""

    key: Text
    inner: Shape

    def check(self, node: Node, findings: Findings) -> bool:
        """Each key and each value."""
        if node.kind is not Kind.MAPPING:
            return _wrong_type(node, "a mapping", findings, "Write `name: value`.")
        usable = [self.key.check(key, findings) for key, _ in node.entries]
        usable += [self.inner.check(value, findings) for _, value in node.entries]
        return all(usable)

    def schema(self) -> Schema:
        """An object with patterned names."""
        named: Schema = {"type": "object", "additionalProperties": self.inner.schema()}
        if self.key.pattern:
            named["propertyNames"] = {"pattern": f"^(?:{self.key.pattern})$"}
        return named


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record: the shape of its value, whether it must be there, what it is for."""

    shape: Shape
    doc: str = ""
    required: bool = False


def required(shape: Shape, doc: str = "") -> Key:
    """A key that must be there."""
    return Key(shape, doc, required=True)


def optional(shape: Shape, doc: str = "") -> Key:
    """A key that may be there."""
    return Key(shape, doc)


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys. `rest` takes the keys that are not among them, where people may add some."""

    what: str
    keys: Mapping[str, Key]
    rest: MapOf | None = None
    one_of: Sequence[str] = ()
    """Exactly one of these keys must be there."""
    missing_code: str = "MAP011"
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Words that people write for a key, with what to say then."""

    def check(self, node: Node, findings: Findings) -> bool:
        """Known keys only, the required ones all, each with its shape."""
        if node.kind is not Kind.MAPPING:
            return _wrong_type(node, self.what, findings, f"It is a mapping with {_words(list(self.keys))}.")
        usable = True
        misspelt: set[str | None] = set()
        for name, value in node.entries:
            key = self.keys.get(name.text)
            if key is not None:
                usable &= key.shape.check(value, findings)
            elif self.rest is not None and re.fullmatch(self.rest.key.pattern, name.text):
                usable &= self.rest.inner.check(value, findings)
            else:
                hint = self.aliases.get(nearest(name.text, (*self.keys, *self.aliases)) or "")
                hint = hint or did_you_mean(name.text, self.keys)
                misspelt.add(nearest(name.text, self.keys))
                name.report(findings, "MAP010", f"{self.what.capitalize()} has no key `{name.text}`.", hint=hint)
        present = {name.text for name, _ in node.entries}
        for wanted, key in self.keys.items():
            if key.required and wanted not in present:
                usable = False
                if wanted in misspelt:
                    continue  # that has been said
                node.report(
                    findings, self.missing_code, f"{self.what.capitalize()} needs the key `{wanted}`.", hint=key.doc
                )
        if self.one_of and len(present & set(self.one_of)) != 1:
            node.report(findings, "MAP011", f"{self.what.capitalize()} needs exactly one of {_words(self.one_of)}.")
            usable = False
        if not usable:
            findings.spoiled.add(node)
        return usable

    def schema(self) -> Schema:
        """An object with its properties."""
        properties = {
            name: {**key.shape.schema(), **({"description": key.doc} if key.doc else {})}
            for name, key in self.keys.items()
        }
        made: Schema = {"type": "object", "properties": properties}
        made["additionalProperties"] = self.rest.inner.schema() if self.rest is not None else False
        needed = [name for name, key in self.keys.items() if key.required]
        if needed:
            made["required"] = needed
        if self.one_of:
            made["oneOf"] = [{"required": [name]} for name in self.one_of]
        return made


@dataclass(frozen=True, slots=True)
class ByKind:
    """Different shapes for a scalar, a mapping and a list."""

    what: str
    scalar: Shape | None = None
    mapping: Shape | None = None
    sequence: Shape | None = None

    def check(self, node: Node, findings: Findings) -> bool:
        """The shape of the node's kind."""
        kinds: Mapping[Kind, Shape | None] = {Kind.MAPPING: self.mapping, Kind.LIST: self.sequence}
        shape = kinds.get(node.kind, self.scalar)
        return shape.check(node, findings) if shape is not None else _wrong_type(node, self.what, findings)

    def schema(self) -> Schema:
        """Any of them."""
        shapes = [shape.schema() for shape in (self.scalar, self.mapping, self.sequence) if shape is not None]
        return {"anyOf": shapes}
