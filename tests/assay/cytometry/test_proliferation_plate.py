"""A plate from files to IC50s: what goes wrong in one well stays there, and every way of gating and compensating."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from limus.assay.cytometry.fcs.read import read_fcs
from limus.assay.cytometry.fcs.write import NewChannel, write_fcs
from limus.assay.cytometry.gate.gating_ml_write import write_gating_ml
from limus.assay.cytometry.generation.indices import compute_indices
from limus.assay.cytometry.proliferation.dose import UNDIVIDED
from limus.assay.cytometry.proliferation.plate import analyse_plate, drawn_tubes
from limus.assay.cytometry.proliferation.records import ProliferationAnalysis
from limus.assay.cytometry.simulation.plate import true_precursors
from limus.assay.layout.records import Layout
from limus.kernel.errors import FileReadError, InputError, UnknownNameError
from limus.kernel.execution import Execution

from .small_plate import SECTION, WELLS, make_plate, write_layout
from .truths import example_truth

ONCE = Execution(seed=1, workers=1)


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Layout]:
    return make_plate(tmp_path_factory.mktemp("plate"))


@pytest.fixture(scope="module")
def analysis(plate: tuple[Path, Layout]) -> ProliferationAnalysis:
    return analyse_plate(*plate, ONCE)


@pytest.fixture
def copy(plate: tuple[Path, Layout], tmp_path: Path) -> Path:
    shutil.copytree(plate[0], tmp_path / "plate")
    return tmp_path / "plate"


def quick(folder: Path, section: str = SECTION, wells: str = WELLS) -> ProliferationAnalysis:
    """The plate beside the folder's parent, without intervals."""
    layout = write_layout(folder.parent, section.replace("replicates = 40", "replicates = 0"), wells)
    return analyse_plate(folder, layout, ONCE)


FEW = """
[[wells]]
wells = "A1"
role = "control"
[[wells]]
wells = "A4"
role = "unstimulated"
"""


def statuses(found: ProliferationAnalysis) -> dict[str, str]:
    return {w.well.name: w.status for w in found.wells}


def test_indices_and_ic50_are_those_of_the_truth(analysis: ProliferationAnalysis) -> None:
    """17 wells with 95 % intervals: three outside would be seen once in 20 times, so four are too many."""
    truth = example_truth()
    outside = []
    for w in analysis.wells:
        shares = true_precursors(w.well, truth)
        expected = float(compute_indices(shares * 2.0 ** np.arange(len(shares)))["division_index"])
        found = w.index("division_index")
        outside += [w.well.name] if not found.lower <= expected <= found.upper else []
    assert len(outside) < 4
    (dose,) = analysis.doses
    assert dose.curve.absolute_status == "ok"
    # the drug's IC50 is that of the responding share; it also slows, so the index falls a little earlier
    assert dose.curve.ic50_absolute.lower < truth.drugs["tacrolimus"].ic50_nM < 1.25 * dose.curve.ic50_absolute.upper
    assert set(statuses(analysis).values()) == {"ok"}


def test_what_the_controls_taught(analysis: ProliferationAnalysis) -> None:
    truth = example_truth()
    assert analysis.floor is not None
    assert analysis.control is not None
    assert analysis.spillover is not None
    assert analysis.floor.mean == pytest.approx(truth.cells.autofluorescence_median, rel=0.1)
    assert analysis.control.log_dye == pytest.approx(np.log(truth.cells.dye_median), abs=0.06)
    expected = truth.instrument.spillover["PE-A"]["APC-Cy7-A"]
    places = {name: place for place, name in enumerate(analysis.spillover.names)}
    assert analysis.spillover.matrix[places["PE-A"], places["APC-Cy7-A"]] == pytest.approx(expected, abs=2e-3)
    assert [gate.name for gate in analysis.gates] == ["cells", "singlets", "live", "cd3"]
    assert analysis.population == "cd3"


def test_the_same_numbers_with_more_workers(copy: Path) -> None:
    layout = write_layout(copy.parent, wells=FEW)
    once, again = (analyse_plate(copy, layout, Execution(seed=1, workers=n)).wells for n in (1, 2))
    assert repr([w.as_dict() for w in again]) == repr([w.as_dict() for w in once])


