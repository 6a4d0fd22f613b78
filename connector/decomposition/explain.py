"""An explanation as plain text: why a line is as it is, and why not otherwise.

for sentence in why(decomposition.explanation, "line 2"):
    print(sentence)

line 2
  + rule mobile-plan-to-service leads to MOBILE-CFS for L2 → T1
      decomposition/mobile.yaml:4
  - rule plan-to-voicemail: its condition is false: line.attributes.voicemail
      saw line.attributes.voicemail = false
      decomposition/mobile.yaml:19
T1
  + MOBILE-CFS for L2, from 1 order line
  …
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

from connector.decomposition.items import MOST_LINES
from connector.decomposition.journal import sightings
from connector.model.technical import Decision, Explanation


def subjects(explanation: Explanation) -> tuple[str, ...]:
    """What the explanation speaks of, in order: `line 1`, `T1`, `item 1`, …; attributes belong to their line."""
    return tuple(dict.fromkeys(owner(decision) for decision in explanation.decisions))


def why(explanation: Explanation, subject: str | None = None) -> tuple[str, ...]:
    """The decisions about a subject, and about everything that came of it, as lines of text.

    `subject` is `line 2`, `T3` or `item 7`; None tells everything. Of a line that leads to technical lines
    their decisions follow, and those of the items made for them. Nothing at all: the explanation does not
    know the subject.
    """
    by_subject: dict[str, list[Decision]] = {}
    for decision in explanation.decisions:
        by_subject.setdefault(owner(decision), []).append(decision)
    wanted = list(by_subject) if subject is None else _following(subject, by_subject)
    sentences: list[str] = []
    for name in wanted:
        sentences.append(name)
        for decision in sorted(by_subject[name], key=lambda each: _FIRST.get(each.kind, len(_FIRST))):
            sentences.extend(f"  {sentence}" for sentence in told(decision))
    return tuple(sentences)


def told(decision: Decision) -> tuple[str, ...]:
    """One decision in one to three lines: what was decided, what it saw, where that is written."""
    attribute = decision.subject.partition(".")[2] if decision.kind in _OF_ATTRIBUTES else ""
    name = f"{decision.kind} {decision.rule}" if decision.kind in _NAMED else decision.rule
    head = ["+" if decision.taken else "-"]
    if attribute:
        head.append(f"{attribute} {decision.reason}")
        if decision.rule:
            head.append(f"(rule {decision.rule})")
    else:
        head.append(f"{name}: {decision.reason}" if name else decision.reason)
    if decision.expression:
        head.append(f"[{' '.join(decision.expression.split())}]")
    if decision.made:
        head.append(f"→ {decision.made}")
    lines = [" ".join(head)]
    if decision.seen and decision.kind != "item":
        lines.append(f"    saw {sightings(decision.seen)}")
    if decision.source and not decision.source.startswith("<"):
        lines.append(f"    {decision.source}")
    return tuple(lines)


_FIRST = {"line": 0, "action": 1}
_NAMED = frozenset({"rule", "scenario"})
_OF_ATTRIBUTES = frozenset({"attribute", "merge"})


def owner(decision: Decision) -> str:
    """The line or item that a decision is about: `T3` for `T3.msisdn`."""
    return decision.subject.partition(".")[0] if decision.kind in _OF_ATTRIBUTES else decision.subject


def _following(subject: str, by_subject: Mapping[str, Sequence[Decision]]) -> list[str]:
    """The subject, the technical lines that came of it, and the items of any of these."""
    found: dict[str, None] = {}
    ahead = deque([subject] if subject in by_subject else [])
    while ahead:
        name = ahead.popleft()
        if name not in found:
            found[name] = None
            ahead.extend(each.made for each in by_subject[name] if each.kind == "rule" and each.made in by_subject)
    plans = {each.made for name in found for each in by_subject[name] if each.kind == "scenario"}
    items = [
        name
        for name, decisions in by_subject.items()
        if any(each.kind == "item" and _is_for(each, found, plans) for each in decisions)
    ]
    return list(dict.fromkeys([*found, *items]))


def _is_for(decision: Decision, lines: Collection[str], plans: Collection[str]) -> bool:
    """Whether an item is for one of the lines; of an item for very many lines not all are kept."""
    named = decision.seen.get("lines")
    if not isinstance(named, list):
        return False
    if any(line in lines for line in named):
        return True
    return len(named) > MOST_LINES and decision.rule.rpartition("/")[0] in plans
