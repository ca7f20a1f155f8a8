"""The example of ``docs/population_models.md`` as files, and changed copies of it."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs/population_models.md"
REFERENCES = "@misc{own_2026,\n  author = {{Nobody}},\n  title = {An example},\n  note = {made up}\n}\n"


def blocks(language: str) -> list[str]:
    """Return the document's code blocks of a language."""
    text = DOCUMENT.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def write_own_model(
    folder: Path, *, numbers: dict[str, str] | None = None, equations: dict[str, str] | None = None
) -> Path:
    """Write the example into a folder, with texts replaced, and return the path of its .toml."""
    texts = {".toml": blocks("toml")[0], ".ant": blocks("antimony")[0]}
    for ending, changes in ((".toml", numbers or {}), (".ant", equations or {})):
        for old, new in changes.items():
            assert texts[ending].count(old) >= 1, old
            texts[ending] = texts[ending].replace(old, new)
    path = folder / "own_drug.toml"
    path.write_text(texts[".toml"], encoding="utf-8")
    path.with_suffix(".ant").write_text(texts[".ant"], encoding="utf-8")
    (folder / "references.bib").write_text(REFERENCES, encoding="utf-8")
    return path
