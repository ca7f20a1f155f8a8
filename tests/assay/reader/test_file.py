"""Reading what plate readers export: matrices and lists, several plates, words for no number, and what is refused."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from limus.assay.plate.format import find_plate, parse_well, parse_wells, plate_names, well_name
from limus.assay.reader.cells import CellState, read_cell
from limus.assay.reader.file import PlateFile, choose_reading, read_plate_file
from limus.kernel.errors import FileReadError, UnknownNameError, ValueRangeError

PLATE = find_plate("96")


def value(row: int, column: int, step: float = 0.0) -> float:
    return round(0.1 + 0.012 * row + 0.0131 * column + step, 4)


def matrix(step: float = 0.0, decimal: str = ".", separator: str = "\t", behind: str = "") -> str:
    lines = [separator + separator.join(map(str, range(1, 13)))]
    for row in range(8):
        numbers = (f"{value(row, column, step):.4f}".replace(".", decimal) for column in range(12))
        lines.append(separator.join([chr(65 + row), *numbers, *([behind] if behind else [])]))
    return "\n".join(lines) + "\n"


def expected(step: float = 0.0) -> np.ndarray:
    return np.array([[value(row, column, step) for column in range(12)] for row in range(8)])


def read(tmp_path: Path, text: str, name: str = "plate.txt", **options: str) -> PlateFile:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_plate_file(path, PLATE, **options)


def test_the_library_has_plates_from_6_to_1536_wells() -> None:
    assert plate_names() == ("6", "12", "24", "48", "96", "384", "1536")
    assert all(find_plate(n).rows * find_plate(n).columns == int(n) for n in plate_names())
    assert find_plate("1536").wells[-1] == "AF48"
    assert PLATE.edge.sum() == 36
    with pytest.raises(UnknownNameError):
        find_plate("95")


def test_wells_have_one_name_and_many_spellings() -> None:
    assert {parse_well(text) for text in ("B7", "b07", "B 7", " B007 ")} == {(1, 6)}
    assert all(parse_well(name) == divmod(k, 48) for k, name in enumerate(find_plate("1536").wells))
    assert [well_name(*w) for w in parse_wells("A1:B2; H12 A1-A2")] == ["A1", "A2", "B1", "B2", "H12", "A1", "A2"]
    for wrong in ("", "7B", "A0", "B2:A1", "A1::B2", "well"):
        with pytest.raises(ValueRangeError):
            parse_wells(wrong)


@pytest.mark.parametrize("separator", ["\t", ";", ","])
def test_a_matrix_is_found_below_lines_of_settings(tmp_path: Path, separator: str) -> None:
    head = (
        separator.join(["Software Version", "3.12"]) + "\nWavelengths: 620\nTime 5:27:15 PM\nFlashes 300\n\nResults\n"
    )
    (one,) = read(tmp_path, head + matrix(separator=separator)).readings
    assert one.values == pytest.approx(expected())
    assert one.wavelength_nm == 620
    assert math.isnan(one.time_h), "a time of day is no reaction time"


def test_several_plates_below_each_other_keep_their_labels(tmp_path: Path) -> None:
    text = f"Label: 450 nm\n{matrix()}\nLabel: 570 nm\nTime: 90 s\n{matrix(1.0)}"
    file = read(tmp_path, text)
    assert [r.wavelength_nm for r in file.readings] == [450, 570]
    assert file.readings[1].time_h == pytest.approx(0.025)
    assert choose_reading(file, wavelength_nm=570).values == pytest.approx(expected(1.0))
    with pytest.raises(FileReadError, match=r"450 nm.*570 nm"):
        choose_reading(file)
    with pytest.raises(FileReadError, match="0 readings"):
        choose_reading(file, wavelength_nm=620)


def test_plates_beside_each_other_without_letters_take_their_wavelengths_in_order(tmp_path: Path) -> None:
    lines = ["##BLOCKS= 1", "Plate:\tPlate1\tEndpoint\tAbsorbance\tRaw\t2\t450 650 \t1\t12\t96"]
    head = "\t".join(map(str, range(1, 13)))
    lines.append(f"\tTemperature\t{head}\t\t{head}\t")
    for row in range(8):
        first, second = ("\t".join(str(value(row, c, step)) for c in range(12)) for step in (0.0, 1.0))
        lines.append(f"\t{'37.0' if row == 0 else ''}\t{first}\t\t{second}\t")
    file = read(tmp_path, "\n".join([*lines, "", "~End"]))
    assert [r.wavelength_nm for r in file.readings] == [450, 650]
    for reading, step in zip(file.readings, (0.0, 1.0), strict=True):
        assert reading.values == pytest.approx(expected(step))


def test_several_lines_for_a_letter_are_several_readings(tmp_path: Path) -> None:
    lines = ["\t" + "\t".join(map(str, range(1, 13)))]
    for row in range(8):
        for letter, step, label in (
            (chr(65 + row), 0.0, "450nm:450"),
            ("", 1.0, "Blank 450nm:450"),
            ("", 2.0, "570nm:570"),
        ):
            lines.append("\t".join([letter, *(str(value(row, c, step)) for c in range(12)), label]))
    file = read(tmp_path, "\n".join(lines))
    assert len(file.readings) == 3
    assert choose_reading(file, wavelength_nm=570).values == pytest.approx(expected(2.0))
    assert choose_reading(file, label="450nm:450").values == pytest.approx(expected(0.0)), "the exact label wins"
    assert choose_reading(file, wavelength_nm=450, number=2).values == pytest.approx(expected(1.0))


def test_maps_of_samples_and_sums_below_a_plate_are_no_readings(tmp_path: Path) -> None:
    sample_map = "\n".join(["\t" + "\t".join(map(str, range(1, 13)))] + [chr(65 + r) + "\t- " * 12 for r in range(8)])
    means = "\t" + "\t".join(["0.5"] * 12)
    (one,) = read(tmp_path, f"{sample_map}\n\nResults\n{matrix().rstrip()}\n{means}\n").readings
    assert one.values == pytest.approx(expected())


@pytest.mark.parametrize(
    "head", ["Well,Absorbance 620 nm", "Position;OD (620)", "Well\tSample\tRaw Data (620)", "Row,Column,A620"]
)
def test_a_list_of_wells_is_read_in_any_order(tmp_path: Path, head: str) -> None:
    separator = next(s for s in "\t;," if s in head)
    rows = []
    for row in reversed(range(8)):
        for column in range(12):
            well = [f"{chr(65 + row)}{column + 1:02d}"] if "Row" not in head else [chr(65 + row), str(column + 1)]
            sample = ["Unknown"] if "Sample" in head else []
            rows.append(separator.join([*well, *sample, f"{value(row, column)}"]))
    (one,) = read(tmp_path, "\n".join([f"User: x{separator}Path: y", "", head, *rows])).readings
    assert one.values == pytest.approx(expected())
    assert one.wavelength_nm == 620


def test_a_tidy_list_gives_a_plate_for_each_wavelength_and_time(tmp_path: Path) -> None:
    rows = ["well,wavelength_nm,time_min,value"]
    rows += [f"{w},{nm},{t},{nm / 1000 + t / 100}" for nm in (450, 570) for t in (10, 20) for w in ("A1", "H12")]
    file = read(tmp_path, "\n".join(rows))
    assert len(file.readings) == 4
    one = choose_reading(file, wavelength_nm=570, time_h=20 / 60)
    assert one.values[0, 0] == pytest.approx(0.77)
    assert np.isfinite(one.values).sum() == 2


def test_words_in_place_of_numbers_say_what_they_mean(tmp_path: Path) -> None:
    text = matrix()
    for number, word in (
        ("0.1000", "OVRFLW"),
        ("0.1131", "> 4.000"),
        ("0.1262", "*****"),
        ("0.1393", "Masked"),
        ("0.1524", "see note"),
    ):
        text = text.replace(number, word, 1)
    (one,) = read(tmp_path, text).readings
    assert list(one.states[0, :5]) == ["saturated", "saturated", "missing", "missing", "unreadable"]
    assert np.isnan(one.values[0, :5]).all()
    assert one.unreadable == (("A5", "see note"),)
    assert one.values[0, 5:] == pytest.approx(expected()[0, 5:])
    assert read_cell("=1+1").state is CellState.UNREADABLE


def test_decimal_commas_are_an_error_until_the_layout_says_so(tmp_path: Path) -> None:
    text = matrix(decimal=",", separator=";")
    with pytest.raises(FileReadError, match=r"decimal point.*decimal = "):
        read(tmp_path, text)
    (one,) = read(tmp_path, text, decimal=",").readings
    assert one.values == pytest.approx(expected())
    with pytest.raises(FileReadError, match="decimal comma"):
        read(tmp_path, matrix(), decimal=",")


def test_decimal_commas_between_commas_are_found_out(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match="24 numbers under 12 columns"):
        read(tmp_path, matrix(decimal=",", separator=","))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty file"),
        ("Results\nno plate here\n", "no plate"),
        ("<html><table></table></html>", "web page"),
        ("\0\1binary", "binary"),
        (matrix().replace("B\t", "D\t", 1), "follow each other"),
        (matrix().replace("12\n", "12\t13\n", 1), "96-well plate"),
        ("Well,OD\nA1,0.1\nA01,0.2\n", "A1 again"),
        ("Well,OD\nA1,0.1\nI1,0.2\n", "96-well plate"),
        ("Well\nA1\n", "column of values"),
    ],
)
def test_what_is_no_plate_is_refused_with_its_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FileReadError, match=message):
        read(tmp_path, text)


def workbook(tmp_path: Path, merged: str = "", *, empty: bool = False) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Plate 1"
    if not empty:
        sheet["A1"] = "Wavelength 620 nm"
        for column in range(12):
            sheet.cell(5, 3 + column, column + 1)
        for row in range(8):
            sheet.cell(6 + row, 2, chr(65 + row))
            for column in range(12):
                sheet.cell(6 + row, 3 + column, "OVER" if (row, column) == (7, 11) else value(row, column))
        book.create_sheet("notes")["A1"] = "nothing to read"
    if merged:
        sheet.merge_cells(merged)
    path = tmp_path / "plate.xlsx"
    book.save(path)
    return path


def test_a_workbook_is_read_wherever_the_plate_stands(tmp_path: Path) -> None:
    path = workbook(tmp_path, merged="A1:D1")
    (one,) = read_plate_file(path, PLATE).readings
    assert (one.sheet, one.wavelength_nm) == ("Plate 1", 620)
    assert one.states[7, 11] is CellState.SATURATED
    assert one.values.ravel()[:-1] == pytest.approx(expected().ravel()[:-1])
    renamed = path.with_suffix(".csv")
    renamed.write_bytes(path.read_bytes())
    assert len(read_plate_file(renamed, PLATE).readings) == 1, "the content decides, not the name"


def test_an_old_workbook_is_read() -> None:
    path = Path(__file__).with_name("data") / "reader_export.xls"
    (one,) = read_plate_file(path, PLATE).readings
    assert one.values.ravel()[:-1] == pytest.approx(expected().ravel()[:-1])
    assert one.states[7, 11] is CellState.SATURATED


def test_merged_cells_in_a_plate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match=r"merged cells D7:E7.*one cell for each well"):
        read_plate_file(workbook(tmp_path, merged="D7:E7"), PLATE)


def test_an_empty_workbook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match="empty sheets"):
        read_plate_file(workbook(tmp_path, empty=True), PLATE)


def test_a_workbook_with_macros_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xcc\x61")
    with pytest.raises(FileReadError, match="macros"):
        read_plate_file(path, PLATE)


def test_a_workbook_with_a_password_is_refused(tmp_path: Path) -> None:
    # an encrypted .xlsx is an OLE container whose directory names this stream
    path = tmp_path / "locked.xlsx"
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(64)
    )
    with pytest.raises(FileReadError, match="password"):
        read_plate_file(path, PLATE)


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO(workbook(tmp_path).read_bytes()).getvalue()
    for damaged in (content[:300], b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)):
        path = tmp_path / "damaged.xlsx"
        path.write_bytes(damaged)
        with pytest.raises(FileReadError):
            read_plate_file(path, PLATE)
    with pytest.raises(FileReadError):
        read_plate_file(tmp_path / "absent.csv", PLATE)


def test_utf16_and_western_text_are_read(tmp_path: Path) -> None:
    for encoding in ("utf-16", "cp1252", "utf-8-sig"):
        path = tmp_path / "plate.txt"
        path.write_bytes(f"Temperature(°C) 37\n{matrix()}".encode(encoding))
        assert read_plate_file(path, PLATE).readings[0].values == pytest.approx(expected())


def test_a_part_of_a_plate_leaves_the_rest_missing(tmp_path: Path) -> None:
    text = "\n".join(["\t3\t4\t5", "C\t0.1\t0.2\t0.3", "D\t0.4\t0.5\t0.6"])
    (one,) = read(tmp_path, text).readings
    assert one.values[2:4, 2:5] == pytest.approx(np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]))
    assert np.isfinite(one.values).sum() == 6
