"""
Alembic's own command line, for whoever writes the next migration.

`alembic -x url=sqlite:///x.db` with this folder as its script location; applications and
`pmstore migrate` go through `pmstore.tables.migrating` instead.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from pmstore.tables.catalogue import CATALOGUE
from pmstore.tables.schema import VERSION_TABLE


def run() -> None:
    """Run the migrations on the database that `-x url=…` names."""
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with engine.begin() as connection:
        context.configure(
            connection=connection, target_metadata=CATALOGUE, version_table=VERSION_TABLE
        )
        context.run_migrations()
    engine.dispose()


run()
