"""The cache: what is kept comes back exactly, and whatever happens to the folder costs time only."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limus.kernel.cache import (
    KeptTable,
    cache_folder,
    hash_sources,
    keep,
    key_of,
    package_stamp,
    read_kept,
    read_record,
    remembered,
    write_record,
)
from limus.kernel.language import Apply, Expression, Number, Symbol


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Leaf:
    value: Any


@dataclass(frozen=True)
class Branch:
    name: str
    parts: tuple[Any, ...]
    made: int = field(init=False, default=7)


CLASSES = (Branch, Leaf, Colour)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path))
    return tmp_path


def there_and_back(value: Any, classes: tuple[type, ...] = CLASSES) -> Any:
    return read_record(write_record(Leaf(value), classes), classes).value


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_float_keeps_its_bits(value: float) -> None:
    back = there_and_back(value)
    assert type(back) is float
    assert math.isnan(back) if math.isnan(value) else struct.pack("d", back) == struct.pack("d", value)


def test_parts_that_are_equal_but_not_the_same_stay_apart() -> None:
    value = (0.0, -0.0, 0, False, 1, 1.0, True, None, "1", "", "ä\ud800\n", Colour.RED, "red")
    back = there_and_back(value)
    assert [(type(one), repr(one)) for one in back] == [(type(one), repr(one)) for one in value]
    numbers = there_and_back((Leaf(0.0), Leaf(-0.0), Leaf(0), Leaf(1.0), Leaf(True)))
    assert [repr(leaf.value) for leaf in numbers] == ["0.0", "-0.0", "0", "1.0", "True"]


def test_mappings_keep_their_kind_and_order() -> None:
    back = there_and_back(({"b": 1.0, "a": Leaf(2)}, MappingProxyType({"z": ()}), frozenset({"x", "y"})))
    assert back == ({"b": 1.0, "a": Leaf(2)}, {"z": ()}, frozenset({"x", "y"}))
    assert list(back[0]) == ["b", "a"]
    assert type(back[1]) is MappingProxyType


def test_fields_that_a_class_fills_itself_are_filled_again() -> None:
    assert there_and_back(Branch("b", (Leaf(1), Leaf(1)))) == Branch("b", (Leaf(1), Leaf(1)))
    node = Apply("add", (Symbol("x"), Number(1.0)))
    back = there_and_back(node, (Leaf, Apply, Symbol, Number))
    assert back == node
    assert hash(back) == hash(node)


def test_shared_parts_are_written_once() -> None:
    node: Expression = Symbol("x")
    for _ in range(100):  # as a tree this would have 2^100 leaves
        node = Apply("multiply", (node, node))
    text = write_record(node, (Apply, Symbol))
    assert len(json.loads(text)) == 101
    back = read_record(text, (Apply, Symbol))
    assert back.arguments[0] is back.arguments[1]


def test_only_named_classes_are_written_and_made() -> None:
    with pytest.raises(TypeError, match="Path"):
        write_record(Leaf(Path()), CLASSES)
    with pytest.raises(TypeError, match="Branch"):
        write_record(Branch("b", ()), (Leaf,))
    with pytest.raises(LookupError):
        read_record('[["system", "echo"]]', CLASSES)


def test_a_kept_record_is_not_made_again(folder: Path) -> None:
    made = []

    def make() -> Leaf:
        made.append(1)
        return Leaf(1.5)

    assert [remembered("part", ("key",), CLASSES, make) for _ in range(3)] == [Leaf(1.5)] * 3
    assert len(made) == 1
    assert remembered("part", ("other key",), CLASSES, make) == Leaf(1.5)
    assert len(made) == 2


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "foreign", "not text", "another record"])
def test_a_damaged_file_is_made_anew(folder: Path, how: str) -> None:
    assert remembered("part", ("key",), CLASSES, lambda: Leaf(1.5)) == Leaf(1.5)
    (file,) = (folder / "part").iterdir()
    whole = file.read_bytes()
    if how == "foreign":  # whole, but not written by this program
        keep("part", file.name, b'[["Twig", 1]]')
    elif how == "not text":
        keep("part", file.name, b"\xff\xfe")
    elif how == "another record":
        keep("part", file.name, b'[["Leaf", 1]]')
    else:
        flipped = bytes([*whole[:-3], whole[-3] ^ 1, *whole[-2:]])
        file.write_bytes({"cut": whole[:-2], "flipped": flipped, "empty": b""}[how])
    assert remembered("part", ("key",), CLASSES, lambda: Leaf(1.5)) == Leaf(1.5)
    assert file.read_bytes() == whole


def test_what_fails_or_cannot_be_written_is_not_kept(folder: Path) -> None:
    def fail() -> Leaf:
        raise OSError("no such thing")

    with pytest.raises(OSError, match="no such thing"):
        remembered("part", ("key",), CLASSES, fail)
    deep: Any = ()
    for _ in range(sys.getrecursionlimit()):
        deep = (deep,)
    for odd in (Leaf(Path()), Leaf(deep)):
        assert remembered("part", ("key",), CLASSES, lambda odd=odd: odd) is odd
    assert not (folder / "part").exists()


@pytest.mark.parametrize("where", ["/dev/null/folder", "file", "folder in the way"])
def test_a_folder_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (tmp_path / "file").write_text("a file where the folder should be")
    name = f"{key_of('key')}.json"
    (tmp_path / "folder in the way" / "part" / name / "x").mkdir(parents=True)
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path / where))
    keep("part", name, b"content")
    assert read_kept("part", name) is None
    assert remembered("part", ("key",), CLASSES, lambda: Leaf(1)) == Leaf(1)
    table = KeptTable("part", lambda: name)
    assert table.get("fact", lambda: 3) == 3
    table.save()
    assert not list(tmp_path.rglob("*.unfinished"))


def test_the_folder_is_where_the_variables_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMUS_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "a"
    monkeypatch.delenv("LIMUS_CACHE")
    assert cache_folder() == tmp_path / "b" / "limus"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "limus"


def test_keys_tell_texts_and_their_boundaries_apart() -> None:
    keys = {key_of(*parts) for parts in ((), ("",), ("ab",), ("a", "b"), ("a", "", "b"), ("b", "a"), ("\ud800",))}
    assert len(keys) == 7


def test_another_source_or_package_is_another_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "limus_test_package"
    package.mkdir()
    (package / "__init__.py").write_text("a = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = hash_sources(package), package_stamp(package.name)
    assert before == (hash_sources(package), package_stamp(package.name))
    (package / "__init__.py").write_text("a = 22\n")
    hash_sources.cache_clear()
    package_stamp.cache_clear()
    after = hash_sources(package), package_stamp(package.name)
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert package.name not in sys.modules
    assert package_stamp("limus_no_such_package") == "limus_no_such_package"


def test_processes_that_write_at_once_never_see_half_a_file(tmp_path: Path) -> None:
    code = """
