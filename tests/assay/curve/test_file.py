from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limus.assay.curve.file import CurveFile, read_curve_file
from limus.assay.curve.simulation import example_table
from limus.kernel.errors import FileReadError, LimusError, UnknownNameError
from limus.kernel.tables import write_csv

EXAMPLES = Path(__file__).parents[3] / "examples" / "assay"


def read(folder: Path, text: str, **settings: object) -> CurveFile:
    file = folder / "curves.csv"
    file.write_bytes(text.encode())
    return read_curve_file(file, **settings)  # type: ignore[arg-type]


def test_the_example_is_what_its_simulator_writes(tmp_path: Path) -> None:
    kept = EXAMPLES / "curves.csv"
    comment = "\n".join(line[2:] for line in kept.read_text().splitlines() if line.startswith("# "))
    assert write_csv(example_table(), tmp_path / "curves.csv", comment=comment).read_bytes() == kept.read_bytes()
    found = read_curve_file(kept)
    assert len(found.names) == 6
    assert found.data is not None
    assert (found.data.censoring < 0).sum() >= 3
    assert not found.flags
    assert set(found.units.values()) == {"nM"}


def test_rows_of_curves_may_be_mixed(tmp_path: Path) -> None:
    found = read(tmp_path, "curve,dose,response\nb,1,10\na,1,1\nb,2,20\na,0,2\nb,0,30\n")
    assert found.names == ("b", "a")
    assert found.data is not None
    assert found.data.counts.tolist() == [3, 2]
    assert found.data.responses.tolist() == [[10, 20, 30], [1, 2, 0]]
    assert found.data.doses.tolist() == [[1, 2, 0], [1, 0, 0]]


def test_what_cannot_be_measured_is_censored_never_dropped(tmp_path: Path) -> None:
    found = read(tmp_path, "curve,dose,response\na,1,<0.5\na,2,> 4\na,3,\u22640.5\na,4,2\n")
    assert found.data is not None
    assert found.data.censoring.tolist() == [[-1, 1, -1, 0]]
    assert found.data.responses.tolist() == [[0.5, 4.0, 0.5, 2.0]]


@pytest.mark.parametrize("text", ["", "NA", "nan", "n.d.", "OVER", "inf", "1_000", "1e999"])
def test_a_row_without_a_number_is_flagged_and_the_rest_is_kept(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, f"# made by hand\ncurve,dose,response\na,1,5\na,2,{text}\na,3,7\nb,1,1\n")
    assert found.data is not None
    assert found.data.counts.tolist() == [2, 1]
    (flag,) = found.flags
    assert (flag.line, flag.curve, flag.column, flag.got) == (4, "a", "response", text)
    assert "left out" in flag.reason


def test_a_negative_dose_sets_its_curve_aside(tmp_path: Path) -> None:
    found = read(tmp_path, "curve,dose,response\na,-2,5\na,-1,5\nb,1,1\n")
    assert "logarithm" in found.set_aside["a"]
    assert [flag.line for flag in found.flags] == [2, 3]
    assert found.data is not None
    assert found.data.names == ("b",)


@pytest.mark.parametrize(
    ("units", "words"),
    [(("nM", "uM"), "mixed dose units: nM, uM"), (("nM", ""), "missing in some rows"), (("", ""), "")],
)
def test_units_missing_or_mixed(tmp_path: Path, units: tuple[str, str], words: str) -> None:
    rows = "".join(f"a,{i},{i},{unit}\n" for i, unit in enumerate(units))
    found = read(tmp_path, f"curve,dose,response,dose_unit\n{rows}b,1,1,mM\nb,2,1,mM\n")
    assert words in found.set_aside.get("a", "")
    assert ("a" in found.set_aside) == bool(words)
    assert found.units["b"] == "mM"


