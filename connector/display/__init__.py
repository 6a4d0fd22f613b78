"""What people are shown of orders: a view of all that is known of one, and its drawings. Pure.

- `words`: times, durations and states in words and symbols.
- `listing`: many orders as a table.
"""
