"""The nouns of order management: frozen, slotted, without I/O. Every other room may import this one.

- `ids`: identifiers as types, and how an item is named to the outside.
- `order`: the commercial order, as read from Salesforce.
- `technical`: technical lines, inventory, the explanation of a decomposition.
- `states`: states, triggers and the transition tables, as data.
- `plan`: the plan and its items, as the machine and the store see them.
- `events`: what can happen to an order (past tense).
- `commands`: what the machine asks the shell to do (imperative).
- `failure`: why a callout or an order failed.
"""
