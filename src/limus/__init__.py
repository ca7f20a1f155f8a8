"""Head-to-head pharmacology of immunosuppressants, from the molecule to the guide, every number with its source.

Each thing a person can ask is a workflow; its name here is loaded when first used, so importing ``limus`` is quick.
A workflow takes its settings as keywords and returns its result.

Examples
--------
>>> import limus
>>> round(limus.convert(value=10, unit="ng/mL", to="nM", compound="FK506").value, 3)
12.437
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limus._version import __version__

if TYPE_CHECKING:
    from limus.kernel.execution import Execution

__all__ = [
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
    "stats_cif",
    "stats_cox",
    "stats_km",
    "tdm_dose",
    "tdm_evaluate",
    "tdm_forecast",
    "trial_allocate",
    "trial_calibrate",
    "trial_power",
    "trial_report",
    "trial_run",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _workflow(name)
    raise AttributeError(f"module 'limus' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _workflow(name: str) -> Callable[..., Any]:
    module, request_type = importlib.import_module("limus.workflows.request").load_workflow(name)
    parse_record = importlib.import_module("limus.kernel.tables").parse_record

    def ask(*, out: Path | str | None = None, execution: Execution | None = None, **settings: Any) -> Any:
        request = parse_record(settings, request_type, where=f"limus.{name}")
        return module.run(request, out=None if out is None else Path(out), execution=execution)

    ask.__name__ = name
    ask.__doc__ = f"{module.run.__doc__}\n\n    Settings are the fields of ``{request_type.__name__}``, as keywords."
    return ask
