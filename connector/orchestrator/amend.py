"""Carrying out a revision: what `revise` decided happens to lines and items, in one turn. Pure.

What was done is taken back in the reverse order of its completion, one group of compensations after another; what
undoes an item that is still running comes after that item, and what undoes its predecessors comes after that. What is
brought to new values, or done again, goes forward: after what its item came after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace as replace_fields
from datetime import UTC, datetime

from msgspec.structs import replace

from connector.mappings.expression import EvaluationError
from connector.mappings.set import recall_plan
from connector.model.commands import Assetize, ClearTimers, DropCallout, Explain
from connector.model.ids import ItemNo, LineId, TechnicalLineNo
from connector.model.order import Action
from connector.model.plan import Item
from connector.model.revision import ItemChange, ItemEffect
from connector.model.states import ItemState, ItemTrigger, ItemType
from connector.model.technical import AttributeChange, TechnicalLine
from connector.orchestrator.outlook import NOT_BEGUN, Identity, Outlook, identity, line_key, predecessors
from connector.orchestrator.retracting import brought, retracted, take_out
from connector.orchestrator.step import Step
from connector.orchestrator.unwanted import close_fallout, discard, is_recall
from connector.orchestrator.versions import CANCEL, technical_differences

_COMMERCIAL = TechnicalLineNo(0)
"""`of` of a line that keeps what an order line said."""

_NOT_YET = datetime.max.replace(tzinfo=UTC)


def carry_out(step: Step, outlook: Outlook) -> None:
    """Change the plan as was decided. No request is being sent meanwhile."""
    _Amendment(step, outlook).run()


class _Amendment:
    """One revision being carried out."""

    def __init__(self, step: Step, outlook: Outlook) -> None:
        self._step = step
        self._plan = step.plan
        self._outlook = outlook
        self._number = f"order {outlook.following.order.number}"
        self._next_item = max(self._plan.items, default=0) + 1
        self._next_line = max(self._plan.lines, default=0) + 1
        self._ghosts: dict[tuple[TechnicalLineNo | None, str], TechnicalLineNo | None] = {}
        self._old_lines: dict[TechnicalLineNo, TechnicalLine] = dict(self._plan.lines)
        self._old_order = self._plan.order
        self._added: dict[ItemNo, Item] = {}
        self._added_lines: list[TechnicalLine] = []
        self._stands_for: dict[Identity, tuple[ItemNo, ...]] = {}
        """What those wait for that come after an item that is amended, redone or new."""
        self._line_nos: dict[TechnicalLineNo, TechnicalLineNo] = {}
        """Number of a line in the new decomposition → in the plan."""
        self._names = {item.no: key for key, item in outlook.after_items.items()}
        self._undoing = self._still_undoing()
        """What is not done yet of what earlier revisions undo and amend, by the item that it is for."""
        self._taken_from = {line for line, names in outlook.changes.put_out.values() if names}
        """Lines whose values from items change: what is undone has put them in or will, or others take their place."""

    def run(self) -> None:
        """All of it."""
        gone = retracted(self._step, self._outlook.changes.canceled, self._old_lines)
        self._number_lines()
        self._change_lines()
        undone, forward = self._by_direction()
        self._go_forward(forward, self._undo(undone))
        kept = self._kept_as_they_were()
        self._plan.add(self._added.values(), self._added_lines)
        self._change_items(kept)
        for item, change in self._outlook.overtaken:
            self._discard(item, change)
        wanted = {line.no: self._outlook.after_lines.get(key) for key, line in self._outlook.live_lines.items()}
        take_out(self._plan, [self._plan.items[item.no] for item, _ in undone], wanted)
        self._plan.index()
        if gone:
            self._step.command(Assetize(lines=gone))
        self._step.command(Explain(explanation=self._outlook.after.explanation))
        self._step.to_look_at.extend(no for no, item in self._plan.items.items() if item.state is ItemState.PENDING)

    # -- lines ----------------------------------------------------------------------------------------

    def _number_lines(self) -> None:
        for key, line in self._outlook.after_lines.items():
            live = self._outlook.live_lines.get(key)
            if live is None:
                self._line_nos[line.no] = self._new_line_no()
            else:
                self._line_nos[line.no] = live.no

    def _new_line_no(self) -> TechnicalLineNo:
        self._next_line += 1
        return TechnicalLineNo(self._next_line - 1)

    def _change_lines(self) -> None:
        outlook, plan = self._outlook, self._plan
        for key, line in outlook.live_lines.items():
            new = outlook.after_lines.get(key)
            if line.no in outlook.changes.canceled:
                plan.put_line(replace(line, supplement="Cancel"))
            elif new is not None:
                plan.put_line(self._amended(line, new))
            else:  # it grew late; its order lines have new ids
                into = outlook.following.into
                sources = tuple(into[source] for source in line.sources if source in into)
                plan.put_line(replace(line, sources=sources, root=into.get(line.root, line.root)))
        for line in outlook.added:
            parents = tuple(self._line_nos[parent] for parent in line.parents)
            self._added_lines.append(replace(line, no=self._line_nos[line.no], parents=parents, supplement="Add"))
        parked = outlook.after.parked
        plan.parked = tuple(replace(rule, line=self._line_nos[rule.line]) for rule in parked)
        if outlook.following.order.lines:
            plan.order = outlook.after.order
        else:  # it stays to be seen what was wanted
            plan.order = replace_fields(plan.order, supplemental_action=CANCEL)
        plan.memo.clear()
        plan.changed_order = True

    def _amended(self, line: TechnicalLine, new: TechnicalLine) -> TechnicalLine:
        then = self._outlook.amended_line(line, line_key(line))
        names = line.attributes.keys() | then.attributes.keys()
        changes = {
            name: AttributeChange(old=line.attributes.get(name), new=then.attributes.get(name))
            for name in sorted(names)
            if line.attributes.get(name) != then.attributes.get(name)
        }
        return replace(
            then,
            sources=new.sources,
            root=new.root,
            parents=tuple(self._line_nos[parent] for parent in new.parents),
            # Against what is installed where something is, whatever was wanted meanwhile; else against that.
            changes=changes if new.action is Action.ADD else new.changes,
            supplement="Amend" if technical_differences(line, then) else line.supplement,
            request=new.request,
        )

    def _as_it_was(self, item: Item) -> TechnicalLineNo | None:
        """The line that undoing looks at: it has the values with which was done what is undone."""
        key = (item.line, "" if item.line is not None else "".join(item.sources[:1]))
        if key not in self._ghosts:
            self._ghosts[key] = self._ghost(item)
        return self._ghosts[key]

    def _kept_as_they_were(self) -> Mapping[ItemNo, TechnicalLineNo | None]:
        """The lines that what still undoes things looks at, once those that it looked at are changed."""
        amending = {item.no for items in self._outlook.amending.values() for item in items}
        return {
            item.no: self._as_it_was(item)
            for item in self._plan.items.values()
            if item.undoes is not None and item.line is not None and not item.is_final and item.no not in amending
        }

    def _ghost(self, item: Item) -> TechnicalLineNo | None:
        if item.line is not None:
            old, present = self._old_lines[item.line], self._plan.lines[item.line]
            is_same = not technical_differences(old, present) and item.line not in self._taken_from
            if is_same or not present.is_live:
                return item.line
            made = replace(old, no=self._new_line_no(), of=old.no)
        else:
            source = next((line for line in self._old_order.lines if line.id in item.sources), None)
            if source is None:
                return None
            made = TechnicalLine(
                no=self._new_line_no(),
                product=source.product,
                action=source.action,
                scope_key=item.scope_key,
                sources=(source.id,),
                root=item.root or source.id,
                quantity=source.quantity,
                attributes=source.attributes,
                of=_COMMERCIAL,
            )
        self._added_lines.append(made)
        return made.no

    # -- items that come --------------------------------------------------------------------------------

    def _by_direction(self) -> tuple[list[tuple[Item, ItemChange]], list[tuple[Item, ItemChange]]]:
        """The items that are undone (or redone), and those that are done again or amended."""
        undone, forward = [], []
        for key, change in self._outlook.effects.items():
            item = self._outlook.live_items[key]
            if change.effect in (ItemEffect.UNDONE, ItemEffect.REDONE):
                undone.append((item, change))
            if change.effect in (ItemEffect.REDONE, ItemEffect.AMENDED):
                forward.append((item, change))
        return undone, forward

    def _still_undoing(self) -> Mapping[Identity, tuple[ItemNo, ...]]:
        gives_way = {item.no for item, _ in self._outlook.overtaken}
        found: dict[Identity, tuple[ItemNo, ...]] = {}
        for item in self._plan.items.values():
            if item.undoes is not None and not item.is_final and item.no not in gives_way and not is_recall(item):
                key = identity(self._plan.items[item.undoes])
                found[key] = (*found.get(key, ()), item.no)
        return found

    def _undo(self, undone: Sequence[tuple[Item, ItemChange]]) -> Mapping[ItemNo, tuple[ItemNo, ...]]:
        """Make the compensations; gives the last items of each group, by what it undoes."""
        last: dict[ItemNo, tuple[ItemNo, ...]] = {}
        values = brought(self._plan, [item for item, _ in undone])
        self._taken_from.update(
            item.line for item, each in undone if item.line is not None and (values[item.no] or each.after is not None)
        )
        running = [(item, change) for item, change in undone if change.after is not None]
        for item, change in running:
            self._recall(item)
            waits = (item.no, *self._undoing.get(identity(item), ()))
            last[item.no] = self._group(change.by, item, waits) if change.by else waits
        done = [(item, change) for item, change in undone if change.after is None]
        done.sort(key=lambda each: (each[0].finished_at or _NOT_YET, each[0].no), reverse=True)
        after_running = {item.no: predecessors(self._plan, item.no) for item, _ in running}
        previous: tuple[ItemNo, ...] = ()
        for item, change in done:
            if not change.by:
                continue
            before = [no for ran, known in after_running.items() if item.no in known for no in last[ran]]
            previous = self._group(change.by, item, (*previous, *before, *self._undoing.get(identity(item), ())))
            last[item.no] = previous
        return last

    def _recall(self, item: Item) -> None:
        interface = self._step.definition(item).interface
        if interface is not None and self._step.mappings.interface(interface).recall is not None:
            self._group(recall_plan(interface), item, ())

    def _group(self, plan: str, target: Item, after: Iterable[ItemNo], *, is_new: bool = False) -> tuple[ItemNo, ...]:
        """Insert a definition for an item; gives its last items. `is_new`: with the new values, not as it was."""
        line = target.line if is_new else self._as_it_was(target)
        definitions = self._step.mappings.plans[plan].items
        numbers = {key: self._new_item_no() for key in definitions}
        first = tuple(dict.fromkeys(after))
        sources, root = self._sources(target)
        for key, definition in definitions.items():
            own = [each for each in definition.after if each.key in numbers]
            ends = {numbers[each.key] for each in own if not each.at_start}
            starts = {numbers[each.key] for each in own} - ends
            self._added[numbers[key]] = Item(
                no=numbers[key],
                definition=plan,
                key=key,
                type=definition.type,
                scope_key=target.scope_key,
                name=definition.name,
                line=line,
                sources=sources,
                root=root,
                after=tuple(sorted(ends)) if own else first,
                after_start=tuple(sorted(starts)),
                queue=definition.queue,
                undoes=target.no,
            )
        waited = {no for key in definitions for no in self._added[numbers[key]].after}
        return tuple(no for no in numbers.values() if no not in waited)

    def _new_item_no(self) -> ItemNo:
        self._next_item += 1
        return ItemNo(self._next_item - 1)

    def _sources(self, item: Item) -> tuple[tuple[LineId, ...], LineId | None]:
        """The item's order lines in the new version; those that it does not have any more stay what they were."""
        into = self._outlook.following.into
        return (
            tuple(dict.fromkeys(into.get(source, source) for source in item.sources)),
            into.get(item.root, item.root) if item.root is not None else None,
        )

    def _go_forward(
        self, forward: Sequence[tuple[Item, ItemChange]], undoing: Mapping[ItemNo, tuple[ItemNo, ...]]
    ) -> None:
        """Make the items that do again, amend, or are new; then say what each comes after."""
        numbers = self._numbers_for(forward)
        self._amend([each for each in forward if each[1].effect is ItemEffect.AMENDED])
        for key, no in numbers.items():
            made_item = self._outlook.after_items.get(key)
            live = self._outlook.live_items.get(key)
            waits = undoing.get(live.no, ()) if live is not None else ()
            if live is not None and self._outlook.effects[key].after is not None:
                waits = (*waits, live.no)
            if live is not None and live.type is ItemType.SUBPLAN:
                waits = (*waits, *(undo for below in self._plan.below(live.no) for undo in undoing.get(below, ())))
            fresh = self._fresh(no, made_item, live)
            ends = {*self._before(key), *waits}
            starts = set(self._starts(key)) - ends
            self._added[no] = fresh.but(after=tuple(sorted(ends)), after_start=tuple(sorted(starts)))

    def _numbers_for(self, forward: Sequence[tuple[Item, ItemChange]]) -> dict[Identity, ItemNo]:
        """Numbers for what is done again, and for what is new."""
        again = [identity(item) for item, change in forward if change.effect is ItemEffect.REDONE]
        new = [key for key in self._outlook.after_items if key not in self._outlook.live_items]
        numbers = {key: self._new_item_no() for key in (*again, *new)}
        self._stands_for.update((key, (no,)) for key, no in numbers.items())
        return numbers

    def _amend(self, amending: Sequence[tuple[Item, ItemChange]]) -> None:
        """Make what brings items to the new values: it comes after what they came after, and after them."""
        groups = []
        for item, change in amending:
            first = self._next_item
            last = self._group(change.by, item, (), is_new=True)
            self._stands_for[identity(item)] = (item.no, *last)
            groups.append((item, change, {ItemNo(no) for no in range(first, self._next_item)}))
        for item, change, made in groups:
            before = {*self._before(identity(item)), *((item.no,) if change.after is not None else ())} - made
            for no in made:
                if not self._added[no].after and not self._added[no].after_start:
                    self._added[no] = self._added[no].but(after=tuple(sorted(before)))

    def _fresh(self, no: ItemNo, made: Item | None, live: Item | None) -> Item:
        """An item that has not begun, as the new version has it (one that grew late, as it was)."""
        if made is not None:
            return made.but(no=no, line=self._line_nos[made.line] if made.line is not None else None)
        assert live is not None
        sources, root = self._sources(live)
        return Item(
            no=no,
            definition=live.definition,
            key=live.key,
            type=live.type,
            scope_key=live.scope_key,
            name=live.name,
            line=live.line,
            sources=sources,
            root=root,
            parent=live.parent,
            each=live.each,
            queue=live.queue,
        )

    def _before(self, key: Identity) -> tuple[ItemNo, ...]:
        """What an item comes after in the new version; what undoes an earlier one like it comes before it too."""
        made = self._outlook.after_items.get(key)
        these = self._these(made.after) if made is not None else self._those(self._outlook.live_items[key].after)
        return tuple(dict.fromkeys((*these, *self._undoing.get(key, ()))))

    def _starts(self, key: Identity) -> tuple[ItemNo, ...]:
        """What an item comes after the start of in the new version."""
        made = self._outlook.after_items.get(key)
        if made is not None:
            return self._these(made.after_start)
        return self._those(self._outlook.live_items[key].after_start)

    def _these(self, numbers: Sequence[ItemNo]) -> tuple[ItemNo, ...]:
        """The items of the plan that stand for some of the new version."""
        return tuple(dict.fromkeys(no for before in numbers for no in self._now(self._names[before], None)))

    def _those(self, numbers: Sequence[ItemNo]) -> tuple[ItemNo, ...]:
        """The items of the plan that stand for some that have been there."""
        names = [(identity(self._plan.items[no]), no) for no in numbers if no in self._plan.items]
        return tuple(dict.fromkeys(no for name, before in names for no in self._now(name, before)))

    def _now(self, key: Identity, otherwise: ItemNo | None) -> tuple[ItemNo, ...]:
        """The items of the plan that stand for one of the new version."""
        if key in self._stands_for:
            return self._stands_for[key]
        live = self._outlook.live_items.get(key)
        if live is not None:
            amending = (no for no in self._undoing.get(key, ()) if self._plan.items[no].undoes == live.no)
            return (live.no, *amending)
        return (otherwise,) if otherwise is not None else ()

    # -- items that are there ---------------------------------------------------------------------------

    def _change_items(self, lines: Mapping[ItemNo, TechnicalLineNo | None]) -> None:
        afters, begins = {}, {}
        for key, change in self._outlook.effects.items():
            item = self._outlook.live_items[key]
            if item.state in NOT_BEGUN or item.state is ItemState.ON_HOLD or _begins_again(item, change):
                afters[item.no] = tuple(sorted(self._before(key)))
                begins[item.no] = tuple(sorted(self._starts(key)))
        for item in [item for item in self._plan.items.values() if item.no not in self._added]:
            sources, root = self._sources(item)
            after = afters.get(item.no, item.after)
            starts = tuple(no for no in begins.get(item.no, item.after_start) if no not in after)
            line = lines.get(item.no, item.line)
            then = item.but(sources=sources, root=root, after=after, after_start=starts, line=line)
            if then != item:
                self._plan.put(then)
                self._plan.respecified.add(item.no)
        for key, change in self._outlook.effects.items():
            self._change(self._plan.items[self._outlook.live_items[key].no], change)

    def _change(self, item: Item, change: ItemChange) -> None:
        match change.effect:
            case ItemEffect.DISCARDED:
                self._discard(item, change)
            case ItemEffect.UPDATED:
                self._update(item, change)
            case ItemEffect.UNDONE:
                self._end(item, change, ItemTrigger.UNDONE, ItemState.CANCELED)
            case ItemEffect.REDONE | ItemEffect.AMENDED:
                self._end(item, change, ItemTrigger.AMENDED, ItemState.AMENDED)
            case _:
                pass

    def _tell(self, what: str, item: Item, change: ItemChange) -> None:
        by = f"; by {change.by}" if change.by else ""
        self._step.record(what, item, f"{self._number}: {change.why}{by}"[:500])

    def _end(self, item: Item, change: ItemChange, trigger: ItemTrigger, state: ItemState) -> None:
        """What the item did is taken back or amended: now, or when it has done it."""
        if item.state in (ItemState.COMPLETED, ItemState.AMENDED):
            self._step.move(item, trigger)
        elif item.state is ItemState.RUNNING:
            waiting = f"{(item.waiting_for or '').partition('; ')[0]}; then it is {change.effect}"[:255]
            self._step.change(item, ends_as=state, waiting_for=waiting)
        else:
            self._discard(item, change)
            return
        self._tell(change.effect, item, change)

    def _discard(self, item: Item, change: ItemChange) -> None:
        self._tell("discarded", discard(self._step, item, f"Revised by {self._number}."), change)

    def _update(self, item: Item, change: ItemChange) -> None:
        step = self._step
        if item.state in NOT_BEGUN and item.state is not ItemState.SCHEDULED:
            return
        if item.state is ItemState.RUNNING and item.type is ItemType.MANUAL:
            step.change(
                item, instructions=self._instructions(item), choices=step.definition(item).outcomes, retold=True
            )
            self._tell("task updated", item, change)
            return
        close_fallout(step, item, f"Revised by {self._number}.")
        step.command(ClearTimers(item=item.no))
        was_sent = item.type is ItemType.CALLOUT and item.request_epoch == item.epoch
        if was_sent:
            step.command(DropCallout(item=item.no))
        was_timed = item.type in (ItemType.EVENT, ItemType.TIMER) and item.due_at is not None
        fresh = {
            "epoch": item.epoch + (was_sent or was_timed),
            "attempts": 0,
            "outcome": None,
            "failure": None,
            "told": None,
            "due_at": None,
            "finished_at": None,
            "branch_skipped": False,
        }
        if item.state is ItemState.ON_HOLD:
            step.change(item, **fresh)
        else:
            step.move(item, ItemTrigger.UPDATED, **fresh, waiting_for=None)
        self._tell("updated", item, change)

    def _instructions(self, item: Item) -> str | None:
        text = self._step.definition(item).instructions
        if text is None:
            return None
        try:
            return str(text.evaluate(self._step.activation(item, text)))
        except EvaluationError as error:
            self._step.record("instructions not updated", item, str(error)[:500])
            return item.instructions


def _begins_again(item: Item, change: ItemChange) -> bool:
    is_task = item.type is ItemType.MANUAL and item.state is ItemState.RUNNING
    return change.effect is ItemEffect.UPDATED and not is_task
