"""Importing limus is quick, and what it exports is what it says."""

from __future__ import annotations

import subprocess
import sys

import limus

HEAVY = ("numpy", "scipy", "pandas", "pint", "matplotlib", "pydantic", "antimony", "libsbml", "duckdb", "typer", "rich")


def test_importing_limus_loads_nothing_heavy() -> None:
    code = "import sys, limus; print(','.join(m for m in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    modules = {name.split(".")[0] for name in loaded.strip().split(",")}
    assert not modules & set(HEAVY)


def test_the_exported_names_are_the_workflows() -> None:
    assert set(limus.__all__) == {
        "__version__",
        "assay_curve",
        "assay_elisa",
        "assay_phosphatase",
        "assay_proliferation",
        "calibrate",
        "combine",
        "compare",
        "compounds",
        "convert",
        "diagram_import",
        "doctor",
        "evidence_audit",
        "evidence_check",
        "evidence_network",
        "evidence_pool",
        "export",
        "fcs_info",
        "pk_models",
        "pk_show",
        "pk_simulate",
        "pk_vpc",
        "potency",
        "sensitivity",
        "show",
        "simulate",
        "tdm_forecast",
        "tdm_evaluate",
        "tdm_dose",
        "stats_cif",
        "stats_cox",
        "stats_km",
        "trial_allocate",
        "trial_calibrate",
        "trial_power",
        "trial_report",
        "trial_run",
    }
    for name in set(limus.__all__) - {"__version__"}:
        assert callable(getattr(limus, name))
