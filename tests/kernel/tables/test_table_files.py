from __future__ import annotations

import csv
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from limus.kernel.errors import FileReadError, InputError, OutputError
from limus.kernel.tables import (
    Column,
    Entry,
    Table,
    parse_record,
    read_csv,
    read_parquet,
    read_toml,
    write_csv,
    write_parquet,
)

SCHEMA = (
    Column("drug", allowed=("tacrolimus", "sirolimus")),
    Column("dose", number=True, meaning="dose, mg"),
    Column("note", required=False, blank=True),
)


def put(folder: Path, text: str | bytes) -> Path:
    file = folder / "in.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("drug,dose\ntacrolimus,x\n", ["line 2", "column dose", "'x'", "dose, mg"]),
        ("# c\n\ndrug,dose\n\n# c\ntacrolimus,1\ntacrolimus,\n", ["line 7", "column dose", "empty"]),
        ('drug,dose,note\ntacrolimus,1,"a\nb\n\n# c"\ntacrolimus,1 mg,\n', ["line 6", "column dose", "'1 mg'"]),
        ("drug,dose\r\ntacrolimus,1\r\nfk506,1\r\n", ["line 3", "column drug", "fk506", "sirolimus"]),
        ("drug,dose\ntacrolimus,1,2\n", ["line 2", "3 cells", "2 cells"]),
        ("drug,dose\ntacrolimus\n", ["line 2", "1 cells"]),
        ("drug,dose\ntacrolimus,nan\n", ["line 2", "finite"]),
        ("drug,dose\ntacrolimus,inf\n", ["line 2", "finite"]),
        ("drug,dose\ntacrolimus,1e999\n", ["line 2", "finite"]),
        ("drug,dose\ntacrolimus,1_000\n", ["line 2", "1_000"]),
        ("drug,dose\ntacrolimus,\u0661\n", ["line 2", "column dose"]),
        ('drug,dose\n"tacrolimus"x,1\n', ["line 2", "quotes"]),
        ('drug,dose\ntacrolimus,1\n"tacro,1\n\n', ["line 3", "quotes"]),
        ("drug\ntacrolimus\n", ["header", "add dose"]),
        ("drug,dose,colour\ntacrolimus,1,red\n", ["header", "colour"]),
        ("drug,dose,dose\ntacrolimus,1,1\n", ["header", "each column once"]),
        ("# only\n\n", ["no lines"]),
        (b"drug,dose\n\xff,1\n", ["UTF-8"]),
    ],
)
def test_every_csv_error_names_its_place(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    with pytest.raises(FileReadError) as caught:
        read_csv(put(tmp_path, text), SCHEMA)
    for word in ["in.csv", *words]:
        assert word in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match=r"nothing\.csv"):
        read_csv(tmp_path / "nothing.csv", SCHEMA)


def test_bom_comments_quotes_and_column_order(tmp_path: Path) -> None:
    text = '\ufeff# made by hand\ndose, drug ,note,extra\n 1.50 ,tacrolimus,"a, ""b""\n#c\u2028d",é\n'
    table = read_csv(put(tmp_path, text), SCHEMA, other_columns=True)
    assert table.names == ("drug", "dose", "note", "extra")
    assert next(table.rows()) == {"drug": "tacrolimus", "dose": 1.5, "note": 'a, "b"\n#c\u2028d', "extra": "é"}


def test_a_header_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    table = read_csv(put(tmp_path, "drug,dose\n"), SCHEMA)
    assert len(table) == 0
    assert table["dose"].dtype == np.float64


def test_blank_numbers_are_nan(tmp_path: Path) -> None:
    table = read_csv(put(tmp_path, "x,y\n,1\n"), (Column("x", number=True, blank=True), Column("y", number=True)))
    assert math.isnan(table["x"][0])


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n,\"#;'"), max_size=8).map(str.strip)
numbers = st.floats(allow_infinity=False)


@given(st.lists(st.tuples(texts, numbers), max_size=6))
def test_csv_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]) -> None:
    table = Table.create({"text": [t for t, _ in rows], "number": np.array([n for _, n in rows], dtype=float)})
    file = write_csv(table, tmp_path_factory.mktemp("csv") / "deep" / "t.csv", comment="two\nlines")
    schema = (Column("text", blank=True), Column("number", number=True, blank=True))
    back = read_csv(file, schema)
    assert back["text"].tolist() == table["text"].tolist()
    assert np.array_equal(back["number"], table["number"], equal_nan=True)


def test_csv_numbers_are_short(tmp_path: Path) -> None:
    table = Table.create({"x": [1.0, 0.1, -0.0, 1e300, 123456789.0]})
    assert write_csv(table, tmp_path / "t.csv").read_text() == "x\n1\n0.1\n-0\n1e+300\n123456789\n"


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "'=1", "''@x", "-", "=cmd|' /C calc'!A0"])
def test_text_that_a_spreadsheet_would_run_is_quoted_and_reads_back(tmp_path: Path, text: str) -> None:
    file = write_csv(Table.create({"t": [text], "=head": ["x"]}), tmp_path / "t.csv")
    written = list(csv.reader(file.read_text().splitlines()))
    assert written == [["t", "'=head"], [f"'{text}", "x"]]
    assert next(read_csv(file, (Column("t"), Column("=head"))).rows()) == {"t": text, "=head": "x"}


