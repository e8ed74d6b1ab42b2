"""Stores with one bug each: whoever changes the kit sees that it still catches them by name."""

from pmstore.testing.planted.bug import PlantedBug
from pmstore.testing.planted.nothing import nothing_rig
from pmstore.testing.planted.orders import order_bugs
from pmstore.testing.planted.others import other_bugs
from pmstore.testing.planted.served import OrderServer
from pmstore.testing.planted.served_bugs import SERVED_BUGS, served_rig
from pmstore.testing.planted.shared import SOUND, shared_bugs
from pmstore.testing.planted.streams import stream_bugs

__all__ = [
    "SERVED_BUGS",
    "SOUND",
    "OrderServer",
    "PlantedBug",
    "nothing_rig",
    "order_bugs",
    "other_bugs",
    "served_rig",
    "shared_bugs",
    "stream_bugs",
]
