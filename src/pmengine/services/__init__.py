"""Thin loops over pmstore's contracts: each reads, asks something pure, and writes."""
