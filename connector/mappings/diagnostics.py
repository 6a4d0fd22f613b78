"""What can be wrong with a mapping set: a closed table of codes, and one finding at one place.

A code never changes its meaning and is never used again for another. `docs/mapping-diagnostics.md` says
the same for designers, with what to do; a test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from connector.errors import MappingError
from connector.mappings.remedies import REMEDIES
from connector.mappings.text import FileText


class Severity(StrEnum):
    """An error makes a set unusable; a warning is probably not what was meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of finding: a stable name, how bad it is, and what it means in general."""

    name: str
    severity: Severity
    meaning: str


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

_TABLE: Sequence[tuple[str, Severity, str]] = (
    # reading
    ("MAP001", _ERROR, "The folder is not a mapping set: it is missing, unreadable, or has no `set.yaml`."),
    ("MAP002", _ERROR, "A file is not UTF-8 text, or holds characters that YAML forbids."),
    ("MAP003", _ERROR, "A file is too large, or there are too many of them."),
    ("MAP004", _ERROR, "A symbolic link leads out of the folder, to another folder, or nowhere."),
    ("MAP005", _ERROR, "A YAML file stands where no part of a set is kept."),
    ("MAP006", _ERROR, "The YAML is malformed."),
    ("MAP007", _ERROR, "A key is written twice in one mapping."),
    ("MAP008", _ERROR, "YAML tags, anchors, aliases and directives have no place in a mapping set."),
    ("MAP009", _ERROR, "The YAML is nested too deeply or holds too many values."),
    # structure
    ("MAP010", _ERROR, "A key is not known at this place."),
    ("MAP011", _ERROR, "A key that must be there is missing."),
    ("MAP012", _ERROR, "A value has the wrong type (text where a list belongs, and the like)."),
    ("MAP013", _ERROR, "A value is none of those that are allowed here."),
    ("MAP014", _ERROR, "A duration is not ISO 8601 (`PT30S`, `P5D`), or makes no sense here."),
    ("MAP015", _ERROR, "A name is defined twice."),
    ("MAP016", _ERROR, "A key means nothing for an item of this type, or together with the others."),
    # expressions
    ("MAP020", _ERROR, "An expression is not valid CEL."),
    ("MAP021", _ERROR, "An operator or function is used on types that it does not take, or is unknown."),
    ("MAP022", _ERROR, "A variable is not known at this place."),
    (
        "MAP023",
        _ERROR,
        "An expression may give nothing at all where a value is needed, or always gives one under a `key?`.",
    ),
    ("MAP024", _ERROR, "An expression surely gives a value of the wrong type (a number for a condition)."),
    ("MAP025", _ERROR, "A variable has no such field (`line.atributes`)."),
    ("MAP026", _ERROR, "No product at this place has such an attribute (`line.attributes.teir`)."),
    ("MAP027", _ERROR, "An expression is too long, or nested too deeply."),
    # names
    ("MAP030", _ERROR, "There is no such product."),
    ("MAP031", _ERROR, "There is no such class."),
    ("MAP032", _ERROR, "The target product has no such attribute."),
    ("MAP033", _ERROR, "There is no such list."),
    ("MAP034", _ERROR, "There is no such plan definition."),
    ("MAP035", _ERROR, "There is no such system."),
    ("MAP036", _ERROR, "There is no such interface."),
    ("MAP037", _ERROR, "There is no such event."),
    ("MAP038", _ERROR, "There is no such queue."),
    ("MAP039", _ERROR, "There is no such retry policy."),
    ("MAP040", _ERROR, "There is no such item."),
    (
        "MAP041",
        _ERROR,
        "The named thing exists but is of the wrong kind (a commercial product as target, a fallout queue for a task).",
    ),
    ("MAP042", _ERROR, "There is no such calendar."),
    # cycles, reach
    ("MAP050", _ERROR, "Items wait for each other in a ring."),
    ("MAP051", _ERROR, "Items of several plan definitions wait for each other in a ring."),
    ("MAP052", _ERROR, "Rules lead a technical product back to itself."),
    ("MAP053", _ERROR, "Classes are each other's parents in a ring."),
    ("MAP054", _WARNING, "An item, rule, scenario, event or dependency can never come to pass."),
    ("MAP055", _ERROR, "Subplans contain each other in a ring."),
    # completeness
    ("MAP060", _ERROR, "Two rules take the same product to the same target with equal priority and no condition."),
    ("MAP061", _ERROR, "Two rows of the fallout table match exactly the same failures."),
    ("MAP062", _ERROR, "Two scenarios choose the same plan for the same product, action and condition."),
    ("MAP063", _ERROR, "A technical product has neither a scenario nor a rule: nothing would ever fulfill it."),
    ("MAP064", _WARNING, "A commercial product has neither a rule nor a scenario: its lines would become fallout."),
    ("MAP065", _ERROR, "A mandatory attribute of a technical product is filled by nothing."),
    ("MAP066", _ERROR, "A default or a constant does not fit the attribute's type or values."),
    ("MAP067", _WARNING, "A rule waits for an attribute that nothing gives to the lines it is about."),
    ("MAP068", _ERROR, "A rule is `required`, and there is nothing that it would ever wait for."),
    # items
    ("MAP070", _ERROR, "An item lacks what its type needs (a callout its interface, a manual task its queue)."),
    ("MAP071", _ERROR, "A failing outcome is none of the outcomes."),
    ("MAP072", _ERROR, "An event item or asynchronous callout waits for an event that can't reach it."),
    ("MAP073", _ERROR, "What undoes or amends an item waits for items that are not its own."),
    ("MAP074", _ERROR, "An expression asks for an item that this one does not wait for (`items.check`)."),
    ("MAP075", _ERROR, "An item never ends with the outcome that it is compared with."),
    ("MAP076", _ERROR, "A plan definition that is used as a subplan is not closed in itself."),
    ("MAP077", _ERROR, "Durations are not in order (a likely one above the pessimistic, At Risk not before Late)."),
    ("MAP078", _ERROR, "What is polled is no GET."),
    # systems
    ("MAP080", _ERROR, "The base URL is not exactly the name of a setting (`${NETWORK_URL}`)."),
    ("MAP081", _ERROR, "A header's name is not valid in HTTP, or is set by the connector itself."),
    ("MAP082", _ERROR, "A retry policy makes no sense (no wait, a wait that shrinks, a cap below the first wait)."),
    ("MAP083", _ERROR, "A regular expression is malformed."),
    ("MAP084", _ERROR, "A calendar makes no sense (hours that end before they begin, a weekday twice, none at all)."),
    ("MAP085", _ERROR, "There is no such time zone, or no holidays are known of the country or subdivision."),
    # Salesforce
    ("MAP090", _ERROR, "The intake lacks a field that every order, line or inventory item needs."),
    ("MAP091", _ERROR, "Two entries write the same Salesforce field."),
    ("MAP092", _ERROR, "The way in which records are found (by external id or by Id) does not fit their kind."),
    # unused
    ("MAP100", _WARNING, "A list is used by no rule."),
    ("MAP101", _WARNING, "A plan definition is chosen by no scenario and no subplan, and undoes or amends nothing."),
    ("MAP102", _WARNING, "An interface is used by no item."),
    ("MAP103", _WARNING, "A queue is used by nothing."),
    ("MAP104", _WARNING, "A retry policy is used by no row of the fallout table."),
)

CODES = {name: Code(name, severity, meaning) for name, severity, meaning in _TABLE}
"""Every code, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding: what is wrong, where (line and column from 1, `length` characters), what to do."""

    code: str
    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    length: int = 1

    @property
    def severity(self) -> Severity:
        """How bad it is: a property of the code."""
        return CODES[self.code].severity

    @property
    def advice(self) -> str:
        """What to do: the hint, or what is to be done about findings of this kind."""
        return self.hint or REMEDIES[self.code]

    @property
    def is_error(self) -> bool:
        """It makes the set unusable."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        """One line, as compilers write it."""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity} {self.code}: {self.message}{hint}"

    def to_json(self) -> dict[str, Any]:
        """The finding for other programs."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "length": self.length,
            "message": self.message,
            "hint": self.advice,
        }


