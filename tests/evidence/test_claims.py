"""Claims of known guides: the shipped files, their recognition by content, and what any other text gives to check."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from limus.evidence.claim_extraction import extract_claims
from limus.evidence.claim_search import fold_text, match_guides
from limus.evidence.claims import Certainty, Claim, ClaimedGuide, Verdict, load_claimed_guides, read_claims
from limus.evidence.consistency import Consistency, examine
from limus.kernel.errors import FileReadError
from limus.kernel.provenance.bibliography import load_bibliography
from limus.kernel.tables import library_folder

GUIDES = load_claimed_guides()
CLAIMS = [claim for guide in GUIDES for claim in guide.claims]


def test_sixty_four_claims_of_five_guides_with_every_verdict() -> None:
    assert [len(guide.claims) for guide in GUIDES] == [17, 15, 13, 6, 13]
    assert {claim.verdict for claim in CLAIMS} == set(Verdict)
    assert len({claim.id for claim in CLAIMS}) == 64


def test_sources_are_in_the_bibliography_and_a_recalled_verdict_is_not_certain() -> None:
    references = load_bibliography(library_folder() / "references.bib")
    for claim in CLAIMS:
        assert set(claim.source) <= set(references), claim.id
        assert claim.nuance
        if "recalled" in claim.evidence and not claim.source and "seen" not in claim.evidence:
            assert claim.certainty is not Certainty.HIGH, claim.id


@pytest.mark.parametrize(
    ("id_", "verdict"),
    [
        ("ascomycin_ciclosporin-07", Verdict.SUPPORTED),
        ("ascomycin_ciclosporin-09", Verdict.MIS_ATTRIBUTED),
        ("ascomycin_neuroscience-03", Verdict.MIS_ATTRIBUTED),
        ("ascomycin_skin-02", Verdict.INCONSISTENT),
        ("tacrolimus_mtor-01", Verdict.NON_EXISTENT),
        ("tacrolimus_mtor-12", Verdict.INCONSISTENT),
    ],
)
def test_verdicts(id_: str, verdict: Verdict) -> None:
    assert {claim.id: claim.verdict for claim in CLAIMS}[id_] is verdict


def seeds(reference_data: Path) -> list[Path]:
    folder = reference_data.parents[1] / "seeds"
    if not folder.is_dir():
        pytest.skip("no seed documents")
    return sorted(folder.glob("*.txt"))


def test_every_claim_stands_where_the_reference_says(reference_data: Path) -> None:
    with (reference_data.parent / "seed_claims.csv").open(encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    for path in seeds(reference_data):
        match = match_guides(path.read_text(encoding="utf-8"), GUIDES)[0]
        assert match.recognised
        rows = [row for row in expected if row["seed_file"] == path.name]
        assert [found.claim.statement for found in match.found] == [row["claim"] for row in rows]
        for found, row in zip(match.found, rows, strict=True):
            assert found.line is not None, found.claim.id
            assert abs(found.line - int(row["line"])) <= 4  # the reference gives the head of a list or a section


def test_a_guide_is_known_by_content_in_another_layout(reference_data: Path) -> None:
    text = seeds(reference_data)[1].read_text(encoding="utf-8")
    words = text.replace("\t", " | ").replace("**", "").replace("-", "\N{EN DASH}").upper().splitlines()
    match = match_guides("\n\n".join(words), GUIDES)[0]
    assert match.guide.name == "ascomycin_ciclosporin"
    assert match.recognised
    assert all(found.line is not None for found in match.found)


def test_a_changed_number_is_not_the_recorded_claim(reference_data: Path) -> None:
    text = seeds(reference_data)[2].read_text(encoding="utf-8").replace("~30 nM", "~130 nM")
    match = match_guides(text, GUIDES)[0]
    missing = [found.claim.id for found in match.found if found.line is None]
    assert missing == ["ascomycin_neuroscience-03"]


def test_a_text_that_is_no_known_guide() -> None:
    assert match_guides("Tacrolimus was given at 5 mg to 12 patients.", GUIDES) == ()
    one = match_guides("Both are cornerstones in transplantation medicine.", GUIDES)
    assert len(one) == 1
    assert not one[0].recognised


def test_fold_text() -> None:
    assert fold_text("**Ascomycin**'s  50\N{EN DASH}100 \N{MICRO SIGN}M<sup>[1][2]</sup>") == "ascomycin's 50-100 um"


@pytest.mark.parametrize(
    ("text", "check", "verdict"),
    [
        ("Response in 15/18 patients (83%).", "percent-of-counts", Consistency.CONSISTENT),
        ("It was seen in 20% (3/12) of them.", "percent-of-counts", Consistency.INCONSISTENT),
        ("7 of 10 patients (71%)", "percent-of-counts", Consistency.INCONSISTENT),
        ("15/18 patients (83%, 95% CI 59 to 96)", "interval-of-percentage", Consistency.CONSISTENT),
        ("The RR was 2.05 (95% CI 1.52-2.76; p = 0.4).", "p-against-interval", Consistency.INCONSISTENT),
        ("hazard ratio 0.72 (0.57 to 0.91)", "log-symmetry", Consistency.CONSISTENT),
        ("OR 3.0 (1.1 to 2.9)", "estimate-inside-interval", Consistency.INCONSISTENT),
        ("A response of 83% was seen.", "percent-of-counts", Consistency.NOT_JUDGED),
        ("The IC50 was 7.5 ng/mL.", "units-agree", Consistency.NOT_JUDGED),
        ("a\tb\tc\n1\t2\t3\n4\t5\n6\t7\t8", "columns-not-shifted", Consistency.INCONSISTENT),
        (
            "References\n\n1. A work of ours - PMC\n2. A work of ours - PubMed",
            "references-once",
            Consistency.INCONSISTENT,
        ),
        ("References\n\n1. somewhere.org [somewhere.org]", "references-once", Consistency.NOT_JUDGED),
    ],
)
def test_what_any_text_gives_to_check(text: str, check: str, verdict: Consistency) -> None:
    found = extract_claims(text, "guide.txt")
    verdicts = [one.verdict for one in (*examine(found.reported), *found.others) if one.check == check]
    assert verdict in verdicts


def test_an_empty_last_cell_alone_is_no_slip() -> None:
    text = "| a | b | c |\n|---|---|---|\n| 1 | x | y |\n| 2 | z | |\n| 3 | y | |\n"
    bad = [one.row for one in extract_claims(text, "t").others if one.check == "columns-not-shifted"]
    assert bad == ["line 5"]


def test_mixed_units_in_one_column_are_converted() -> None:
    text = "Assay\tAscomycin\tCyclosporin A\nT cells\t0.1 nM\t10 nM\nPBL\t-\t7.5 ng/mL\n"
    said = [one.reason for one in extract_claims(text, "t").others if one.verdict is Consistency.IMPRECISE]
    assert said == ["7.5 ng/mL stands in a column with nM; it is 6.24 nM of ciclosporin"]


def test_files_of_claims_are_read_strictly(tmp_path: Path) -> None:
    shipped = (library_folder() / "claims/ascomycin_skin.csv").read_text(encoding="utf-8")
    path = tmp_path / "own.csv"
    path.write_text(shipped, encoding="utf-8")
    own = read_claims(path)
    assert isinstance(own, ClaimedGuide)
    assert isinstance(own.claims[0], Claim)
    path.write_text(shipped.replace("limus_claims = 1", "limus_claims = 2"), encoding="utf-8")
    with pytest.raises(FileReadError, match="limus_claims"):
        read_claims(path)
    path.write_text(shipped.replace(",inconsistent,", ",wrong,"), encoding="utf-8")
    with pytest.raises(FileReadError, match="verdict"):
        read_claims(path)


def judged(text: str, check: str) -> list[Consistency]:
    return [one.verdict for one in examine(extract_claims(text, "t").reported) if one.check == check]


def test_two_proportions_before_an_effect_are_its_arms() -> None:
    text = "Response in 45/60 (75%) and 20/58 (34%) (RR 2.18, 95% CI 1.48-3.19)."
    assert judged(text, "effect-from-counts") == [Consistency.CONSISTENT]
    assert judged(text.replace("2.18", "2.58"), "effect-from-counts") == [Consistency.INCONSISTENT]


def test_counts_under_a_heading_with_n() -> None:
    text = "| Outcome | Drug (n=60) | Vehicle (n=58) |\n|---|---|---|\n| IGA | 30 (50%) | 12 (20.7%) |\n"
    text += "| Burning | 70 (35%) | 10 (27%) |\n"
    assert judged(text, "percent-of-counts") == [Consistency.CONSISTENT] * 2 + [Consistency.INCONSISTENT]
    assert judged(text, "counts-possible").count(Consistency.INCONSISTENT) == 1


def test_a_concentration_in_two_units_is_that_of_the_compound_before_it() -> None:
    text = "Tacrolimus 10 ng/mL (12.4 nM); ciclosporin 200 ng/mL (166 \N{MICRO SIGN}M); then 10.0 nM (2.00 ng/mL)."
    found = judged(text, "units-agree")
    assert found == [Consistency.CONSISTENT, Consistency.INCONSISTENT, Consistency.INCONSISTENT]
