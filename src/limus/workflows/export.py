"""``limus export``: a model with its numbers as one flat SBML file that other simulators load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from limus._version import __version__
from limus.kernel.checks import raise_on_errors, run_checks
from limus.kernel.errors import InputError, ModelError, OutputError
from limus.kernel.execution import Execution
from limus.kernel.language import MODEL_CHECKS, Model
from limus.kernel.language.sbml_writer import sbml_identifiers, write_sbml
from limus.kernel.provenance import hash_text
from limus.signalling.protocol import find_protocol
from limus.signalling.sourced_model import SourcedModel
from limus.workflows.request import Request
from limus.workflows.simulate import load_any_model, read_setting

__all__ = ["ExportRequest", "ExportResult", "run"]

_ENDINGS = (".xml", ".sbml")


class ExportRequest(Request):
    """A model by name or path, with the stimulus and settings that become its initial values."""

    model: str
    settings: tuple[str, ...] = ()
    stimulus: str | None = None


@dataclass(frozen=True, eq=False)
class ExportResult:
    """What was written, and under which identifier each name of the model stands in the file."""

    model: Model
    file: Path
    sha256: str
    identifiers: dict[str, str]
    fit_status: str | None
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """As the command contract says; ``identifiers`` are those that differ from the name."""
        return {
            "model": self.model.name,
            "file": str(self.file),
            "format": "SBML Level 3",
            "sha256": self.sha256,
            "fit": self.fit_status,
            "species": len(self.model.species),
            "parameters": len(self.model.parameters),
            "reactions": len(self.model.reactions),
            "rules": len(self.model.rules),
            "events": len(self.model.events),
            "units": {
                "time": self.model.units.time,
                "substance": self.model.units.substance,
                "volume": self.model.units.volume,
            },
            "identifiers": {name: given for name, given in self.identifiers.items() if name != given},
            "warnings": list(self.warnings),
            "status": "written",
        }


def run(request: ExportRequest, *, out: Path | None = None, execution: Execution | None = None) -> ExportResult:
    """Write a model as SBML.

    Parameters
    ----------
    request : ExportRequest
    out : Path
        The file, ``.xml`` or ``.sbml``.
    execution : Execution, optional
        Its ``overwrite`` is obeyed.

    Returns
    -------
    ExportResult

    Raises
    ------
    InputError
        No file is named, or one of another ending, or a setting is not name=value.
    UnknownNameError
        No such model, stimulus or name.
    FileReadError, ModelError, UnsupportedFeatureError
        The model cannot be read, or not be said in SBML.
    UnitError, ValueRangeError
        A setting in a unit of another kind, or a negative concentration.
    OutputError
        The file cannot be written, or another one stands there.
    """
    if out is None or out.suffix not in _ENDINGS:
        got = "no file" if out is None else str(out)
        raise InputError("--out", got, "a file that ends in .xml or .sbml", "write for example --out model.xml")
    model, units, sourced = load_any_model(request.model)
    settings = dict(find_protocol(request.stimulus).settings) if request.stimulus is not None else {}
    asked = [read_setting(text, model, units) for text in request.settings]
    if len(dict(asked)) < len(asked):
        raise InputError("--set", ", ".join(request.settings), "one value for a name", "leave one of them out")
    settings |= dict(asked)
    model = model.with_values(settings, where="--set")
    findings = run_checks(model, MODEL_CHECKS)
    raise_on_errors(findings, ModelError)
    declared = replace(
        model, parameters=tuple(replace(p, unit=units.get(p.name, "") or p.unit) for p in model.parameters)
    )
    text = write_sbml(declared, notes=_notes(request, sourced))
    _write(out, text, overwrite=execution is not None and execution.overwrite)
    return ExportResult(
        model=model,
        file=out,
        sha256=hash_text(text),
        identifiers=sbml_identifiers(model),
        fit_status=None if sourced is None else sourced.fit_status,
        warnings=tuple(finding.message for finding in findings),
    )


def _notes(request: ExportRequest, sourced: SourcedModel | None) -> list[str]:
    """What a reader of the file should know."""
    lines = [f"Written by limus {__version__} from {request.model}."]
    if sourced is not None:
        lines += [
            f"{sourced.label}. {sourced.summary}",
            f"Fit: {sourced.fit_status}; SHA-256 of equations and numbers before the fit {sourced.content_hash}.",
            *(f"Cannot say: {line}" for line in sourced.validity.cannot_say),
        ]
    given = [f"stimulus {request.stimulus}"] if request.stimulus is not None else []
    if given or request.settings:
        lines.append("Set: " + ", ".join([*given, *request.settings]) + ".")
    return [*lines, "A name with dots has two underscores for each dot in its identifier. Research use only."]


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    try:
        if path.exists() and not overwrite and path.read_text(encoding="utf-8", errors="replace") != text:
            raise OutputError(str(path), "another file", "a new file, or --overwrite", "choose another --out")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(str(path), error, "a file that can be written", "choose another --out") from None
