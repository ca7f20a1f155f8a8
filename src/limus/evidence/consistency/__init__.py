"""Consistency checks: what a table or a text prints, recomputed from what else it prints."""

from limus.evidence.consistency.checks import CONSISTENCY_CHECKS, CheckSummary, examine, summarise
from limus.evidence.consistency.judgement import Consistency, ConsistencyCheck, Judgement
from limus.evidence.consistency.printed import Printed, read_printed
from limus.evidence.consistency.reported import Arm, Contrast, Reported
from limus.evidence.consistency.reported_table import read_reported

__all__ = [
    "CONSISTENCY_CHECKS",
    "Arm",
    "CheckSummary",
    "Consistency",
    "ConsistencyCheck",
    "Contrast",
    "Judgement",
    "Printed",
    "Reported",
    "examine",
    "read_printed",
    "read_reported",
    "summarise",
]
