"""Tables for the figures of a proliferation plate: gated events on a grid, dye histograms with their fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limus.assay.cytometry.gate.gates import UNCOMPENSATED, Dimension, Gate, PolygonShape, RectangleShape
from limus.assay.cytometry.gate.gating_ml import SpectrumMatrix
from limus.assay.cytometry.gate.scales import Scale, place_on_scale
from limus.assay.cytometry.generation.problem import deviance_residuals
from limus.assay.cytometry.generation.records import GenerationFit
from limus.assay.cytometry.proliferation.records import ProliferationAnalysis, WellResult
from limus.assay.cytometry.tube.preparation import Tube, columns_of
from limus.kernel.tables import Table
from limus.report.figures.cytometry import tick_label
from limus.report.numbers import format_number

__all__ = ["GateEvents", "gating_tables", "generation_tables"]

Floats = NDArray[np.float64]
Row = dict[str, Any]
_CELLS = 64
_JOINED = 2  # bins of the fit in one bar: wells of a thousand cells look ragged otherwise
_DECADES = (0.0, 100.0, 1000.0, 10_000.0, 100_000.0, 1_000_000.0)


@dataclass(frozen=True, eq=False)
class GateEvents:
    """Events of some files: channels, and which are in each gate."""

    tubes: Sequence[Tube]
    masks: Sequence[dict[str, NDArray[np.bool_]]]
    matrices: Mapping[str, SpectrumMatrix]

    def inside(self, name: str) -> NDArray[np.bool_]:
        """Events of a gate; all of them for no name."""
        if not name:
            return np.ones(sum(t.data.events for t in self.tubes), dtype=np.bool_)
        return np.concatenate([m[name] for m in self.masks])

    def places(self, dimension: Dimension) -> Floats | None:
        """Places of the events on an axis; None for an axis that is no channel."""
        if not isinstance(dimension.channel, str):
            return None
        name = dimension.channel
        parts = [columns_of(t, dimension.compensation, self.matrices)[name] for t in self.tubes]
        values = np.concatenate(parts)
        return values if dimension.scale is None else place_on_scale(values, dimension.scale)


def gating_tables(a: ProliferationAnalysis, events: GateEvents) -> tuple[Table, Table, Table, Table] | None:
    """Make the tables of the gating figure.

    Parameters
    ----------
    a : ProliferationAnalysis
    events : GateEvents
        Of the wells that the gates are drawn on.

    Returns
    -------
    cells, outlines, ticks, labels : Table
        As :func:`limus.report.figures.cytometry.draw_gating` takes them; None where no gate can be drawn.
    """
    cells: list[Row] = []
    outlines: list[Row] = []
    ticks: list[Row] = []
    labels: list[Row] = []
    for gate in a.gates:
        axes = _axes(gate, a, events)
        if axes is None:
            continue
        x, y = events.places(axes[0]), events.places(axes[1])
        parent = events.inside(gate.parent)
        if x is None or y is None or not parent.any():
            continue
        finite = parent & np.isfinite(x) & np.isfinite(y)
        grid = _grid(x[finite], y[finite])
        cells += [{"panel": gate.name, **row} for row in grid]
        outlines += [{"panel": gate.name, "x": px, "y": py} for px, py in _outline(gate, x[finite], y[finite])]
        for name, axis, values in (("x", axes[0], x[finite]), ("y", axes[1], y[finite])):
            ticks += [{"panel": gate.name, "axis": name, **row} for row in _ticks(axis.scale, values)]
        share = 100.0 * events.inside(gate.name).sum() / parent.sum()
        of = gate.parent or "all events"
        note = f"{share:.1f} % of {of}"
        said = [_axis_label(axis, events) for axis in axes]
        labels.append({"panel": gate.name, "x_label": said[0], "y_label": said[1], "note": note})
    if not labels or not cells:
        return None
    return (
        Table.from_rows(cells),
        Table.from_rows(outlines, ("panel", "x", "y")),
        Table.from_rows(ticks, ("panel", "axis", "place", "label")),
        Table.from_rows(labels),
    )


def _axes(gate: Gate, a: ProliferationAnalysis, events: GateEvents) -> tuple[Dimension, Dimension] | None:
    """The two axes on which a gate is drawn: its own, or its own and forward scatter against what it is not."""
    dimensions: tuple[Dimension, ...] = getattr(gate.shape, "dimensions", ())
    if len(dimensions) >= 2:
        return dimensions[0], dimensions[1]
    if not dimensions:
        return None
    names = events.tubes[0].names
    others = [names[c] for c in (a.settings.area, a.settings.height, a.settings.dye) if c]
    other = next((c for c in others if c != dimensions[0].channel), None)
    return None if other is None else (dimensions[0], Dimension(other, None, UNCOMPENSATED))


def _axis_label(axis: Dimension, events: GateEvents) -> str:
    said = next((w for w, name in events.tubes[0].names.items() if name == axis.channel and w != name), "")
    return f"{axis.channel} ({said})" if said else str(axis.channel)


def _grid(x: Floats, y: Floats) -> list[Row]:
    limits = [np.quantile(v, (0.001, 0.999)) for v in (x, y)]
    limits = [np.array([lo, hi if hi > lo else lo + 1.0]) for lo, hi in limits]
    counts, xs, ys = np.histogram2d(x, y, bins=_CELLS, range=limits)
    rows: list[Row] = []
    for i, j in zip(*np.nonzero(counts), strict=True):
        rows.append(
            {
                "x": float(xs[i]),
                "y": float(ys[j]),
                "width": float(xs[1] - xs[0]),
                "height": float(ys[1] - ys[0]),
                "count": float(counts[i, j]),
            }
        )
    return rows


def _outline(gate: Gate, x: Floats, y: Floats) -> list[tuple[float, float]]:
    if isinstance(gate.shape, PolygonShape):
        return [(float(px), float(py)) for px, py in gate.shape.vertices]
    if not isinstance(gate.shape, RectangleShape):
        return []
    ends = [np.quantile(v, (0.0005, 0.9995)) for v in (x, y)]
    pads = [float(e[1] - e[0]) for e in ends]  # an open side lies outside the panel
    ranges = list(gate.shape.ranges[:2]) + [(-math.inf, math.inf)] * (2 - len(gate.shape.ranges[:2]))
    box = []
    for (low, high), end, pad in zip(ranges, ends, pads, strict=True):
        box.append((low if math.isfinite(low) else end[0] - pad, high if math.isfinite(high) else end[1] + pad))
    (x0, x1), (y0, y1) = box
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _ticks(scale: Scale | None, places: Floats) -> list[Row]:
    if scale is None:
        low, high = np.quantile(places, (0.001, 0.999))
        step = _nice_step((high - low) / 4)
        values = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
        return [{"place": float(v), "label": tick_label(float(v))} for v in values]
    shown = [v for v in _DECADES if v <= scale.top * 1.01]
    at = place_on_scale(np.array(shown), scale)
    return [{"place": float(p), "label": tick_label(v)} for p, v in zip(at, shown, strict=True) if math.isfinite(p)]


def _nice_step(wanted: float) -> float:
    """1, 2 or 5 times a power of ten, at least as wide as wanted."""
    power = 10.0 ** math.floor(math.log10(max(wanted, 1e-9)))
    return next((k * power for k in (1.0, 2.0, 5.0) if k * power >= wanted), 10.0 * power)


def generation_tables(wells: Sequence[WellResult], x_label: str) -> tuple[Table, Table, Table, Table] | None:
    """Make the tables of a figure of dye histograms.

    Parameters
    ----------
    wells : sequence of WellResult
        Those without a histogram are left out.
    x_label : str

    Returns
    -------
    bins, peaks, ticks, labels : Table
        As :func:`limus.report.figures.cytometry.draw_generations` takes them; None where there is no histogram.
    """
    bins: list[Row] = []
    peaks: list[Row] = []
    ticks: list[Row] = []
    labels: list[Row] = []
    for w in wells:
        if w.fit is None:
            continue
        name = _panel_name(w)
        own_bins, own_peaks = _histogram(w.fit)
        bins += [{"panel": name, **row} for row in own_bins]
        peaks += [{"panel": name, **row} for row in own_peaks]
        ticks += [{"panel": name, "axis": "x", **row} for row in _dye_ticks(w.fit)]
        labels.append({"panel": name, "x_label": x_label, "y_label": "cells", "note": _note(w)})
    if not labels:
        return None
    return (
        Table.from_rows(bins),
        Table.from_rows(peaks, ("panel", "generation", "x", "expected")),
        Table.from_rows(ticks),
        Table.from_rows(labels),
    )


def _panel_name(w: WellResult) -> str:
    said = str(w.well.role).replace("_", " ")
    if w.well.compound:
        said = f"{w.well.compound} {format_number(w.well.concentration.value)} {w.well.concentration.unit}"
    return f"{w.well.name}, {said}"


def _note(w: WellResult) -> str:
    e = w.index("division_index")
    lines = [f"division index {e.value:.2f}" if e.known else w.status.replace("_", " ")]
    if math.isfinite(e.lower):
        lines.append(f"({e.lower:.2f} to {e.upper:.2f})")
    if w.status not in {"ok", "no_control"} and e.known:
        lines.append(w.status.replace("_", " "))
    return "\n".join(lines)


def _histogram(fit: GenerationFit) -> tuple[list[Row], list[Row]]:
    edges = fit.histogram.scaled_edges()[::_JOINED]
    counts = _join(fit.histogram.counts[1:-1])
    expected = _join(fit.expected()[:, 1:-1])
    total = expected.sum(axis=0) if len(expected) else np.full(len(counts), math.nan)
    residual = np.full(len(counts), math.nan)
    if len(expected):
        residual = -deviance_residuals(counts, np.maximum(total, 1e-9))[0]
    bins: list[Row] = [
        {"left": float(a), "right": float(b), "count": float(c), "expected": float(e), "residual": float(r)}
        for a, b, c, e, r in zip(edges[:-1], edges[1:], counts, total, residual, strict=True)
    ]
    middle = 0.5 * (edges[1:] + edges[:-1])
    peaks: list[Row] = []
    for g, curve in enumerate(expected):
        shown = curve > 0.002 * max(float(np.nanmax(total)), 1.0)
        reach = np.flatnonzero(shown)
        if len(reach):
            part = slice(max(reach[0] - 1, 0), reach[-1] + 2)
            peaks += [
                {"generation": float(g), "x": float(x), "expected": float(y)}
                for x, y in zip(middle[part], curve[part], strict=True)
            ]
    return bins, peaks


def _join(values: Floats) -> Floats:
    """Sum of neighbouring bins."""
    return np.asarray(values.reshape(*values.shape[:-1], values.shape[-1] // _JOINED, _JOINED).sum(axis=-1))


def _dye_ticks(fit: GenerationFit) -> list[Row]:
    edges = fit.histogram.edges
    values = [v for v in _DECADES if edges[0] <= v <= edges[-1]]
    return [{"place": float(np.arcsinh(v / fit.histogram.cofactor)), "label": tick_label(v)} for v in values]
