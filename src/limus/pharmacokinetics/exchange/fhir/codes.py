"""Codes and words that limus knows: LOINC of levels and covariates, words of drugs, forms, routes, transplantation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field

from limus.kernel.tables import Entry, library_folder, read_toml

__all__ = [
    "CovariateCode",
    "LevelCode",
    "LoincFile",
    "MedicationFile",
    "check_digit_holds",
    "codes_of",
    "load_loinc",
    "load_medications",
    "names_any",
    "words_of",
]

_LOINC = re.compile(r"(\d+)-(\d)")


class _Sourced(Entry):
    kind: Literal["compiled", "assumed"]
    source: list[str] = Field(default_factory=list)
    note: str = ""


class LevelCode(_Sourced):
    """A code of a drug's level: drug, matrix, whether it names a trough or an immunoassay."""

    code: str
    name: str
    drug: str
    matrix: Literal["whole blood", "plasma"]
    trough: bool = False
    immunoassay: bool = False


class CovariateCode(_Sourced):
    """A code of a covariate: column and unit of the event table."""

    code: str
    name: str
    column: str
    unit: str
    molar_mass_g_per_mol: float | None = None


class _GenotypeCode(_Sourced):
    code: str
    name: str
    gene: str


class _Gene(_Sourced):
    name: str
    active: list[str]
    inactive: list[str]
    expresser: list[str]
    non_expresser: list[str]
    carries: str
    counts: str


class LoincFile(Entry):
    """``library/exchange/loinc.toml``."""

    limus_loinc: Literal[1]
    system: str
    note: str
    levels: list[LevelCode]
    covariates: list[CovariateCode]
    genotypes: list[_GenotypeCode]
    genes: list[_Gene]
    ucum: dict[str, str]


class _Substance(_Sourced):
    name: str
    drug: str
    words: list[str]
    atc: list[str]


class _Form(_Sourced):
    words: list[str]
    formulation: str = ""
    immediate_release: bool | None = None


class _Named(_Sourced):
    words: list[str]
    codes: list[str]
    name: str = ""
    organ: str = ""


class MedicationFile(Entry):
    """``library/exchange/medications.toml``."""

    limus_medications: Literal[1]
    note: str
    substances: list[_Substance]
    forms: list[_Form]
    routes: list[_Named]
    transplants: list[_Named]


@lru_cache(maxsize=1)
def load_loinc() -> LoincFile:
    """Read the codes of Observations.

    Returns
    -------
    LoincFile

    Raises
    ------
    FileReadError
        The library's file is wrong.
    """
    return read_toml(library_folder() / "exchange" / "loinc.toml", LoincFile)


@lru_cache(maxsize=1)
def load_medications() -> MedicationFile:
    """Read the words of medications.

    Returns
    -------
    MedicationFile

    Raises
    ------
    FileReadError
        The library's file is wrong.
    """
    return read_toml(library_folder() / "exchange" / "medications.toml", MedicationFile)


def check_digit_holds(code: str) -> bool:
    """Tell whether a text has the form of a LOINC code with the right check digit (modulus 10, as of payment cards).

    Parameters
    ----------
    code : str

    Returns
    -------
    bool

    Examples
    --------
    >>> check_digit_holds("11253-2"), check_digit_holds("32721-5")
    (True, False)
    """
    match = _LOINC.fullmatch(code)
    if match is None:
        return False
    total = 0
    for place, digit in enumerate(reversed(match[1])):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled // 10 + doubled % 10
    return (10 - total % 10) % 10 == int(match[2])


def codes_of(concept: Any, system: str | None = None) -> Iterator[str]:
    """Yield the codes of a CodeableConcept, of one system or of all.

    Parameters
    ----------
    concept : object
        As JSON gives it; what is no CodeableConcept has no codes.
    system : str, optional

    Yields
    ------
    str
    """
    for coding in _codings(concept):
        if "code" in coding and (system is None or coding.get("system") == system):
            yield str(coding["code"])


def words_of(concept: Any) -> str:
    """Return text and displays of a CodeableConcept in small letters.

    Parameters
    ----------
    concept : object

    Returns
    -------
    str
    """
    if not isinstance(concept, Mapping):
        return ""
    displays = [str(coding.get("display", "")) for coding in _codings(concept)]
    return " ".join(text for text in (str(concept.get("text", "")), *displays) if text).casefold()


def names_any(text: str, words: Iterable[str]) -> bool:
    """Tell whether a text holds one of some words as a word of its own: temsirolimus does not name sirolimus.

    Parameters
    ----------
    text : str
        In small letters.
    words : iterable of str

    Returns
    -------
    bool

    Examples
    --------
    >>> names_any("temsirolimus 25 mg", ["sirolimus"]), names_any("sirolimus 1 mg", ["sirolimus"])
    (False, True)
    """
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in words)


def _codings(concept: Any) -> list[Mapping[str, Any]]:
    if not isinstance(concept, Mapping) or not isinstance(concept.get("coding", []), list):
        return []
    return [coding for coding in concept.get("coding", []) if isinstance(coding, Mapping)]
