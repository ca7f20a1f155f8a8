"""Layouts: what they say, in TOML and CSV, and everything that can be wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from limus.assay.elisa.conditions import read_elisa_conditions
from limus.assay.layout.file import read_layout
from limus.assay.layout.records import Layout, LayoutWell, Role
from limus.assay.phosphatase.conditions import read_conditions
from limus.assay.reader.file import read_plate_file
from limus.assay.reader.join import join_plate
from limus.assay.reader.wells import PlateWells, WellState
from limus.kernel.errors import FileReadError, InputError, LimusError, UnknownNameError, ValueRangeError

HEAD = 'limus_layout = 1\nplate = "96"\n'


def entry(**keys: str) -> str:
    return "[[wells]]\n" + "\n".join(f"{name} = {text}" for name, text in keys.items()) + "\n"


def layout(tmp_path: Path, *entries: str, head: str = HEAD) -> Layout:
    path = tmp_path / "layout.toml"
    path.write_text(head + "".join(entries), encoding="utf-8")
    return read_layout(path)


def by_name(found: Layout) -> dict[str, LayoutWell]:
    return {well.name: well for well in found.wells}


def checks(found: Layout | PlateWells) -> set[str]:
    return {finding.check for finding in found.findings}


SAMPLES = entry(
    wells='"C1:E8"',
    role='"sample"',
    compound='"tacrolimus"',
    series='{ along = "columns", first = "1000 nM", divide_by = 10, last_is_zero = true }',
)


def test_a_series_runs_along_columns_and_replicates_are_numbered(tmp_path: Path) -> None:
    wells = by_name(layout(tmp_path, SAMPLES))
    assert len(wells) == 24
    assert wells["C1"].concentration.value == 1000
    assert wells["E4"].concentration.in_unit("uM") == pytest.approx(1e-3)
    assert wells["D8"].concentration.value == 0
    assert [wells[f"{row}3"].replicate for row in "CDE"] == ["1", "2", "3"]


def test_a_series_of_values_must_fit_its_wells(tmp_path: Path) -> None:
    good = entry(
        wells='"A1:B3"', role='"standard"', series='{ along = "columns", values = ["0 nmol", "1 nmol", "2 nmol"] }'
    )
    assert by_name(layout(tmp_path, good))["B3"].concentration.value == 2
    with pytest.raises(ValueRangeError, match="3 values for 4 columns"):
        layout(tmp_path, good.replace("A1:B3", "A1:B4"))
    with pytest.raises(FileReadError, match="first with multiply_by"):
        layout(tmp_path, entry(wells='"A1"', role='"standard"', series='{ along = "rows", first = "1 nM" }'))


def test_times_dilutions_and_spikes_can_run_in_series(tmp_path: Path) -> None:
    found = by_name(
        layout(
            tmp_path,
            entry(
                wells='"A1:A3"',
                role='"control"',
                series='{ of = "time", along = "wells", first = "5 min", multiply_by = 2 }',
            ),
            entry(
                wells='"B1:B3"',
                role='"sample"',
                sample='"S1"',
                series='{ of = "dilution", along = "wells", first = 2, multiply_by = 2 }',
            ),
        )
    )
    assert [found[f"A{k}"].time.in_unit("min") for k in (1, 2, 3)] == [5, 10, 20]
    assert [found[f"B{k}"].dilution for k in (1, 2, 3)] == [2, 4, 8]


def test_a_csv_says_the_same_as_toml(tmp_path: Path) -> None:
    path = tmp_path / "layout.csv"
    path.write_text(
        '# plate = "96"\n# [reader]\n# wavelength_nm = 620\n# [phosphatase]\n# reaction_time = "30 min"\n'
        "well,role,compound,concentration,unit,time\n"
        "A1:A2,blank,,,,\nB1,standard,,2,nmol,\nC1:C3,sample,ciclosporin,1e2,nM,10 min\n"
        "D1,control,,,,\nH12,excluded,,,,\n",
        encoding="utf-8",
    )
    found = read_layout(path)
    wells = by_name(found)
    assert found.reader.wavelength_nm == 620
    assert found.sections["phosphatase"]["reaction_time"] == "30 min"
    assert wells["A2"].role is Role.BLANK
    assert wells["B1"].concentration.in_unit("pmol") == pytest.approx(2000)
    assert wells["C3"].concentration.value == 100
    assert wells["C3"].time.in_unit("h") == pytest.approx(1 / 6)
    other = tmp_path / "both.toml"
    other.write_text(HEAD + 'wells_file = "layout.csv"\n', encoding="utf-8")
    both = read_layout(other)
    assert by_name(both).keys() == wells.keys()
    assert both.files == (other, tmp_path / "layout.csv")


def test_a_well_named_twice_is_left_out_and_the_rest_stays(tmp_path: Path) -> None:
    found = layout(tmp_path, SAMPLES, entry(wells='"E8, F1"', role='"blank"'))
    assert "E8" not in by_name(found)
    assert by_name(found)["F1"].role is Role.BLANK
    (twice,) = [f for f in found.findings if f.check == "well-named-twice"]
    assert twice.where == "well E8"
    assert "entry 1" in twice.got
    assert "entry 2" in twice.got


def test_wells_that_nobody_named_are_listed(tmp_path: Path) -> None:
    (note,) = [f for f in layout(tmp_path, SAMPLES).findings if f.check == "well-not-named"]
    assert note.where == "72 wells"


@pytest.mark.parametrize(
    ("entries", "check"),
    [
        (entry(wells='"A13"', role='"blank"'), "unknown-well"),
        (entry(wells='"I1"', role='"blank"'), "unknown-well"),
        (entry(wells='"A1"', role='"sample"', compound='"x"', concentration='"10"'), "unit-missing"),
        (entry(wells='"A1"', role='"standard"', concentration='"10 furlongs per fortnite"'), "unit-unknown"),
        (
            entry(wells='"A1"', role='"sample"', compound='"x"', concentration='"10 nM"')
            + entry(wells='"A2"', role='"sample"', compound='"x"', concentration='"10 ng/mL"'),
            "units-mixed",
        ),
        (entry(wells='"A1"', role='"sample"', compound='"x"', concentration='"-10 nM"'), "concentration-negative"),
        (entry(wells='"A1"', role='"sample"', compound='"x"'), "concentration-missing"),
        (entry(wells='"A1"', role='"standard"'), "concentration-missing"),
    ],
)
def test_errors_are_named(tmp_path: Path, entries: str, check: str) -> None:
    with pytest.raises(InputError) as caught:
        layout(tmp_path, entries)
    assert f"[{check}]" in caught.value.where
    assert caught.value.do


def test_units_of_one_kind_are_converted_with_a_warning(tmp_path: Path) -> None:
    found = layout(
        tmp_path,
        entry(wells='"A1"', role='"sample"', compound='"x"', concentration='"10 nM"'),
        entry(wells='"A2"', role='"sample"', compound='"x"', concentration='"1 uM"'),
    )
    assert "units-mixed" in checks(found)
    assert by_name(found)["A2"].concentration.in_unit("nM") == pytest.approx(1000)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("limus_layout = 2\nplate = '96'\n", FileReadError),
        (HEAD, FileReadError),
        (HEAD.replace("96", "95") + entry(wells='"A1"', role='"blank"'), UnknownNameError),
        (HEAD + entry(wells='"A1"', role='"blanc"'), FileReadError),
        (HEAD + entry(wells='"A1"', rolle='"blank"'), FileReadError),
        (HEAD + entry(wells='"A1"', role='"sample"', concentration='"1,5 nM"'), ValueRangeError),
        (HEAD + "[[wells]\n", FileReadError),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, error: type[LimusError]) -> None:
    with pytest.raises(error) as caught:
        layout(tmp_path, head=text)
    assert caught.value.got or caught.value.allowed


def signals(tmp_path: Path, **changes: object) -> Path:
    rng = np.random.default_rng(5)
    values = [[f"{0.5 + 0.01 * rng.standard_normal():.4f}" for _ in range(12)] for _ in range(8)]
    for name, text in changes.items():
        column = int(name[1:]) - 1
        for row in range(8) if name[0] == "x" else [ord(name[0]) - 65]:
            values[row][column] = str(text)
    lines = ["," + ",".join(map(str, range(1, 13)))] + [
        f"{chr(65 + r)}," + ",".join(row) for r, row in enumerate(values)
    ]
    path = tmp_path / "plate.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def joined(tmp_path: Path, found: Layout, **changes: object) -> PlateWells:
    return join_plate(found, read_plate_file(signals(tmp_path, **changes), found.plate))


def test_each_well_keeps_its_row_and_says_why_it_is_not_used(tmp_path: Path) -> None:
    found = layout(tmp_path, SAMPLES, entry(wells='"F1:F8"', role='"excluded"', reason='"edge"'))
    plate = joined(tmp_path, found, C1="OVRFLW", D2="", E3="oops", x7=0)
    states = {well.name: state for well, state in zip(plate.wells, plate.state, strict=True)}
    assert len(plate.wells) == 32
    assert states["C1"] is WellState.SATURATED
    assert states["D2"] is WellState.MISSING
    assert states["E3"] is WellState.UNREADABLE
    assert {states[f"{row}7"] for row in "CDE"} == {WellState.ZERO_LINE}
    assert states["F2"] is WellState.EXCLUDED
    assert plate.used.sum() == 24 - 6
    assert np.isfinite(plate.signal).sum() == 18
    expected = {"saturated-wells", "well-without-number", "unreadable-well", "zero-line", "signal-without-role"}
    assert expected <= checks(plate)


def test_a_readers_limit_is_saturation_where_the_layout_says_so(tmp_path: Path) -> None:
    limits = {"C1": "4.0", "C2": "4.0", "C3": "4.0"}
    assert "repeated-maximum" in checks(joined(tmp_path, layout(tmp_path, SAMPLES), **limits))
    found = layout(tmp_path, SAMPLES, head=HEAD + "[reader]\nsaturation = 4.0\n")
    plate = joined(tmp_path, found, **limits)
    assert sum(state is WellState.SATURATED for state in plate.state) == 3
    assert "repeated-maximum" not in checks(plate)


def test_a_reference_wavelength_is_subtracted(tmp_path: Path) -> None:
    rows = ["well,wavelength_nm,value", "C1,450,0.9", "C1,570,0.1", "C2,450,0.8", "C2,570,OVER"]
    (tmp_path / "two.csv").write_text("\n".join(rows), encoding="utf-8")
    found = layout(
        tmp_path,
        entry(wells='"C1:C2"', role='"blank"'),
        head=HEAD + "[reader]\nwavelength_nm = 450\nreference_wavelength_nm = 570\n",
    )
    plate = join_plate(found, read_plate_file(tmp_path / "two.csv", found.plate))
    assert plate.signal[0] == pytest.approx(0.8)
    assert plate.state[1] is WellState.SATURATED


def test_the_layouts_in_the_documents_are_layouts(tmp_path: Path) -> None:
    docs = Path(__file__).parents[3] / "docs"

    def block(name: str, language: str) -> str:
        (found,) = re.findall(rf"```{language}\n(.*?)```", (docs / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        return found

    (tmp_path / "plate.csv").write_text(block("assay_plates.md", "text"), encoding="utf-8")
    assert set(by_name(read_layout(tmp_path / "plate.csv"))) == {"A1", "A2", "A4", "B4", "C4"}
    plain = block("assay_plates.md", "toml")
    sections = block("assay_phosphatase.md", "toml") + block("assay_elisa.md", "toml")
    found = layout(tmp_path, head=plain.replace("[reader]", f"{sections}\n[reader]"))
    assert by_name(found)["C11"].concentration.in_unit("nM") == pytest.approx(1000 / 3**7)
    assert read_conditions(found).immunophilin == "FKBP12"
    assert read_elisa_conditions(found).rules["viability_percent"] == 80
