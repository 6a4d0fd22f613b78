"""Everything between the connector and fulfillment systems: requests out, call-backs and events in.

- `destination`: where requests may go and with which credentials; `target` and `headers` keep a mapping
  from leading them elsewhere.
- `exchange`: one request and its answer, bounded in time and size. `tokens`: OAuth 2.0 client credentials.
- `verdict`: what an answer means (pure). `sender`: one attempt of one callout, from work to event.
- `pace`, `runner`: how many at a time, how fast, in which order.
- `signature`, `inbound`: what systems send to us (pure).
- `redaction`: what keeps secrets out of logs, failures and Cases.
"""
