"""How the arms of a trial are drawn: the colour of the drug that an arm has and no earlier one leads with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from limus.report.figures.drug_styles import DrugStyle, drug_style, known_styles

__all__ = ["arm_styles"]

# for arms that no drug tells apart: Okabe and Ito's colours, line style doubled
_OTHERS = (
    DrugStyle("arm", "#0072B2", (), "o"),
    DrugStyle("arm", "#D55E00", (5, 2), "s"),
    DrugStyle("arm", "#009E73", (1, 1.2), "^"),
    DrugStyle("arm", "#CC79A7", (7, 2, 1, 2), "D"),
    DrugStyle("arm", "#56B4E9", (3, 1), "v"),
    DrugStyle("arm", "#E69F00", (9, 3), "P"),
)


def arm_styles(drugs: Mapping[str, Sequence[str]]) -> dict[str, DrugStyle]:
    """Return a style for each arm.

    Parameters
    ----------
    drugs : mapping of str to sequence of str
        Drugs of each arm, the leading one first.

    Returns
    -------
    dict of str to DrugStyle
        No two alike; of the drugs where each arm has one of its own, otherwise of a palette.

    Examples
    --------
    >>> found = arm_styles({"A": ["tacrolimus"], "B": ["everolimus", "tacrolimus"]})
    >>> found["A"].name, found["B"].name
    ('tacrolimus', 'everolimus')
    """
    taken: dict[str, str] = {}
    for arm, given in drugs.items():
        free = [drug for drug in given if drug.casefold() in known_styles() and drug not in taken.values()]
        if not free:
            break
        taken[arm] = free[0]
    if len(taken) == len(drugs):
        return {arm: drug_style(drug) for arm, drug in taken.items()}
    return {arm: _OTHERS[k % len(_OTHERS)] for k, arm in enumerate(drugs)}
