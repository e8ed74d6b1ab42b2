"""Alembic's environment: shipped in the wheel, run by `pmstore.tables.migrating`."""
