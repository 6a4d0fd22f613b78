"""Nothing is dropped in silence: a line that nothing takes is a problem, or is said to need nothing."""

from __future__ import annotations

from collections.abc import Sequence

from connector.decomposition.context import Context
from connector.decomposition.near import NearMiss, told
from connector.decomposition.rules import Application
from connector.decomposition.scenarios import PlannedLine
from connector.model.order import Action

_MOST_NAMED = 10


class Coverage:
    """Accounts for the lines without a plan."""

    def __init__(self, context: Context, rules: Application) -> None:
        self._context = context
        self._rules = rules

    def without_plan(self, line: PlannedLine, misses: Sequence[NearMiss]) -> None:
        """Say what becomes of a line that no scenario took; `misses` are the scenarios that did not."""
        almost = [*self._context.near_misses.get(line.subject, ()), *misses]
        needs_nothing = self._needs_nothing(line)
        if needs_nothing:
            self._context.journal.note("line", line.subject, needs_nothing)
        elif line.number is None:
            if not self._rules.covered.issuperset(line.sources):
                self._no_rule(line, almost)
        elif line.number not in self._rules.flawed:
            self._no_scenario(line, almost)

    def _needs_nothing(self, line: PlannedLine) -> str:
        """Why a line may go without; empty when it may not."""
        if line.number is None:
            if self._rules.covered.issuperset(line.sources):
                return ""  # its technical lines speak for it
        elif line.number in self._rules.decomposed:
            return "needs no plan of its own: further lines came from it"
        if line.action is Action.NO_CHANGE:
            return "needs no fulfillment: nothing changes"
        if not self._context.mapping_set.products[line.product].fulfillment:
            return "needs no fulfillment, its product says"
        return ""

    def _no_rule(self, line: PlannedLine, almost: Sequence[NearMiss]) -> None:
        if almost:
            message, hint = "No decomposition rule or scenario took the line.", "Mend the line, or a condition."
        else:
            message = "No decomposition rule or scenario is about its product."
            hint = "Add a rule, or say `fulfillment: none` if the product needs none."
        self._dropped("NO_RULE", line, message, hint, almost)

    def _no_scenario(self, line: PlannedLine, almost: Sequence[NearMiss]) -> None:
        if almost:
            message = f"No scenario gives a plan to this {line.action}."
            hint = "Add a scenario for the action, or mend a condition."
        else:
            message, hint = "No scenario is about its product.", "Add a scenario, or say `fulfillment: none`."
        self._dropped("NO_SCENARIO", line, message, hint, almost)

    def _dropped(self, code: str, line: PlannedLine, message: str, hint: str, almost: Sequence[NearMiss]) -> None:
        where = f"{line.subject} ({line.product})"
        if line.number is not None:
            names = [self._context.labels[source] for source in line.sources]
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            where += f" from {', '.join(names[:_MOST_NAMED])}{more}"
        source = str(self._context.mapping_set.products[line.product].source)
        self._context.problem(code, message, where=where, hint=hint, source=source, near_misses=told(almost))
        self._context.journal.note("line", line.subject, message, taken=False, rule=code, source=source)