def test_numbers_are_never_quoted(tmp_path: Path) -> None:
    table = Table.create({"x": [-1.5, 2.0], "t": ["-5", "+1e3"], "plain": ["'a", "a=b"]})
    assert write_csv(table, tmp_path / "t.csv").read_text() == "x,t,plain\n-1.5,-5,'a\n2,+1e3,a=b\n"


def test_a_comment_does_not_hide_a_row(tmp_path: Path) -> None:
    file = write_csv(Table.create({"a": ["#1", "2"], "b": [1.0, 2.0]}), tmp_path / "t.csv")
    assert read_csv(file, (Column("a"), Column("b", number=True)))["a"].tolist() == ["#1", "2"]


def test_parquet_round_trip(tmp_path: Path) -> None:
    table = Table.create({"a 'b'": [1.0, math.nan, math.inf, -0.0], "select": ["x", "", "ü\n,\"'", "#"]})
    back = read_parquet(write_parquet(table, tmp_path / "it's [1]" / "t.parquet"))
    assert back.names == table.names
    assert np.array_equal(back["a 'b'"], table["a 'b'"], equal_nan=True)
    assert back["select"].tolist() == table["select"].tolist()


def test_parquet_keeps_the_types_of_an_empty_table(tmp_path: Path) -> None:
    back = read_parquet(write_parquet(Table.create({"x": np.zeros(0), "t": []}), tmp_path / "t.parquet"))
    assert (back["x"].dtype.kind, back["t"].dtype.kind, len(back)) == ("f", "O", 0)


def test_parquet_that_others_wrote(tmp_path: Path) -> None:
    import duckdb

    file = tmp_path / "t.parquet"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES (1, 'a', true), (NULL, NULL, NULL)) t(i, s, b)) TO '{file}'")
    back = read_parquet(file)
    assert np.array_equal(back["i"], [1.0, math.nan], equal_nan=True)
    assert back["s"].tolist() == ["a", ""]
    assert np.array_equal(back["b"], [1.0, math.nan], equal_nan=True)


def test_parquet_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no parquet")
    for path in (tmp_path / "file", tmp_path / "missing.parquet"):
        with pytest.raises(FileReadError, match=path.name):
            read_parquet(path)
    with pytest.raises(OutputError):
        write_parquet(Table.create({"a": [1.0]}), tmp_path / "file" / "t.parquet")
    with pytest.raises(OutputError):
        write_csv(Table.create({"a": [1.0]}), tmp_path / "file" / "t.csv")
    with pytest.raises(OutputError, match="columns K and k"):
        write_parquet(Table.create({"K": [1.0], "k": [2.0]}), tmp_path / "t.parquet")
    with pytest.raises(OutputError, match="without columns"):
        write_parquet(Table.create({}), tmp_path / "t.parquet")


def test_a_table_cannot_be_changed() -> None:
    source = np.array([1.0, 2.0])
    table = Table.create({"x": source, "t": ["a", "b"]})
    source[0] = 9.0
    assert table["x"][0] == 1.0
    for kept in (table, pickle.loads(pickle.dumps(table)), table.where(table["x"] > 1)):
        for values in kept.columns.values():
            with pytest.raises(ValueError, match="read-only"):
                values[0] = values[0]
        with pytest.raises(TypeError):
            kept.columns["y"] = source  # type: ignore[index]
    frame = table.to_pandas()
    frame.loc[0, "x"] = 5.0
    assert table["x"][0] == 1.0


def test_create_and_from_rows() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Table.create({"a": [1.0], "b": [1.0, 2.0]})
    table = Table.from_rows([{"a": 1, "b": "x"}, {"a": None, "c": True}])
    assert table.names == ("a", "b", "c")
    assert next(table.rows())["b"] == "x"
    assert math.isnan(table["a"][1])
    assert table["b"].tolist() == ["x", ""]
    assert table["c"][1] == 1.0
    assert len(Table.from_rows([])) == 0
    assert Table.from_rows([], ["a"]).names == ("a",)


class Dose(Entry):
    amount: float
    unit: str


class Plan(Entry):
    name: str
    doses: tuple[Dose, ...] = Field(default=(), strict=False)


def test_toml_errors_name_file_and_key(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    cases = {
        'name = "a"\n[[doses]]\namount = "x"\nunit = "mg"': ["doses[0].amount", "'x'"],
        'name = "a"\n[[doses]]\namount = 1.0': ["doses[0].unit", "nothing"],
        'nam = "a"': ["name", "(1 more errors)"],
        'name = "a"\ncolour = 3': ["colour", "only keys"],
        "name = ": ["TOML"],
        "name = 'a'\ndoses = 'b'": ["doses"],
    }
    for text, words in cases.items():
        file.write_text(text)
        with pytest.raises(FileReadError) as caught:
            read_toml(file, Plan)
        assert "plan.toml" in str(caught.value)
        for word in words:
            assert word in str(caught.value)
    file.write_text('name = "a"\n[[doses]]\namount = 1.0\nunit = "mg"')
    assert read_toml(file, Plan).doses[0].amount == 1.0
    with pytest.raises(FileReadError):
        read_toml(tmp_path / "missing.toml", Plan)


def test_parse_record_raises_the_class_it_is_told() -> None:
    class Any(BaseModel):
        x: int

    with pytest.raises(InputError, match="request, key x"):
        parse_record({"x": "z"}, Any, where="request")
    with pytest.raises(OutputError):
        parse_record({}, Any, where="request", error=OutputError)
