"""
The tables that the SQL backends share, and their migrations.

For migrations and ad-hoc queries. Opening a store imports none of the classes here: it
reads one row with the SQL in `pmstore.tables.schema` and imports
`pmstore.tables.migrating` if there is something to do.
"""
