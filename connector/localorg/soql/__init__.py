"""SOQL: a parser of its own and an evaluator over the tables in memory.

Source: SOQL and SOSL Reference. What is not supported (TYPEOF, geolocation, data categories, ROLLUP and CUBE) is
refused as malformed rather than answered wrongly.
"""
