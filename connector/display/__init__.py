"""What people are shown of orders: a view of all that is known of one, and its drawings. Pure.

- `view`: all that is known of one order, and what is expected of it (`expecting`).
- `sheet`: one order on one sheet: its `head`, what it waits for, its plan as a `tree` or along the time (`gantt`).
- `listing`: many orders as a table.
- `document`: one order, or one of a list, for programs.
- `graph`: the plan as a picture.
- `lines`, `words`: styled text that fits a width; times, durations and states in words and symbols.
"""
