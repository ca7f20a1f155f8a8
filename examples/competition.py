"""Tacrolimus and sirolimus compete for FKBP12: what each still holds of calcineurin and mTORC1.

Binding constants come from the library, with their sources; the totals are round numbers of this example, not
measurements, and no transport or time is in it: only who holds whom at equilibrium.
"""

from __future__ import annotations

import numpy as np

from limus.kernel.units import convert
from limus.molecule.catalogue import find_compound
from limus.molecule.equilibrium import bind_pools

TACROLIMUS_NM = 100.0
SIROLIMUS_NM = np.array([0.0, 100.0, 1000.0, 10000.0])
CALCINEURIN_NM, MTORC1_NM = 50.0, 20.0
# how tightly tacrolimus with FKBP12 holds calcineurin is not in the library as a measured constant
ASSUMED_CALCINEURIN_NM = 20.0


def constant_nM(compound: str, name: str) -> float:  # noqa: N802
    """Look a dissociation constant up and say where it comes from."""
    constant = find_compound(compound).constant(name).value
    assert constant.value is not None
    value = convert(constant.value, constant.unit, "nM")
    print(f"{compound} {name}: {value:g} nM ({constant.kind}, {', '.join(constant.source)})")
    return value


def main() -> None:
    """Solve the equilibrium with scarce and with plentiful FKBP12."""
    tacrolimus = constant_nM("tacrolimus", "fkbp12_dissociation_constant@bierer_1990")
    sirolimus = constant_nM("sirolimus", "fkbp12_dissociation_constant@bierer_1990")
    mtor = constant_nM("sirolimus", "complex_target_dissociation_constant@banaszynski_2005")
    ligands = np.column_stack([np.full_like(SIROLIMUS_NM, TACROLIMUS_NM), SIROLIMUS_NM])
    never = np.inf
    for fkbp12 in (100.0, 20000.0):
        pools = bind_pools(
            ligands,
            [fkbp12],
            [CALCINEURIN_NM, MTORC1_NM],
            [[tacrolimus], [sirolimus]],
            [[[ASSUMED_CALCINEURIN_NM, never]], [[never, mtor]]],
        )
        print(f"\nFKBP12 {fkbp12:g} nM, tacrolimus {TACROLIMUS_NM:g} nM")
        print("sirolimus nM  calcineurin held %  mTORC1 held %  FKBP12 free %")
        for i, level in enumerate(SIROLIMUS_NM):
            calcineurin = 100 * pools.ternaries[i, 0, 0, 0] / CALCINEURIN_NM
            mtorc1 = 100 * pools.ternaries[i, 1, 0, 1] / MTORC1_NM
            free = 100 * pools.free_immunophilins[i, 0] / fkbp12
            print(f"{level:12g}  {calcineurin:18.1f}  {mtorc1:13.1f}  {free:13.2f}")


if __name__ == "__main__":
    main()
