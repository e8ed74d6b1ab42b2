"""The stores themselves: a folder each, found by the entry point of its scheme."""
