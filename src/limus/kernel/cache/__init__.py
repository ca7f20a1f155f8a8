"""What limus made once and would make again the same, kept on disk: losing it costs time, never an answer."""

from limus.kernel.cache.folder import cache_folder, hash_sources, keep, key_of, package_stamp, read_kept
from limus.kernel.cache.records import read_record, remembered, write_record
from limus.kernel.cache.table import KeptTable

__all__ = [
    "KeptTable",
    "cache_folder",
    "hash_sources",
    "keep",
    "key_of",
    "package_stamp",
    "read_kept",
    "read_record",
    "remembered",
    "write_record",
]
