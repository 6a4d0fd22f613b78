"""Mapping sets: YAML that people write, read into one immutable, compiled `MappingSet`.

For others: `set` (what is compiled), `expression`, `views` (what expressions see), `compile` (files → set and
findings, pure), `load` (the same from a folder), `diagnostics` and `report` (findings), `orderfile` (orders as JSON).

Inside: `document` (YAML → nodes that know their place), `shapes` and `form` (what may stand where), `placed` and
`complaint` (expressions at their places, and what CEL says of them), `syntax` (what an expression reads),
`build` (nodes → parts of the set), `checks` (what only the whole can tell).
"""
