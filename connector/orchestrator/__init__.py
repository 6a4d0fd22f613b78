"""Orchestration: what happens next in an order's plan, and the shell that makes it durable.

Pure (no I/O, no clock): `machine` takes an event and a plan and says what changes; `advance` lets what
has become possible begin; `people` applies what operators ask; `fallout` decides about failures;
`requests` renders what is sent; `status` says how an order is doing. `turn` is the shell.
"""
