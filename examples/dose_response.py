"""Tacrolimus on interleukin-2 of stimulated T cells: the simulated dose-response, and what was measured.

The curve is simulated from the accepted fit of model t_cell; ``draws=0`` leaves the interval out.
"""

from __future__ import annotations

import limus


def main() -> None:
    """Run the workflow and print curve and potency."""
    result = limus.potency(compound="FK506", readout="il2", stimulus="pha", draws=0)
    curve = result.curve
    print(f"{result.compound} on {result.readout}, {result.culture.protocol.label}; simulated with {result.model}")
    print("concentration nM  IL-2 % of control")
    for concentration, percent in zip(curve.concentrations, curve.percent, strict=True):
        if 0.99e-3 <= concentration <= 1.01e1:
            print(f"{concentration:16.3g}  {percent:17.1f}  {'#' * round(percent / 2.5)}")
    summary = curve.summary
    print(f"IC50 simulated {summary.ic50_absolute_nM:.3g} nM, status {summary.status}")
    for potency in result.measured:
        print(f"IC50 measured  {potency.printed} ({potency.kind}, {', '.join(potency.source)})")


if __name__ == "__main__":
    main()