def test_one_broken_file_does_not_stop_the_plate(copy: Path) -> None:
    content = (copy / "B03.fcs").read_bytes()
    (copy / "B03.fcs").write_bytes(content[: len(content) // 2])
    (copy / "B04.fcs").unlink()
    (copy / "C05.fcs").write_bytes(b"not a file of a cytometer")
    few = read_fcs(copy / "C06.fcs")
    channels = [NewChannel(c.name, c.label, range=c.range, bits=16, gain=c.gain) for c in few.channels]
    write_fcs(copy / "C06.fcs", channels, np.stack(few.stored, axis=1)[:150].astype(float))
    found = quick(copy)
    expected = {"B3": "unreadable", "B4": "no_file", "C5": "unreadable", "C6": "too_few_events"}
    assert {name: status for name, status in statuses(found).items() if status != "ok"} == expected
    assert found.n_failed == 4
    (dose,) = found.doses
    assert [sum(w.usable for w in group) for group in dose.wells] == [1, 1, 1, 1, 2, 2]
    assert dose.curve.absolute_status == "ok"
    words = " ".join(f"{f.where} {f.got}" for f in found.findings)
    for name in ("B3", "B4", "C5"):
        assert name in words


def test_a_broken_control_is_said(copy: Path) -> None:
    (copy / "A01.fcs").write_bytes(b"FCS3.1")
    (copy / "unstained.fcs").write_bytes(b"FCS3.1")
    found = quick(copy, wells=FEW + '[[wells]]\nwells = "A2"\nrole = "control"\n')
    assert statuses(found)["A1"] == "unreadable"
    said = [f.where for f in found.findings if f.check == "control-unreadable"]
    assert len(said) == 2
    assert all(any(name in where for where in said) for name in ("A01.fcs", "unstained.fcs"))
    assert found.floor is None


@pytest.mark.parametrize("broken", ["single_CTV.fcs", "unstained.fcs"])
def test_a_control_for_compensation_that_cannot_be_read_is_an_error(copy: Path, broken: str) -> None:
    (copy / broken).unlink()
    with pytest.raises(FileReadError, match=broken):
        quick(copy)


def test_the_files_own_matrix(copy: Path, analysis: ProliferationAnalysis) -> None:
    """The matrix of the single stains, written into each file, gives the same numbers."""
    matrix = analysis.spillover
    assert matrix is not None
    text = ",".join(["3", *matrix.names, *(repr(float(x)) for x in matrix.matrix.ravel())])
    for name in ("A01", "A04"):
        data = read_fcs(copy / f"{name}.fcs")
        channels = [NewChannel(c.name, c.label, range=c.range, bits=16, gain=c.gain) for c in data.channels]
        words = {"$SPILLOVER": text, "$TIMESTEP": "0.01"}
        write_fcs(copy / f"{name}.fcs", channels, np.stack(data.stored, axis=1).astype(float), keywords=words)
    section = SECTION.replace("single_stains =", 'compensation = "file"\nsingle_stains =').replace(
        'unstained = ["unstained.fcs"]', ""
    )
    found = quick(copy, section, FEW)
    assert found.compensation == "the matrix that each file carries"
    before = {w.well.name: w.gated for w in analysis.wells}
    for w in found.wells:
        assert w.gated["singlets"] == pytest.approx(before[w.well.name]["singlets"], rel=0.02)
        assert w.gated["cd3"] == pytest.approx(before[w.well.name]["cd3"], rel=0.03)
    tubes, _ = drawn_tubes(found)
    assert all(tube.spillover is not None for tube in tubes)


def test_no_compensation_is_said_where_nobody_asked_for_none(copy: Path) -> None:
    bare = 'dye = "CTV"\nreplicates = 0\n'
    found = quick(copy, bare, FEW)
    assert found.compensation == "none"
    assert all(tube.spillover is None for tube in drawn_tubes(found)[0])
    checks = {finding.check for finding in found.findings}
    assert {"not-compensated", "no-floor"} <= checks
    assert [gate.name for gate in found.gates] == ["cells", "singlets"]
    assert "not-compensated" not in {f.check for f in quick(copy, bare + 'compensation = "none"', FEW).findings}
    with pytest.raises(InputError, match="compensation = file"):
        quick(copy, bare + 'compensation = "file"', FEW)


def test_gates_for_each_file_and_gates_that_are_given(copy: Path, analysis: ProliferationAnalysis) -> None:
    each = quick(copy, SECTION + 'gates = "each"', FEW)
    assert all([gate.name for gate in w.gates] == ["cells", "singlets", "live", "cd3"] for w in each.wells)
    assert each.wells[0].gates != each.wells[1].gates
    write_gating_ml(copy.parent / "mine.xml", analysis.gates, analysis.matrices)
    given = quick(copy, SECTION + 'gates = "mine.xml"\npopulation = "live"', FEW)
    before = {w.well.name: w for w in analysis.wells}
    for w in given.wells:
        assert w.gated == before[w.well.name].gated
        assert w.fit is not None
        assert w.fit.histogram.total == w.gated["live"]
    with pytest.raises(UnknownNameError, match="B cells"):
        quick(copy, SECTION + 'gates = "mine.xml"\npopulation = "B cells"', FEW)
    with pytest.raises(FileReadError, match=r"absent\.xml"):
        quick(copy, SECTION + 'gates = "absent.xml"', FEW)


def test_without_an_undivided_control_that_is_said(copy: Path) -> None:
    found = quick(copy, wells='[[wells]]\nwells = "A1:A2"\nrole = "control"\n')
    assert found.control is None
    assert set(statuses(found).values()) == {"no_control"}
    assert len(found.poor) == 0
    assert "no-undivided-control" in {finding.check for finding in found.findings}


def test_samples_without_controls_have_indices_and_no_curve(copy: Path) -> None:
    only = WELLS[WELLS.index('[[wells]]\nwells = "B1') :].replace("B1:C6", "B1:B6")
    found = quick(copy, wells=only)
    (dose,) = found.doses
    assert dose.curve.absolute_status == "no_control"
    assert not dose.lowest_measured
    assert dose.lowest.value == UNDIVIDED["division_index"]
    assert all(w.usable for w in found.wells)


def test_a_channel_that_is_not_there(copy: Path) -> None:
    with pytest.raises(InputError, match="that can be read"):
        quick(copy, 'dye = "CFSE"', FEW)


def test_wells_of_blank_cells_are_the_floor(copy: Path) -> None:
    shutil.copy(copy / "unstained.fcs", copy / "H12_blank.fcs")
    section = SECTION.replace('unstained = ["unstained.fcs"]', "")
    found = quick(copy, section, FEW + '[[wells]]\nwells = "H12"\nrole = "blank"\n')
    assert found.floor is not None
    assert found.floor.mean == pytest.approx(example_truth().cells.autofluorescence_median, rel=0.1)
    assert len(found.wells) == 2


def test_nothing_to_analyse(copy: Path) -> None:
    with pytest.raises(InputError, match="no wells to analyse"):
        quick(copy, wells='[[wells]]\nwells = "A1"\nrole = "blank"\n')


def test_a_stain_with_one_population_is_said(copy: Path) -> None:
    """Cells without any dead ones, or only dead ones: nothing in the data shows which."""
    for path in copy.glob("A0*.fcs"):
        data = read_fcs(path)
        table = np.stack(data.stored, axis=1).astype(np.float64)
        rest = data.names.index("APC-Cy7-A")
        table[:, rest] = np.round(np.random.default_rng(5).normal(4000, 200, data.events))
        kept = [NewChannel(c.name, c.label, range=c.range, bits=c.bits, gain=c.gain) for c in data.channels]
        write_fcs(path, kept, table, keywords={"$TIMESTEP": "0.01"})
    found = {f.check: f for f in quick(copy, wells=FEW).findings}
    assert found["one-population"].where == "gate live"


def test_a_well_without_live_cells_or_without_events(copy: Path) -> None:
    for name, change in (("A01.fcs", 0), ("A04.fcs", 60_000)):
        data = read_fcs(copy / name)
        table = np.stack(data.stored, axis=1).astype(np.float64)
        table[:, data.names.index("APC-Cy7-A")] = change
        kept = [NewChannel(c.name, c.label, range=c.range, bits=c.bits, gain=c.gain) for c in data.channels]
        write_fcs(copy / ("B01.fcs" if change else "B02.fcs"), kept, table if change else table[:0])
    samples = '[[wells]]\nwells = "B1:B2"\nrole = "sample"\ncompound = "tacrolimus"\nconcentration = "1 nM"\n'
    found = quick(copy, wells=FEW + samples)
    wells = {w.well.name: w for w in found.wells}
    assert (wells["B1"].status, wells["B1"].gated["live"]) == ("too_few_events", 0)
    assert (wells["B2"].status, wells["B2"].events) == ("too_few_events", 0)
    assert found.n_failed == 2


def test_scatter_that_was_not_measured(copy: Path) -> None:
    found = quick(copy, SECTION + 'height = ""', FEW)
    assert [gate.name for gate in found.gates] == ["cells", "live", "cd3"]
    assert found.n_failed == 0
    found = quick(copy, SECTION + 'height = ""\narea = ""', FEW)
    assert [(gate.name, gate.parent) for gate in found.gates] == [("live", ""), ("cd3", "live")]
    assert found.floor is not None
    bare = 'dye = "CTV"\nunstained = ["unstained.fcs"]\ncompensation = "none"\nheight = ""\narea = ""'
    with pytest.raises(InputError, match="name area, viability or cd3"):
        quick(copy, bare, FEW)


def test_a_channel_that_no_file_has_is_named(copy: Path) -> None:
    with pytest.raises(InputError, match="FSC-W"):
        quick(copy, 'dye = "CTV"\ncompensation = "none"\nheight = "FSC-W"', FEW)
