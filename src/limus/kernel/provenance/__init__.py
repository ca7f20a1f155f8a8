"""Where a number comes from: sourced values, directness, references, and what a run was made with."""

from limus.kernel.provenance.bibliography import Reference, load_bibliography
from limus.kernel.provenance.stamp import RunStamp, hash_file, hash_text, stamp_run
from limus.kernel.provenance.values import Directness, Kind, SourcedValue

__all__ = [
    "Directness",
    "Kind",
    "Reference",
    "RunStamp",
    "SourcedValue",
    "hash_file",
    "hash_text",
    "load_bibliography",
    "stamp_run",
]
