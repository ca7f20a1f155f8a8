"""Diagrams in DOT: found in a text, repaired with a report of each repair, read, compared with a model's pathway."""

from limus.evidence.dot.blocks import DotBlock, find_blocks
from limus.evidence.dot.comparison import EdgeComparison, compare_with_model
from limus.evidence.dot.graph import DotEdge, DotGraph, DotNode, read_graph
from limus.evidence.dot.repairs import Repair, repair_block

__all__ = [
    "DotBlock",
    "DotEdge",
    "DotGraph",
    "DotNode",
    "EdgeComparison",
    "Repair",
    "compare_with_model",
    "find_blocks",
    "read_graph",
    "repair_block",
]
