"""Stores with one bug each: whoever changes the kit sees that it still catches them by name."""

from pmstore.testing.planted.bug import PlantedBug
from pmstore.testing.planted.orders import DoesNothing, order_bugs
from pmstore.testing.planted.others import other_bugs
from pmstore.testing.planted.streams import stream_bugs

__all__ = ["DoesNothing", "PlantedBug", "order_bugs", "other_bugs", "stream_bugs"]
