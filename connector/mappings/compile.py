"""Files in, compiled set and diagnostics out; pure: no disk, no clock, no network.

Four steps, each of which reports and goes on, so that one run tells everything: YAML (`document`), form
(`format`), parts (`build`), and what only the whole can tell (`checks`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connector.mappings.build import decomposition, fallout, names, plans, products, salesforce, systems, time
from connector.mappings.checks import before, expressions, gaps, late, rings, subplans, ties, undoing, unused
from connector.mappings.diagnostics import Diagnostic, Findings, MappingSetInvalid, did_you_mean
from connector.mappings.document import Node, parse
from connector.mappings.draft import Draft, word
from connector.mappings.format import FILES, FOLDERS, part_of
from connector.mappings.placed import Expressions
from connector.mappings.policies import RetryPolicy
from connector.mappings.salesforce import Intake
from connector.mappings.set import (
    FollowOn,
    ItemDefinition,
    MappingSet,
    PlanDefinition,
    Rule,
    Scenario,
    recall_plan,
)
from connector.mappings.shapes import duration
from connector.mappings.text import FileText
from connector.model.states import ItemType

HASH_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What is known about a set: every finding, and the set itself when none of them is an error."""

    diagnostics: tuple[Diagnostic, ...]
    mapping_set: MappingSet | None
    files: Mapping[str, str]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The findings that make the set unusable."""
        return tuple(found for found in self.diagnostics if found.is_error)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The findings that don't."""
        return tuple(found for found in self.diagnostics if not found.is_error)

    def require(self, *, folder: str = "", kept: str = "") -> MappingSet:
        """The set; where it is not to be used the error names the `folder`, or the hash by which it is `kept`.

        Raises:
            MappingSetInvalid: it has errors.
        """
        if self.mapping_set is None:
            raise MappingSetInvalid(self.diagnostics, folder=folder, kept=kept)
        return self.mapping_set


def content_hash(files: Mapping[str, str]) -> str:
    """The name of a content: equal for equal files, whatever the order in which they come."""
    digest = hashlib.sha256()
    for path in sorted(files):
        for part in (path, files[path]):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:HASH_LENGTH]


def compile_set(files: Mapping[str, str], *, found: Iterable[Diagnostic] = ()) -> CheckResult:
    """Compile a set from the text of its files, by their paths inside the folder (`plans/mobile.yaml`).

    `found` is what whoever read the files has to say about them.
    """
    findings = Findings()
    for diagnostic in found:
        findings.put(diagnostic)
    texts = {path: FileText(path=path, text=files[path]) for path in sorted(files)}
    documents = _documents(texts, findings)
    unread = _unread(findings)
    draft = Draft(findings, Expressions(findings), documents, unread=unread, complete=not unread)
    names.declare(draft)
    time.build(draft)
    products.build(draft)
    decomposition.build(draft)
    plans.build(draft)
    systems.build(draft)
    fallout.build(draft)
    salesforce.build(draft)
    head = next(draft.usable(draft.documents["set"][:1]), None)
    if head is not None:
        draft.fallout_queue = fallout.fallout_queue(draft, head["fallout_queue"])
        draft.alarm = time.alarm(draft, head)
    for step in (expressions, before, rings, subplans, ties, gaps, late, undoing, unused):
        step.check(draft)
    made = None
    if head is not None and not findings.has_errors:
        made = _assemble(draft, head, {path: files[path] for path in texts})
    return CheckResult(diagnostics=tuple(findings), mapping_set=made, files=dict(files))


def _documents(texts: Mapping[str, FileText], findings: Findings) -> dict[str, tuple[Node, ...]]:
    documents: dict[str, list[Node]] = {part.name: [] for part in (*FILES.values(), *FOLDERS.values())}
    for path, file in texts.items():
        part = part_of(path)
        if part is None:
            known = [*FILES, *(f"{folder}/{path.rpartition('/')[2]}" for folder in FOLDERS)]
            findings.add("MAP005", file, 0, f"A mapping set has no file `{path}`.", hint=did_you_mean(path, known))
            continue
        nodes = parse(file, findings)
        if part.single and len(nodes) > 1:
            nodes[1].report(findings, "MAP013", f"`{path}` has one document.", hint="Take the `---` out.")
            nodes = nodes[:1]
        for node in nodes:
            part.shape.check(node, findings)
            documents[part.name].append(node)
    for path, part in FILES.items():
        if part.needed and path not in texts and not any(found.file == path for found in findings):
            findings.add("MAP001", FileText(path=path, text=""), 0, f"The file `{path}` is missing.")
    return {name: tuple(nodes) for name, nodes in documents.items()}


