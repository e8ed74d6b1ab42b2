"""What all tables have in common: one catalogue of their own."""

from __future__ import annotations

from sqlalchemy.orm import registry
from sqlmodel import SQLModel


class Table(SQLModel, registry=registry()):
    """
    A table of pmstore, for migrations and ad-hoc queries; hot writes use SQL of their own.

    It has its own catalogue: the tables of an application that uses SQLModel too are none
    of ours.
    """
