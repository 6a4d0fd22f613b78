"""Everything that the org learns from one metadata folder, together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from connector.localorg.schema.draft import Draft
from connector.localorg.schema.flows import Flow, read_flows
from connector.localorg.schema.model import Child, Kind, Schema
from connector.localorg.schema.objects import ObjectReader
from connector.localorg.schema.permissions import PermissionSet, read_permission_sets
from connector.localorg.schema.standard import standard_objects
from connector.localorg.schema.xml import MetadataError, read

AssignPrefix = Callable[[str], str]
"""Object API name → key prefix. The store remembers them: an Id must mean the same object after a restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue and the objects whose records it may own."""

    developer_name: str
    label: str
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The schema and everything beside it that an admin deploys."""

    schema: Schema
    permission_sets: tuple[PermissionSet, ...] = ()
    queues: tuple[Queue, ...] = ()
    flows: tuple[Flow, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the metadata says and this org does not honour."""
        return self.schema.warnings


def read_metadata(folder: Path | None, assign_prefix: AssignPrefix) -> Metadata:
    """The standard objects, and what the folder adds to them. No folder: an org as it is delivered.

    Args:
        folder: metadata in source format, such as `force-app/main/default`.
        assign_prefix: gives custom objects and events their key prefixes.

    Raises:
        MetadataError: a file that makes no sense; the message names it.
    """
    drafts = standard_objects()
    if folder is None:
        return Metadata(schema=_schema(drafts, assign_prefix, {}, ()))
    if not folder.is_dir():
        raise MetadataError(f"{folder} is not a folder")
    reader = ObjectReader(folder)
    reader.merge_into(drafts)
    flows, flow_warnings = read_flows(folder)
    warnings = (*reader.warnings, *flow_warnings)
    return Metadata(
        schema=_schema(drafts, assign_prefix, _channels(folder), warnings),
        permission_sets=read_permission_sets(folder),
        queues=_queues(folder),
        flows=flows,
    )


def _schema(
    drafts: dict[str, Draft],
    assign_prefix: AssignPrefix,
    channels: dict[str, tuple[str, ...]],
    warnings: tuple[str, ...],
) -> Schema:
    children: defaultdict[str, list[Child]] = defaultdict(list)
    for draft in drafts.values():
        draft.prefix = draft.prefix or ("" if draft.kind is Kind.NAME else assign_prefix(draft.name))
        for field in draft.fields.values():
            for target in field.to:
                if target.lower() not in drafts:
                    raise MetadataError(f"{draft.name}.{field.name} refers to {target}, which is not there")
                if field.children:
                    children[target.lower()].append(Child(name=field.children, object=draft.name, field=field.name))
    objects = {name: draft.finish(children[name]) for name, draft in drafts.items()}
    return Schema(
        MappingProxyType(objects),
        MappingProxyType({each.prefix: each for each in objects.values() if each.prefix}),
        MappingProxyType(channels),
        warnings,
    )


def _queues(folder: Path) -> tuple[Queue, ...]:
    queues = []
    for file in sorted(folder.glob("queues/*.queue-meta.xml")):
        root = read(file)
        developer_name = root.text("fullName") or file.name.partition(".")[0]
        queues.append(
            Queue(
                developer_name=developer_name,
                label=root.text("name", developer_name),
                objects=tuple(node.text("sobjectType") for node in root.all("queueSobject")),
            )
        )
    return tuple(queues)


def _channels(folder: Path) -> dict[str, tuple[str, ...]]:
    """Custom event channels (`X__chn`) and the events that they carry."""
    members: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(folder.glob("platformEventChannelMembers/*.platformEventChannelMember-meta.xml")):
        root = read(file)
        members[root.text("eventChannel")].append(root.text("selectedEntity"))
    return {name: tuple(events) for name, events in members.items()}