class MappingSetInvalid(MappingError):
    """A mapping set with errors; `diagnostics` has all of them, and the warnings."""

    code = "MAPPING_SET_INVALID"

    def __init__(self, diagnostics: Sequence[Diagnostic], *, folder: str = "", kept: str = "") -> None:
        errors = [found for found in diagnostics if found.is_error]
        where = f" in {folder}" if folder else f" {kept}" if kept else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        first = str(errors[0]) if errors else "no error"
        if more:
            first, more = first.removesuffix("."), f"{more}."
        hint = f"`connector mappings check {folder}` shows all, each with its line." if folder else ""
        if kept:
            hint = "Its orders need the release that they began with."
        super().__init__(f"The mapping set{where} can't be used: {first}{more}", hint=hint)
        self.diagnostics = tuple(diagnostics)


class Findings:
    """The diagnostics of one run, gathered from all over."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int, int, str], Diagnostic] = {}
        self.spoiled: set[object] = set()
        """Nodes of which nothing can be made."""

    def add(
        self, code: str, file: FileText, offset: int, message: str, *, hint: str = "", end: int | None = None
    ) -> None:
        """Note a finding at an offset of a file; `end` is where the marked text ends (on the same line at most)."""
        line, column = file.place(offset)
        width = len(file.line(line)) - column + 1
        length = max(1, min((end if end is not None else offset + 1) - offset, width))
        self.put(
            Diagnostic(code=code, file=file.path, line=line, column=column, message=message, hint=hint, length=length)
        )

    def put(self, diagnostic: Diagnostic) -> None:
        """Note a finding; the same one twice is one."""
        key = (diagnostic.code, diagnostic.file, diagnostic.line, diagnostic.column, diagnostic.message)
        self._found.setdefault(key, diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        """By place."""
        return iter(
            sorted(
                self._found.values(),
                key=lambda found: (found.file, found.line, found.column, found.code, found.message),
            )
        )

    def has(self, *codes: str) -> bool:
        """One of these codes was found."""
        return any(found.code in codes for found in self._found.values())

    @property
    def has_errors(self) -> bool:
        """At least one of them is an error."""
        return any(found.is_error for found in self._found.values())


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one was probably meant to be."""
    by_lower = {name.lower(): name for name in sorted(set(known))}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str], *, otherwise: bool = True) -> str:
    """A hint with the nearest known word; with none near, all of them when they are few (and `otherwise`)."""
    names = sorted(set(known))
    near = nearest(word, names)
    if near is not None:
        return f"Did you mean `{near}`?"
    if otherwise and 0 < len(names) <= _FEW:
        return f"Known here: {', '.join(f'`{name}`' for name in names)}."
    return ""


_FEW = 12
