"""Checks a Salesforce DX project offline: against Salesforce's own type definitions, and against itself.

`python -m tests.metadata.sfmetadata deploy/salesforce` prints what is wrong, one line each. Nothing here talks to an
org: an org has the last word.
"""
