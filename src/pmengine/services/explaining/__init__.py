"""Tells the life of an order, with the rule behind each step."""

from pmengine.services.explaining.finding import explain
from pmengine.services.explaining.reading import LifeReader
from pmengine.services.explaining.rules import PAGE, Rule
from pmengine.services.explaining.steps import Life, Step

__all__ = ["PAGE", "Life", "LifeReader", "Rule", "Step", "explain"]
