from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from limus.kernel.provenance import Directness, Kind, SourcedValue, hash_file, hash_text, stamp_run


def test_hashes_see_boundaries_and_not_line_endings() -> None:
    assert hash_text("a\r\nb") == hash_text("a\nb")
    assert len({hash_text("ab"), hash_text("a", "b"), hash_text("b", "a"), hash_text("ab", "")}) == 4


def test_file_hash_is_sha256_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"a\r\n")
    assert hash_file(file) == hashlib.sha256(b"a\r\n").hexdigest()
    with pytest.raises(OSError, match="missing"):
        hash_file(tmp_path / "missing")


def test_a_stamp_is_json_and_names_inputs_and_versions(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("a")
    stamp = stamp_run(7, [file], packages=["numpy", "no-such-package"])
    content = json.loads(json.dumps(stamp.as_dict()))
    assert content["seed"] == 7
    assert content["inputs"] == {str(file): hash_file(file)}
    assert list(content["packages"]) == ["numpy"]
    assert content["started_utc"].endswith("+00:00")


@pytest.mark.parametrize("kind", Kind)
def test_only_what_was_measured_is_shown_as_measured(kind: Kind) -> None:
    value = SourcedValue(1.0, "nM", kind, ("key",))
    assert (value.directness is Directness.MEASURED) == (kind is Kind.MEASURED)
