"""The demo: sample orders, the people and systems around them, and one command that shows it all.

- `catalog`, `orders`: what is sold, to whom, which orders are placed, and how each is to end.
- `people`: the credit clerk and the fallout operator. `org`: how they, like any client, talk to Salesforce.
- `systems`, `simulated/`: fulfillment systems, each an HTTP server of its own.
- `processes`, `stage`: database, local org, systems and connector, started and stopped.
- `runner`: the course of the demo. `screen`: what it looks like. `outcome`: whether it ended as it should.
"""
