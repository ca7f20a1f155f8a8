"""The base of every figure: the drawing, the style, SVG that is the same bytes every time, and the checks of input.

A figure function takes a tidy table and returns a :class:`Drawing`. It looks nothing up and computes nothing but
positions; matplotlib is imported inside, because it takes half a second.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from limus.kernel.errors import OutputError, ValueRangeError
from limus.kernel.tables import Table, write_csv
from limus.report.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Drawing",
    "add_legend",
    "drawing_style",
    "format_log_axis",
    "in_words",
    "labelled_lines",
    "new_panels",
    "require_columns",
    "require_positive",
    "save",
    "to_svg",
    "unique_texts",
]

_WIDTH_IN = 7.2
_LEGEND_ROW_IN = 0.19
_STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.edgecolor": "#444444",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e6ea",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.7,
    "lines.markersize": 5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "xtick.labelcolor": "#1b1f24",
    "ytick.labelcolor": "#1b1f24",
    "text.color": "#1b1f24",
    "legend.frameon": False,
    "legend.handlelength": 2.8,
    "figure.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "limus",
}


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A figure as it leaves the figure functions.

    Attributes
    ----------
    svg : str
        A whole SVG document.
    alt : str
        What it shows, in words.
    data : Table
        The numbers that are drawn.
    """

    svg: str
    alt: str
    data: Table


@contextmanager
def drawing_style() -> Iterator[None]:
    """Draw inside with the style of limus: own sizes and fonts, no settings of the machine."""
    import matplotlib as mpl  # noqa: PLC0415

    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = _STYLE  # the names that matplotlib's stubs know differ between its versions
        mpl.rcParams.update(settings)
        yield


def new_panels(
    count: int, *, columns: int = 3, width_in: float = _WIDTH_IN, height_in: float = 2.7
) -> tuple[Figure, list[Axes]]:
    """Make a figure with a number of panels, without pyplot and without a window.

    Parameters
    ----------
    count : int
        Panels, at least 1.
    columns : int
        Panels side by side at most.
    width_in, height_in : float
        Width of the figure and height of one row of panels, inch.

    Returns
    -------
    tuple of (Figure, list of Axes)
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    across = min(count, columns)
    down = math.ceil(count / across)
    figure = Figure(figsize=(width_in, height_in * down), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(down, across, index + 1) for index in range(count)]
    return figure, axes


def labelled_lines(panels: Sequence[Axes]) -> dict[str, Any]:
    """Return what the panels have labelled, each label once, in the order of drawing."""
    found: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return found


def add_legend(figure: Figure, groups: Sequence[dict[str, Any]], *, most_columns: int) -> None:
    """Put one legend under all panels, each group on rows of its own; it takes no room from the panels.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    groups : sequence of dict
        Handles by label; empty groups are left out.
    most_columns : int
        Entries side by side at most; fewer where the labels are too wide for that.
    """
    from matplotlib.lines import Line2D  # noqa: PLC0415

    filled = [list(group.items()) for group in groups if group]
    if not filled:
        return
    widest = max(len(label) for group in filled for label, _ in group) * 0.58 + 5.3  # letters, sign and gap, in em
    fit = int(figure.get_figwidth() * 72 / (widest * _STYLE["font.size"]))
    columns = max(1, min(most_columns, fit, max(len(group) for group in filled)))
    blank: tuple[str, Any] = (" ", Line2D([], [], linestyle=""))
    rows: list[list[tuple[str, Any]]] = []
    for group in filled:
        for at in range(0, len(group), columns):
            row = group[at : at + columns]
            rows.append(row + [blank] * (columns - len(row)))
    # two rows have room under the panels as they are; for more the figure grows, so that no panel is squashed
    figure.set_figheight(figure.get_figheight() + _LEGEND_ROW_IN * max(0, len(rows) - 2))
    entries = [row[column] for column in range(columns) for row in rows]  # matplotlib fills column by column
    handles, labels = [handle for _, handle in entries], [label for label, _ in entries]
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def to_svg(figure: Figure) -> str:
    """Return a figure as SVG text: letters as paths, no date, the same bytes for the same figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn inside :func:`drawing_style`, and called inside it.

    Returns
    -------
    str
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", buffer.getvalue(), flags=re.DOTALL)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def save(drawing: Drawing, folder: Path, name: str) -> tuple[Path, Path]:
    """Write a drawing and its data: NAME.svg and NAME.csv.

    Parameters
    ----------
    drawing : Drawing
        What to write.
    folder : Path
        Made if it does not exist.
    name : str
        File name without ending.

    Returns
    -------
    tuple of (Path, Path)
        The SVG and the CSV file.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    svg = folder / f"{name}.svg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        svg.write_text(drawing.svg, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputError(str(svg), error, "a folder that can be written", "choose another --out") from None
    return svg, write_csv(drawing.data, folder / f"{name}.csv")


def require_columns(data: Table, names: Sequence[str], where: str) -> None:
    """Refuse a table that lacks a column or has no rows.

    Parameters
    ----------
    data : Table
        The table of a figure.
    names : sequence of str
        Columns that must be there.
    where : str
        Name of the figure.

    Raises
    ------
    ValueRangeError
        A column is missing, or there is nothing to draw.
    """
    missing = [name for name in names if name not in data.columns]
    if missing:
        raise ValueRangeError(where, ", ".join(data.names), "columns " + ", ".join(names), f"add {', '.join(missing)}")
    if not len(data):
        raise ValueRangeError(where, "no rows", "at least one row", "leave the figure out")


def require_positive(values: NDArray[Any], where: str) -> None:
    """Refuse what a logarithmic axis cannot show.

    Parameters
    ----------
    values : (n,) array of float
        NaN is allowed and not drawn.
    where : str
        Name of figure and column.

    Raises
    ------
    ValueRangeError
        A value is zero, negative or infinite.
    """
    bad = values[~((values > 0) & np.isfinite(values)) & ~np.isnan(values)]
    if bad.size:
        raise ValueRangeError(where, float(bad[0]), "positive numbers", "leave the row out; the axis is logarithmic")


def unique_texts(values: NDArray[Any]) -> list[str]:
    """Return the different texts of a column in the order of first appearance."""
    return list(dict.fromkeys(str(value) for value in values))


def in_words(items: Sequence[str]) -> str:
    """Join names for a sentence: ``a, b and c``."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def format_log_axis(axis: Any, *, most: int = 7) -> None:
    """Label the powers of ten of a logarithmic axis with plain numbers; thin them out when there are many.

    Parameters
    ----------
    axis : matplotlib.axis.Axis
        ``axes.xaxis`` or ``axes.yaxis``.
    most : int
        Labels at most.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415

    axis.set_major_locator(LogLocator(base=10, numticks=most))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value) if value > 0 else ""))
    axis.set_minor_formatter(NullFormatter())
