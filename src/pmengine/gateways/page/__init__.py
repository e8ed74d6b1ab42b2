"""The web page of the exchange: its built files, and what they are told of where they are."""

from pmengine.gateways.page.files import PageFile, own_files, read_files
from pmengine.gateways.page.told import WebPage, is_feed_address

__all__ = ["PageFile", "WebPage", "is_feed_address", "own_files", "read_files"]
