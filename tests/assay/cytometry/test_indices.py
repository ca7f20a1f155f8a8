"""Indices: FlowJo's example, closed forms, and what the library says of them."""

from __future__ import annotations

import numpy as np
import pytest

from limus.assay.cytometry.generation.indices import INDICES, compute_indices, index_words
from limus.kernel.provenance import load_bibliography
from limus.kernel.tables import library_folder


def test_half_the_cells_divide_three_times_and_half_never() -> None:
    """FlowJo's documentation of its proliferation statistics gives these numbers for this example."""
    found = {name: float(value) for name, value in compute_indices([1, 0, 0, 8]).items()}
    assert found["proliferation_index"] == 3.0
    assert found["division_index"] == 1.5
    assert found["expansion_index"] == 4.5
    assert found["replication_index"] == 8.0
    assert found["percent_divided"] == 50.0
    assert found["percent_divided_cells"] == pytest.approx(100 * 8 / 9)


def test_relations_between_the_indices() -> None:
    cells = np.random.default_rng(22).uniform(0, 1000, (50, 8))
    f = compute_indices(cells)
    divided = f["percent_divided"] / 100
    assert f["division_index"] == pytest.approx(f["proliferation_index"] * divided)
    # every precursor that did not divide is one cell
    assert f["expansion_index"] == pytest.approx(f["replication_index"] * divided + 1 - divided)
    assert f["division_index"] == pytest.approx(compute_indices(17.0 * cells)["division_index"])


def test_nothing_divided_and_nothing_there() -> None:
    none = compute_indices([500.0, 0.0])
    assert (none["division_index"], none["expansion_index"], none["percent_divided"]) == (0, 1, 0)
    assert np.isnan(none["proliferation_index"])
    assert np.isnan(none["replication_index"])
    assert all(np.isnan(value) for value in compute_indices([0.0, 0.0]).values())


def test_names_formulae_and_sources_of_the_library() -> None:
    words = index_words()
    assert tuple(words) == INDICES == tuple(compute_indices([1.0]))
    references = load_bibliography(library_folder() / "references.bib")
    for entry in words.values():
        assert entry.formula
        assert entry.meaning
        assert all(key in references for key in [*entry.source, *(s.source for s in entry.synonyms)])
    synonyms = {(s.program, s.name): name for name, entry in words.items() for s in entry.synonyms}
    # the same words for different numbers: what makes published indices incomparable
    assert synonyms["FCS Express", "Proliferation Index"] == "expansion_index"
    assert synonyms["FCS Express", "Division Index"] == "replication_index"
