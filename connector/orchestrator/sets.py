"""The mapping sets of this process: those for new orders, and those that orders in flight were started with."""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import MappingError
from connector.mappings.compile import compile_set
from connector.mappings.set import MappingSet
from connector.store.sets import SetTable


class MappingSets:
    """Compiled sets by their hash. A set that is not in memory is compiled from what the database keeps."""

    def __init__(self, current: Sequence[MappingSet], table: SetTable) -> None:
        self._current = tuple(current)
        self._compiled = {mappings.hash: mappings for mappings in current}
        self._table = table

    @classmethod
    async def publish(cls, current: Sequence[MappingSet], table: SetTable) -> MappingSets:
        """Make these the sets for new orders; each is kept in the database for the orders that start with it.

        The sets of orders in flight are loaded too: a call-back has to be understood before its order is known.

        Raises:
            MappingError: this release can't compile a set that an order was started with.
        """
        for mappings in current:
            await table.keep(mappings.hash, mappings.name, mappings.version, mappings.files)
        sets = cls(current, table)
        for set_hash in await table.in_use():
            await sets.by_hash(set_hash)
        return sets

    def current(self) -> Sequence[MappingSet]:
        """The sets that new orders get, the default one first."""
        return self._current

    def in_memory(self) -> Sequence[MappingSet]:
        """Every set that this process has used, the current ones first."""
        return tuple(self._compiled.values())

    def loaded(self, set_hash: str) -> MappingSet | None:
        """The set of that hash, if it is in memory."""
        return self._compiled.get(set_hash)

    async def by_hash(self, set_hash: str) -> MappingSet:
        """The set of that hash.

        Raises:
            MappingError: nobody has kept it, or this release can't compile it any more.
        """
        found = self._compiled.get(set_hash)
        if found is None:
            files = await self._table.files(set_hash)
            if files is None:
                raise MappingError(
                    f"Mapping set {set_hash} is not in the database.",
                    hint="Orders in flight need the set that they began with: restore the table mapping_sets.",
                )
            found = self._compiled[set_hash] = compile_set(files).require(kept=set_hash)
        return found
