"""A guide as PDF, set by Typst with fonts that come with the installed packages, never with those of the system.

Text is set in Libertinus Serif, which the typesetter embeds; what it lacks, and the lettering of diagrams, comes from
DejaVu Sans, which matplotlib carries. There is no date in the file, so one guide gives the same bytes every time.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from limus.kernel.errors import LimusError, OutputError
from limus.report.content import Guide
from limus.report.typst_markup import render_typst

__all__ = ["TypesettingError", "render_pdf", "write_pdf"]


class TypesettingError(LimusError):
    """The typesetter refused the text that limus wrote, or warned about it: a fault in limus, not in the input."""


def render_pdf(guide: Guide) -> bytes:
    """Set a guide as PDF, A4.

    Parameters
    ----------
    guide : Guide
        The checked tree.

    Returns
    -------
    bytes
        The file; the same bytes for the same guide.

    Raises
    ------
    TypesettingError
        The typesetter reported an error or a warning.
    """
    return _compile(render_typst(guide), guide.title)


def write_pdf(guide: Guide, path: Path) -> Path:
    """Write a guide as PDF.

    Parameters
    ----------
    guide : Guide
        The checked tree.
    path : Path
        The file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypesettingError
        The typesetter reported an error or a warning.
    OutputError
        The file cannot be written.
    """
    content = render_pdf(guide)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise OutputError(str(path), error, "a folder that can be written", "choose another --out") from None
    return path


def _compile(text: str, title: str) -> bytes:
    import typst  # noqa: PLC0415

    where = f"typesetting of {title!r}"
    compile_text: Any = typst.compile_with_warnings  # its stubs want all paths to be of the type of the text
    do = "report this guide's request; the HTML report is not affected"
    try:
        pdf, warnings = compile_text(
            text.encode(), format="pdf", font_paths=[_font_folder()], ignore_system_fonts=True, timestamp=0
        )
    except typst.TypstError as error:
        raise TypesettingError(where, error.message, "text that the typesetter accepts", do) from None
    if warnings:
        raise TypesettingError(where, warnings[0].message, "no warnings", do)
    return bytes(pdf)


def _font_folder() -> Path:
    """Return the folder of DejaVu Sans; found without importing matplotlib, which takes half a second."""
    found = find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise TypesettingError("fonts", "no matplotlib", "matplotlib, which carries DejaVu Sans", "install limus again")
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
