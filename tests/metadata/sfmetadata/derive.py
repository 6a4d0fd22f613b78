"""Derives `types.json` from Salesforce's type definitions, which are generated from the Metadata API's WSDL.

Where they come from: the npm package @salesforce/types, version 1.7.1 (1.9.0 lacks some 700 types), BSD-3-Clause;
its notice is in `types.LICENSE.txt`. To do it again, in a folder of your own:

    npm pack @salesforce/types@1.7.1
    tar xzf salesforce-types-1.7.1.tgz package/lib/metadata.d.ts package/LICENSE.txt

and in the repository, with FOLDER for that folder:

    .venv/bin/python -m tests.metadata.sfmetadata.derive FOLDER/package/lib/metadata.d.ts
    cp FOLDER/package/LICENSE.txt tests/metadata/sfmetadata/types.LICENSE.txt

What is kept: the types in `ROOTS` and what they are made of, with inheritance resolved. An element's type is written
`T` (must be there), `T?` (may be there) or `T[]` (any number).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

PACKAGE = "@salesforce/types@1.7.1"
ROOTS = (
    *("CustomField", "CustomObject", "CustomPermission", "CustomTab"),
    *("Flow", "ListView", "PermissionSet", "Queue", "ValidationRule"),
)
TYPES_FILE = Path(__file__).parent / "types.json"

_SCALARS = {"string", "number", "boolean", "Date"}
_DECLARATION = re.compile(r"^export type (\w+) = (.*?);\n(?=export |$)", re.DOTALL | re.MULTILINE)
_STRUCTURE = re.compile(r"(?:(\w+) & )?\{(.*)\}", re.DOTALL)
_EXTENSION = re.compile(r"(\w+)(?: & Record<[^{}]*>)?")
_MEMBER = re.compile(r"^\s+(\w+)(\??): (\w+)(\[\])?;$", re.MULTILINE)


def derive(source: str) -> dict[str, object]:
    """The content of `types.json` for the text of a `metadata.d.ts`.

    Raises:
        ValueError: a type that is needed is missing, or is written in a way that this does not understand.
    """
    declarations = dict(_DECLARATION.findall(source))
    types: dict[str, dict[str, str]] = {}
    enums: dict[str, list[str]] = {}
    wanted = list(ROOTS)
    while wanted:
        name = wanted.pop()
        if name in types or name in enums or name in _SCALARS:
            continue
        body = declarations.get(name)
        if body is None:
            raise ValueError(f"no type {name}")
        if body.startswith("'"):
            enums[name] = sorted(re.findall(r"'([^']*)'", body))
            continue
        types[name] = _elements(name, declarations)
        wanted += [spelled.rstrip("?[]") for spelled in types[name].values()]
    return {"source": PACKAGE, "types": dict(sorted(types.items())), "enums": dict(sorted(enums.items()))}


def _elements(name: str, declarations: dict[str, str]) -> dict[str, str]:
    body = declarations[name]
    structure = _STRUCTURE.fullmatch(body)
    extension = _EXTENSION.fullmatch(body)
    if structure:
        base, members = structure.groups()
    elif extension:
        base, members = extension.group(1), ""
    else:
        raise ValueError(f"type {name} is written in a way that is not understood: {body[:80]}")
    elements = dict(_elements(base, declarations)) if base else {}
    for member, optional, spelled, repeated in _MEMBER.findall(members):
        elements[member] = spelled + (repeated or optional)
    if members.count(";") != len(_MEMBER.findall(members)):
        raise ValueError(f"a member of type {name} is written in a way that is not understood")
    return dict(sorted(elements.items()))


def main(arguments: list[str]) -> None:
    """Write `types.json` from the file named on the command line."""
    content = derive(Path(arguments[0]).read_text(encoding="utf-8"))
    TYPES_FILE.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
