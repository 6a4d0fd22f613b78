"""Everything that touches Salesforce: signing in, events, reading orders, writing status back.

The store is seen only through the protocols in `ports`; concrete parts meet in the composition root.
"""
