"""A model that was read before comes from the cache, equal in every bit; what cannot be kept is read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.kernel.cache import write_record
from limus.kernel.errors import ModelError
from limus.kernel.language import Model, read_model, read_model_text
from limus.kernel.language import read as reading
from limus.kernel.simulation import compile_model, simulate

ANTIMONY = """
function hill(x, k, n) x^n/(k^n + x^n) end
model part(factor) y = 1; y' = -factor*y; end
model *whole()
  compartment cell = 2; species A in cell = 3, B in cell = 0; const k = 0.1 + 0.2; var never_given; tiny = 1.1e-300;
  r: A => 2 B; cell*k*hill(A, 1, 2);
  z := piecewise(A, time >= 0.7, -0); w = 1; w' = -w*z;
  P: part(k);
  P.y = 4;
  at 2 after time > 0.5: A = A + 1;
  A is "the first, \u00e4";
end
"""


def text_of(model: Model) -> str:
    return write_record(model, reading.MODEL_RECORDS)


def refuse(*arguments: object) -> Model:
    raise AssertionError("read again")


def test_a_kept_model_is_equal_and_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_model_text(ANTIMONY, language="antimony")
    monkeypatch.setattr(reading, "_read", refuse)
    second = read_model_text(ANTIMONY, language="antimony")
    assert second is not first
    assert text_of(second) == text_of(first)
    assert second.reactions == first.reactions
    assert second.events == first.events
    assert second.rules == first.rules
    assert second.labels == first.labels
    once, again = (compile_model(model) for model in (first, second))
    assert once.key == again.key
    times = np.linspace(0.0, 3.0, 13)
    assert simulate(once, times).values.tobytes() == simulate(again, times).values.tobytes()


def test_another_text_language_or_reader_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(text: str, language: str) -> bool:
        """Whether it comes from the cache."""
        found = []
        monkeypatch.setattr(reading, "_read", lambda *arguments: found.append(1) or Model("m"))
        read_model_text(text, language=language)
        return not found

    assert not answer("a = 1", "antimony")
    assert answer("a = 1", "antimony")
    assert not answer("a = 2", "antimony")
    assert not answer("a = 1", "sbml")
    for name, folder in (("hash_sources", reading.hash_sources), ("package_stamp", reading.package_stamp)):
        assert answer("a = 1", "antimony")
        monkeypatch.setattr(reading, name, lambda given, folder=folder: folder(given) + "other")
        assert not answer("a = 1", "antimony")


def test_the_message_of_a_wrong_text_is_not_kept(empty_cache: Path) -> None:
    for where in ("first", "second"):
        with pytest.raises(ModelError, match=where):
            read_model_text("a = (", language="antimony", where=where)
    assert not list(empty_cache.rglob("*.json"))


def test_a_model_follows_the_files_that_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    main = tmp_path / "main.ant"
    main.write_text('import "other.ant"\nmodel *outer() A: inner(); end')
    for value in (5.0, 6.0):
        (tmp_path / "other.ant").write_text(f"model inner() x = {value}; end")
        assert read_model(main).values == {"A.x": value}
    assert len(list((empty_cache / "models").iterdir())) == 2  # kept by the text with its imports


def test_a_damaged_file_is_read_anew_and_an_unwritable_folder_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    first = text_of(read_model_text(ANTIMONY, language="antimony"))
    (file,) = (empty_cache / "models").iterdir()
    file.write_bytes(file.read_bytes().replace(b"3.0", b"4.0"))
    assert text_of(read_model_text(ANTIMONY, language="antimony")) == first
    monkeypatch.setenv("LIMUS_CACHE", "/dev/null/nowhere")
    assert text_of(read_model_text(ANTIMONY, language="antimony")) == first
