"""What may be said about time: calendars, expected durations, limits, and when an order is in jeopardy."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.mappings.diagnostics import Findings
from connector.mappings.document import Kind, Node
from connector.mappings.form.words import LOOSE_TEXT, NAME
from connector.mappings.shapes import Duration, ListOf, MapOf, OneOf, Record, Schema, Text, optional, required

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(WEEKDAYS)

SPAN = Text(
    "hours, `08:00-17:00`",
    r"(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)",
    hint="`08:00-12:00`; what goes on after midnight is a second span, on the next day.",
)
DAYS = Text(
    "a weekday, or some in a row (`mon-fri`)",
    rf"(?:{_DAY})(?:-(?:{_DAY}))?",
    hint="mon, tue, wed, thu, fri, sat, sun.",
)
DATE = Text(
    "a date (`2026-12-24`), or one of every year (`12-24`)",
    r"(?:\d{4}-)?(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])",
    loose=True,
)
REGION = Text(
    "a country or one of its subdivisions, ISO 3166 (`DE`, `DE-BE`)",
    r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?",
)


@dataclass(frozen=True, slots=True)
class _Hours:
    """Spans, or `closed`."""

    spans: ListOf = field(default_factory=lambda: ListOf(SPAN, least=1, or_one=True))

    def check(self, node: Node, findings: Findings) -> bool:
        """The word, or each of the spans."""
        return (node.kind is Kind.TEXT and node.text == "closed") or self.spans.check(node, findings)

    def schema(self) -> Schema:
        """Either."""
        return {"anyOf": [{"const": "closed"}, self.spans.schema()]}


@dataclass(frozen=True, slots=True)
class _Share:
    """A duration, or a share of another one: a number between 0 and 1."""

    length: Duration = field(default_factory=Duration)

    def check(self, node: Node, findings: Findings) -> bool:
        """One of both."""
        if node.kind not in {Kind.INTEGER, Kind.NUMBER}:
            return self.length.check(node, findings)
        if 0 < float(node.text) < 1:
            return True
        node.report(findings, "MAP013", f"{node.text} is no share: a number between 0 and 1 belongs here.")
        return False

    def schema(self) -> Schema:
        """Either."""
        share: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
        return {"anyOf": [share, self.length.schema()]}


CALENDAR = Record(
    "a calendar",
    {
        "timezone": optional(LOOSE_TEXT, "IANA name; that of the set when absent."),
        "hours": required(MapOf(DAYS, ListOf(SPAN, least=1, or_one=True)), "By weekday, when somebody works."),
        "holidays": optional(REGION, "Whose public holidays are kept."),
        "dates": optional(MapOf(DATE, _Hours()), "Days that are different: their hours, or `closed`."),
    },
)
CALENDARS = MapOf(NAME, CALENDAR)

EXPECTATION = Record(
    "an expected duration",
    {
        "optimistic": optional(Duration(zero=True), "How long when all goes well."),
        "likely": required(Duration(), "How long it usually takes."),
        "pessimistic": optional(Duration(), "How long when little goes well."),
    },
)
LIMITS = Record(
    "the limits of an item",
    {
        "late": optional(Duration(), "How long it may run; the pessimistic duration, or `due`, when absent."),
        "at_risk": optional(_Share(), "From when on it is At Risk: a duration, or a share of `late`; 0.8 when absent."),
    },
)
MEASURES = Record(
    "what is done",
    {
        "priority": optional(OneOf(("High", "Default")), "The lane that the order is raised to."),
        "case": optional(NAME, "The queue of fallout that gets a Case."),
        "severity": optional(OneOf(("Low", "Medium", "High")), "Of the Case; Medium when absent."),
    },
)
ALARM = Record(
    "what jeopardy is",
    {
        "margin": optional(Duration(), "How long before the requested date everything should be done."),
        "calendar": optional(NAME, "In whose time the margin is."),
        "at_risk": optional(MEASURES, "Done when an order gets At Risk."),
        "late": optional(MEASURES, "Done when an order gets Late."),
    },
)
