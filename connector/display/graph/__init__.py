"""The plan as a graph.

- `model`: its lanes, nodes and edges, with the words that stand on them.
- `layout`: where everything is, in layers from left to right and lanes from top to bottom.
- `svg`, `mermaid`, `dot`: the graph written down.
"""