import sys
from limus.kernel.cache import keep, read_kept
wholes = {bytes([i]) * 300_000 for i in range(4)}
seen = set()
for _ in range(60):
    keep("part", "name", bytes([int(sys.argv[1])]) * 300_000)
    seen.add(read_kept("part", "name"))
assert None not in seen and seen <= wholes, len(seen)
"""
    environment = os.environ | {"LIMUS_CACHE": str(tmp_path)}
    running = [subprocess.Popen([sys.executable, "-c", code, str(i)], env=environment) for i in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert [file.name for file in (tmp_path / "part").iterdir()] == ["name"]


def never() -> Any:
    raise AssertionError("asked again")


def test_a_table_is_read_once_and_grows(folder: Path) -> None:
    first, second = (KeptTable("facts", lambda: "table.json") for _ in range(2))
    assert first.get("a", lambda: [1.5, None]) == [1.5, None]
    assert first.get("b", lambda: None) is None
    assert second.get("c", lambda: 3) == 3
    with pytest.raises(AssertionError):
        first.get("d", never)
    first.save()
    second.save()  # what another process wrote meanwhile stays
    third = KeptTable("facts", lambda: "table.json")
    assert [third.get(key, never) for key in "abc"] == [[1.5, None], None, 3]
    written = (folder / "facts" / "table.json").stat().st_mtime_ns
    third.save()
    assert (folder / "facts" / "table.json").stat().st_mtime_ns == written


@pytest.mark.parametrize("content", [b"damaged", hashlib.sha256(b"[1]").digest() + b"[1]", b""])
def test_a_damaged_table_is_empty(folder: Path, content: bytes) -> None:
    (folder / "facts").mkdir()
    (folder / "facts" / "table.json").write_bytes(content)
    table = KeptTable("facts", lambda: "table.json")
    assert table.get("a", lambda: 3) == 3
    table.save()
    assert KeptTable("facts", lambda: "table.json").get("a", never) == 3


def test_a_table_is_written_when_the_process_ends(folder: Path) -> None:
    code = "from limus.kernel.cache import KeptTable; KeptTable('facts', lambda: 'table.json').get('a', lambda: 3)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert KeptTable("facts", lambda: "table.json").get("a", never) == 3


def test_a_table_does_not_grow_for_ever(folder: Path) -> None:
    table = KeptTable("facts", lambda: "table.json")
    for i in range(3000):
        table.get(str(i), lambda i=i: i)
    table.save()
    assert not (folder / "facts").exists()
    assert table.get("2999", never) == 2999