_UNREADABLE = frozenset({"MAP002", "MAP003", "MAP004", "MAP006", "MAP008", "MAP009"})


def _unread(findings: Findings) -> frozenset[str]:
    """The parts of which a file could not be read."""
    paths = {found.file for found in findings if found.code in _UNREADABLE}
    parts = [part_of(path) for path in paths]
    every = (*FILES.values(), *FOLDERS.values())
    return frozenset(part.name for part in (every if None in parts else parts) if part is not None)


def _follow_on(node: Node | None) -> FollowOn:
    patience = node.get("patience") if node is not None else None
    length = duration(patience.text) if patience is not None else None
    return FollowOn(patience=length) if length else FollowOn()


def _assemble(draft: Draft, head: Node, files: Mapping[str, str]) -> MappingSet:
    return MappingSet(
        name=word(head, "name"),
        version=word(head, "version"),
        hash=content_hash(files),
        timezone=word(head, "timezone", "UTC"),
        alarm=draft.alarm,
        products={code: made.value for code, made in draft.products.items()},
        lists={name: made.value for name, made in draft.lists.items()},
        rules=_rules(draft),
        scenarios=_scenarios(draft),
        plans={name: made.value for name, made in draft.plans.items()} | _recalls(draft),
        systems={name: made.value for name, made in draft.systems.items()},
        queues={name: made.value for name, made in draft.queues.items()},
        retry_policies={
            "none": RetryPolicy(name="none", retries=0),
            **{name: made.value for name, made in draft.retry_policies.items()},
        },
        fallout=tuple(made.value for made in draft.fallout),
        fallout_queue=draft.fallout_queue,
        follow_on=_follow_on(head.get("follow_on")),
        intake=draft.intake.value if draft.intake is not None else Intake(order={}, lines={}, inventory={}),
        writeback={kind: made.value for kind, made in draft.writeback.items()},
        files=files,
    )


def _recalls(draft: Draft) -> dict[str, PlanDefinition]:
    """For each interface whose requests can be called back, a definition of the one callout that does it."""
    found = {}
    for made in draft.interfaces.values():
        interface = made.value
        if interface.recall is not None:
            name = recall_plan(interface.full_name)
            item = ItemDefinition(
                key="recall",
                plan=name,
                type=ItemType.CALLOUT,
                name=f"Recall {interface.full_name}",
                interface=f"{interface.system}.{interface.recall}",
                source=interface.source,
            )
            found[name] = PlanDefinition(name=name, items={"recall": item}, source=interface.source)
    return found


def _rules(draft: Draft) -> dict[str, tuple[Rule, ...]]:
    """By source product, in the order in which they run."""
    by_product: dict[str, list[Rule]] = {}
    for made in sorted(draft.rules, key=lambda made: (made.value.priority, made.value.id)):
        for code in sorted(made.value.products):
            by_product.setdefault(code, []).append(made.value)
    return {code: tuple(rules) for code, rules in sorted(by_product.items())}


def _scenarios(draft: Draft) -> dict[str, tuple[Scenario, ...]]:
    """By product: its own first, then those of its classes, the nearest first; else as written."""
    by_product: dict[str, list[Scenario]] = {}
    for made in draft.scenarios:
        for code in sorted(made.value.products):
            by_product.setdefault(code, []).append(made.value)

    def nearness(scenario: Scenario, code: str) -> int:
        classes = draft.products[code].value.classes
        name = scenario.written_for.removeprefix("class ")
        return 0 if scenario.written_for == code else 1 + (classes.index(name) if name in classes else 0)

    return {
        code: tuple(sorted(scenarios, key=lambda scenario: nearness(scenario, code)))
        for code, scenarios in sorted(by_product.items())
    }
