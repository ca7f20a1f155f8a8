"""docs/event_tables.md names every check that the program gives, and no other; its example runs."""

from __future__ import annotations

import ast
import doctest
import re
from pathlib import Path

from limus.pharmacokinetics.event_table.columns import DATE_COLUMNS, RESERVED
from limus.pharmacokinetics.exchange.adpp import _PARAMETERS

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/event_tables.md").read_text(encoding="utf-8")
ROOM = ROOT / "src/limus/pharmacokinetics"
_FINDERS = {"Finding": 0, "_note": 1, "found": 2}


def _names_in(file: Path) -> set[str]:
    """First arguments of ``Finding`` and its makers; names that are built or passed on are listed by hand."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FINDERS:
            place = _FINDERS[node.func.id]
            if len(node.args) > place and isinstance(node.args[place], ast.Constant):
                names.add(str(node.args[place].value))  # type: ignore[attr-defined]
    return names


def test_the_document_names_every_check_and_no_other() -> None:
    given = set().union(*(_names_in(file) for file in [*ROOM.glob("event_table/*.py"), *ROOM.glob("exchange/*.py")]))
    given |= {"decimal-point", "numbers-plain", "modelled-rate", "modelled-duration", "dose-items-on-dose-rows"}
    assert len(given) > 80
    written = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", DOCUMENT)) - {"steady-state"}  # a rule for occasions
    assert given - written - {"clock", "dates", "separator", "occasions"} == set()
    assert written - given == set()


def test_the_document_names_every_column_and_parameter() -> None:
    section = DOCUMENT.split("## Columns\n")[1].split("\n## ")[0]
    first = " ".join(re.findall(r"^\| ([^|]+) \|", section, flags=re.MULTILINE))
    assert set(re.findall(r"[A-Z][A-Z0-9]+", first)) == set(RESERVED) | set(DATE_COLUMNS)
    listed = set(re.findall(r"^\| `(\w+)` \| ([A-Z]+) \| ([^|]+) \|$", DOCUMENT, flags=re.MULTILINE))
    assert listed == {(name, code, text) for name, (code, text, _) in _PARAMETERS.items()}


def test_the_example_runs() -> None:
    block = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)[0]
    test = doctest.DocTestParser().get_doctest(block, {}, "docs/event_tables.md", None, 0)
    assert len(test.examples) == 7
    assert doctest.DocTestRunner().run(test).failed == 0