def test_decimal_commas_are_named_or_read(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match="--decimal comma") as caught:
        read(tmp_path, "curve;dose;response\na;0,5;1\n")
    assert "line 2" in str(caught.value)
    with pytest.raises(FileReadError, match="--decimal comma"):
        read(tmp_path, 'curve,dose,response\na,1,"1,000"\n')
    for text in (
        'curve,dose,response\na,"0,5",<1\n',
        "curve;dose;response\na;0,5;<1,0\n",
        "curve\tdose\tresponse\na\t,5\t<1\n",
    ):
        found = read(tmp_path, text, decimal="comma")
        assert found.data is not None
        assert (found.data.doses.tolist(), found.data.responses.tolist()) == ([[0.5]], [[1.0]])
        assert found.data.censoring.tolist() == [[-1]]
    both = read(tmp_path, "curve;dose;response\na;1;1.000,5\na;2;3\n", decimal="comma")
    assert both.flags[0].got == "1.000,5"


def test_weights_from_columns(tmp_path: Path) -> None:
    text = "curve,dose,response,se,n,weight\na,1,5,0.5,3,2\na,2,6,0,4,1\na,3,6,0.1,4,-1\n"
    for column, expected, left_out in (("se", [4.0, 0, 100], 1), ("n", [3.0, 4, 4], 0), ("weight", [2.0, 1, 0], 1)):
        found = read(tmp_path, text, weights=column)
        assert found.data is not None
        kept = found.data.weights[0][found.data.weights[0] > 0]
        assert sorted(kept) == pytest.approx(sorted(w for w in expected if w))
        assert len(found.flags) == left_out
    with pytest.raises(FileReadError, match="add se"):
        read(tmp_path, "curve,dose,response\na,1,5\n", weights="se")


def test_controls_from_columns(tmp_path: Path) -> None:
    text = "curve,dose,response,top,bottom\na,1,5,2.1,0.1\na,2,6,2.1,0.1\nb,1,1,2,1\nb,2,2,3,1\nc,1,1,1,1\n"
    found = read(tmp_path, text)
    assert found.controls == {"a": (2.1, 0.1)}
    assert set(found.set_aside) == {"b", "c"}
    with pytest.raises(FileReadError, match="bottom"):
        read(tmp_path, "curve,dose,response,top\na,1,5,1\n")


def test_own_headers(tmp_path: Path) -> None:
    text = "weight,conc,plate\n5,1,x\n6,2,x\n"
    found = read(tmp_path, text, columns={"dose": "conc", "response": "weight"})
    assert found.names == ("curves",)
    assert found.ignored == ("plate",)
    assert found.data is not None
    assert found.data.responses.tolist() == [[5, 6]]
    with pytest.raises(UnknownNameError, match="dosis"):
        read(tmp_path, text, columns={"dosis": "conc"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["no lines"]),
        ("curve,dose,response\n", ["without rows"]),
        ("curve,dose\na,1\n", ["add response"]),
        ("curve,dose,dose,response\na,1,1,1\n", ["each column once"]),
        ("curve,dose,response\na,1\n", ["line 2", "2 cells"]),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(FileReadError) as caught:
        read(tmp_path, text)
    for word in ["curves.csv", *words]:
        assert word in str(caught.value)


def test_missing_file_and_binary_file(tmp_path: Path) -> None:
    with pytest.raises(FileReadError, match=r"none\.csv"):
        read_curve_file(tmp_path / "none.csv")
    (tmp_path / "book.csv").write_bytes(b"PK\x03\x04\xff\xfe" * 20)
    with pytest.raises(LimusError):
        read_curve_file(tmp_path / "book.csv")


def test_a_file_in_which_no_curve_can_be_used(tmp_path: Path) -> None:
    found = read(tmp_path, "curve,dose,response\na,-1,5\nb,x,5\n")
    assert found.data is None
    assert set(found.set_aside) == {"a", "b"}


def test_ten_thousand_rows_are_quick(tmp_path: Path) -> None:
    rows = "".join(f"c{i % 500},{i // 500},{i % 7}\n" for i in range(10_000))
    found = read(tmp_path, "curve,dose,response\n" + rows)
    assert found.data is not None
    assert found.data.counts.tolist() == [20] * 500
    assert np.array_equal(found.data.doses[0], np.arange(20))
