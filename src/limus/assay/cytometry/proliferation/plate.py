"""A whole plate of FCS files: controls first, then every well in a process of its own, then dose-responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.gate.gates import FILE, UNCOMPENSATED, Gate
from limus.assay.cytometry.gate.gating_ml import GatingDocument, SpectrumMatrix
from limus.assay.cytometry.gate.gating_ml_read import read_gating_ml
from limus.assay.cytometry.gate.proposals import propose_gates
from limus.assay.cytometry.generation.control import learn_control, learn_growth
from limus.assay.cytometry.generation.peak_shapes import Floor
from limus.assay.cytometry.generation.records import GenerationFit, UndividedControl
from limus.assay.cytometry.proliferation.dose import dose_responses
from limus.assay.cytometry.proliferation.findings import find_in_results
from limus.assay.cytometry.proliferation.records import ProliferationAnalysis
from limus.assay.cytometry.proliferation.rules import CytometryRules, cytometry_rules
from limus.assay.cytometry.proliferation.settings import ProliferationSettings, read_settings
from limus.assay.cytometry.proliferation.well import WellJob, analyse_well, gate_channels, own_gates
from limus.assay.cytometry.proliferation.well_files import WellFiles, list_fcs_files, match_wells
from limus.assay.cytometry.tube.preparation import Tube, TubeSettings, gate_tube, read_tube, scatter_gates
from limus.assay.cytometry.tube.spillover import Spillover, find_spillover, learn_spillover, remarks_on_compensation
from limus.assay.layout.records import Layout, LayoutWell, Role
from limus.assay.plate.findings import note, warning
from limus.kernel.checks import Finding
from limus.kernel.errors import InputError, LimusError, UnknownNameError
from limus.kernel.execution import Execution, spawn_generators

__all__ = ["analyse_plate", "drawn_tubes"]

Floats = NDArray[np.float64]
_ANALYSED = {Role.SAMPLE, Role.CONTROL, Role.UNSTIMULATED}
_POOLED = 20_000  # events of each control well for the plate's gates
_AUTOMATIC = {"plate", "each"}
_PLATE_MATRIX = "single_stains"


@dataclass(frozen=True, eq=False)
class _Bench:
    """What is known before the wells are analysed."""

    settings: ProliferationSettings
    rules: CytometryRules
    files: WellFiles
    tube: TubeSettings
    spillover: Spillover | None
    compensation: str
    document: GatingDocument | None
    findings: tuple[Finding, ...]

    @property
    def gate_compensation(self) -> str:
        """What proposed gates call the compensated channels, so that other programs find the same cells."""
        if self.spillover is not None:
            return _PLATE_MATRIX
        return FILE if self.tube.own_matrix else UNCOMPENSATED

    @property
    def matrices(self) -> Mapping[str, SpectrumMatrix]:
        """Matrices that gates may name: those of the document, else that of the single stains."""
        if self.document is not None:
            return self.document.matrices
        s = self.spillover
        return {} if s is None else {_PLATE_MATRIX: SpectrumMatrix(s.names, s.names, s.matrix)}


def analyse_plate(folder: Path, layout: Layout, execution: Execution) -> ProliferationAnalysis:
    """Analyse the files of a folder.

    Parameters
    ----------
    folder : Path
    layout : Layout
    execution : Execution

    Returns
    -------
    ProliferationAnalysis

    Raises
    ------
    FileReadError
        No such folder or no FCS files, a control that the layout names and that cannot be read, or wrong gates.
    InputError
        The layout's section is wrong, or nothing is left to analyse.
    UnknownNameError
        The layout names a channel or a population that is not there.
    UnitError
        Concentrations of one compound in units that cannot be converted.
    """
    bench = _prepare(folder, layout)
    wells = [well for well in layout.wells if well.role in _ANALYSED]
    if not wells:
        do = "give wells the roles sample, control or unstimulated"
        raise InputError(str(layout.path), "no wells to analyse", "wells with cells", do)
    job = _first_job(bench, wells[0])
    progress = execution.progress
    progress.start("learning from the controls", 4)
    try:
        tubes, unreadable = _control_tubes(bench, layout, wells)
        progress.advance()
        gates = _plate_gates(bench, job, tubes)
        population = _population(bench, gates)
        job = replace(job, gates=None if bench.settings.gates == "each" else gates, population=population)
        progress.advance()
        floor, remarks = _learn_floor(bench, layout, folder, gates)
        progress.advance()
        control, control_fits = _learn_peaks(job, tubes, floor, bench)
        progress.advance()
    finally:
        progress.finish()
    job = replace(job, floor=floor, control=control)
    generators = spawn_generators(execution.seed, len(wells), stream="proliferation")
    jobs = [
        replace(job, well=well, file=bench.files.files.get((well.row, well.column)), generator=generator)
        for well, generator in zip(wells, generators, strict=True)
    ]
    results = execution.map(analyse_well, jobs, label=f"analysing {len(jobs)} wells")
    findings = [
        *layout.findings,
        *bench.findings,
        *remarks,
        *unreadable,
        *find_in_results(gates, results, control),
    ]
    return ProliferationAnalysis(
        folder=folder,
        layout=layout,
        settings=bench.settings,
        wells=tuple(results),
        gates=gates,
        matrices=bench.matrices,
        population=population,
        spillover=bench.spillover,
        compensation=bench.compensation,
        floor=floor,
        control=control,
        control_fits=control_fits,
        doses=tuple(d for index in bench.settings.indices for d in dose_responses(results, index)),
        findings=tuple(findings),
    )


def _prepare(folder: Path, layout: Layout) -> _Bench:
    settings = read_settings(layout)
    rules = cytometry_rules(settings.rules, f"{layout.path}, [proliferation.rules]")
    listed = list_fcs_files(folder)
    controls = {*settings.unstained, *settings.single_stains.values()} - set(settings.files.values())
    files = match_wells(listed, layout, settings.files, controls)
    plain = TubeSettings(settings.channels, None, False, settings.watched, rules.acquisition)
    spillover, own, said, findings = _find_compensation(folder, settings, plain, listed)
    document = None
    if settings.gates not in _AUTOMATIC:
        document = read_gating_ml(layout.path.parent / settings.gates)
    tube = replace(plain, spillover=spillover, own_matrix=own)
    return _Bench(settings, rules, files, tube, spillover, said, document, (*files.findings, *findings))


def _find_compensation(
    folder: Path, settings: ProliferationSettings, plain: TubeSettings, listed: Sequence[Path]
) -> tuple[Spillover | None, bool, str, tuple[Finding, ...]]:
    """The plate's matrix, whether each file's own is used, and that in words."""
    wanted = settings.compensation
    if wanted == "none":
        return None, False, "none", ()
    if wanted == "single_stains" or (wanted == "auto" and settings.single_stains):
        spillover = _from_single_stains(folder, settings, plain)
        return spillover, False, f"computed from {len(settings.single_stains)} single stains", ()
    for path in listed:
        try:
            tube = read_tube(path, plain)
        except LimusError:
            continue
        remarks = remarks_on_compensation(tube.data)
        if find_spillover(tube.data) is not None:
            return None, True, "the matrix that each file carries", remarks
        if wanted == "file":
            allowed = "a keyword $SPILLOVER or SPILL"
            raise InputError(f"compensation = file, {path.name}", "no matrix", allowed, "give single stains, or none")
        got = "no matrix in the files, no single stains"
        return None, False, "none", (*remarks, note("not-compensated", str(folder), got, "", "signals are as measured"))
    raise InputError(str(folder), "no file that can be read", "FCS files with the layout's channels", "check them")


def _from_single_stains(folder: Path, settings: ProliferationSettings, plain: TubeSettings) -> Spillover:
    tubes = {wanted: read_tube(folder / name, plain) for wanted, name in settings.single_stains.items()}
    channels = {t.data.names[t.data.place(wanted)]: t for wanted, t in tubes.items()}
    parts = []
    for name in settings.unstained:
        try:
            parts.append(read_tube(folder / name, plain).raw)
        except LimusError:
            continue  # told where autofluorescence is measured; dark cells of the single stains stand in
    unstained = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else None
    stained: dict[str, Mapping[str, Floats]] = {name: tube.raw for name, tube in channels.items()}
    return learn_spillover(stained, unstained, tuple(channels))


def _first_job(bench: _Bench, well: LayoutWell) -> WellJob:
    s = bench.settings
    return WellJob(
        well=well,
        file=None,
        tube=bench.tube,
        dye=s.dye,
        viability=s.viability,
        cd3=s.cd3,
        area=s.area,
        height=s.height,
        gates=None,
        gate_rules=bench.rules.gates,
        matrices=bench.matrices,
        compensation=bench.gate_compensation,
        population=s.population,
        floor=None,
        control=None,
        rules=bench.rules.deconvolution,
        widening=s.widening,
        most_generations=s.most_generations,
        replicates=s.replicates,
        generator=np.random.default_rng(0),
    )


def _control_tubes(
    bench: _Bench, layout: Layout, wells: Sequence[LayoutWell]
) -> tuple[list[tuple[LayoutWell, Tube]], list[Finding]]:
    """Control wells that can be read; where there are none, the other wells."""
    problems: list[Finding] = []
    for roles in ({Role.CONTROL, Role.UNSTIMULATED}, {Role.SAMPLE}):
        found: list[tuple[LayoutWell, Tube]] = []
        for well in wells:
            file = bench.files.files.get((well.row, well.column))
            if well.role not in roles or file is None:
                continue
            try:
                found.append((well, read_tube(file, bench.tube)))
            except LimusError as error:
                problems.append(
                    warning(
                        "control-unreadable", f"well {well.name}: {error.where}", error.got, error.allowed, error.do
                    )
                )
        if found:
            return found, problems
    do = "look at the files; limus fcs info FILE tells what is wrong with one"
    got = "no well that can be read" + (f"; {problems[0].where}: {problems[0].got}" if problems else "")
    raise InputError(str(layout.path), got, "FCS files with the layout's channels", do)


def _plate_gates(bench: _Bench, job: WellJob, tubes: Sequence[tuple[LayoutWell, Tube]]) -> tuple[Gate, ...]:
    if bench.document is not None:
        return bench.document.gates
    if bench.settings.gates == "each":
        return own_gates(tubes[0][1], job)
    first = tubes[0][1]
    names = {name for _, tube in tubes for name in tube.names.values()}
    pooled: dict[bool, dict[str, Floats]] = {}
    for compensated in (False, True):
        parts = [(t.compensated if compensated else t.raw, max(1, t.data.events // _POOLED)) for _, t in tubes]
        pooled[compensated] = {n: np.concatenate([columns[n][::step] for columns, step in parts]) for n in names}
    channels = gate_channels(first.names, job)
    tops = {name: max(tube.tops[name] for _, tube in tubes) for name in names}
    return propose_gates(
        pooled[False], pooled[True], tops, channels, bench.rules.gates, compensation=bench.gate_compensation
    )


def _population(bench: _Bench, gates: Sequence[Gate]) -> str:
    if not gates:
        do = "name area, viability or cd3 in the layout, or add gates to the document"
        raise InputError(f"gates {bench.settings.gates}", "none", "one gate or more", do)
    wanted = bench.settings.population or gates[-1].name
    if wanted not in {gate.name for gate in gates}:
        raise UnknownNameError("population", wanted, ", ".join(g.name for g in gates), "name one of the gates")
    return wanted


def _learn_floor(
    bench: _Bench, layout: Layout, folder: Path, gates: Sequence[Gate]
) -> tuple[Floor | None, list[Finding]]:
    """Autofluorescence from unstained files and blank wells, gated on scatter alone."""
    paths = [folder / name for name in bench.settings.unstained]
    blanks = (bench.files.files.get((w.row, w.column)) for w in layout.wells if w.role is Role.BLANK)
    paths += [path for path in blanks if path is not None]
    if not paths:
        got = "no unstained control"
        do = "late generations are fitted as if cells had no light of their own; add unstained cells"
        return None, [warning("no-floor", str(layout.path), got, "[proliferation] unstained, or blank wells", do)]
    values, findings = [], []
    scatter = scatter_gates(gates)
    for path in paths:
        try:
            tube = read_tube(path, bench.tube)
        except LimusError as error:
            findings.append(warning("control-unreadable", error.where, error.got, error.allowed, error.do))
            continue
        masks = gate_tube(tube, scatter, bench.matrices)
        inside = masks[scatter[-1].name] if scatter else ~tube.acquisition.margin
        values.append(tube.compensated[tube.names[bench.settings.dye]][inside])
    cells = np.concatenate(values) if values else np.empty(0)
    try:
        return Floor.measure(cells), findings
    except LimusError as error:
        findings.append(warning("no-floor", error.where, error.got, error.allowed, error.do))
        return None, findings


def _learn_peaks(
    job: WellJob, tubes: Sequence[tuple[LayoutWell, Tube]], floor: Floor | None, bench: _Bench
) -> tuple[UndividedControl | None, tuple[GenerationFit, ...]]:
    """Undivided peak from unstimulated wells, growth of the peaks from stimulated ones."""
    rules = bench.rules.deconvolution
    resting = _gated_dye(job, tubes, Role.UNSTIMULATED, rules.least_events)
    if not resting:
        return None, ()
    control, fits = learn_control(resting, floor, rules)
    if control is not None and bench.settings.widening == "auto":
        control = learn_growth(_gated_dye(job, tubes, Role.CONTROL, rules.least_events), control, floor, rules)
    return control, fits


def _gated_dye(job: WellJob, tubes: Sequence[tuple[LayoutWell, Tube]], role: Role, least: float) -> list[Floats]:
    cells = []
    for well, tube in tubes:
        if well.role is not role:
            continue
        try:
            gates = own_gates(tube, job) if job.gates is None else job.gates
            inside = gate_tube(tube, gates, job.matrices)[job.population]
        except LimusError:
            continue  # the well's own status says why
        dye = tube.compensated[tube.names[job.dye]][inside]
        if len(dye) >= least:
            cells.append(dye)
    return cells


def drawn_tubes(a: ProliferationAnalysis) -> tuple[list[Tube], list[dict[str, NDArray[np.bool_]]]]:
    """Read the wells that the gates are drawn on: controls, else the first wells with numbers; at most six.

    Parameters
    ----------
    a : ProliferationAnalysis

    Returns
    -------
    list of Tube
    list of dict
        Events of each gate.
    """
    rules = cytometry_rules(a.settings.rules, str(a.layout.path)).acquisition
    own = a.spillover is None and a.compensation.startswith("the matrix")
    settings = TubeSettings(a.settings.channels, a.spillover, own, a.settings.watched, rules)
    read = [w for w in a.wells if w.file is not None and w.gated]
    chosen = [w for w in read if w.well.role in {Role.CONTROL, Role.UNSTIMULATED}] or read
    tubes = [read_tube(w.file, settings) for w in chosen[:6] if w.file is not None]
    return tubes, [gate_tube(tube, a.gates, a.matrices) for tube in tubes]
