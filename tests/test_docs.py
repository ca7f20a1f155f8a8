"""What the documents say is what the program does: commands, output, folders, layers and links."""

from __future__ import annotations

import ast
import doctest
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from limus.cli.commands import app
from limus.cli.main import run

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/limus"
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def _console() -> Iterator[tuple[str, list[str]]]:
    """Each command of README's console blocks with the lines that it prints."""
    for block in _blocks(README, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed = part.rstrip("\n").split("\n")
            yield command, printed


def _matches(said: list[str], printed: list[str]) -> bool:
    """Whether lines agree; a line of three dots stands for any lines."""
    pattern = "\n".join(r"(?:.*)" if line == "..." else re.escape(line) for line in said)
    return re.fullmatch(pattern, "\n".join(printed), flags=re.DOTALL) is not None


def test_commands_print_what_the_readme_says(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    status, ran = 0, 0
    for command, said in _console():
        if command == "echo $?":
            assert said == [str(status)], command
            continue
        words = shlex.split(command)
        assert words[0] == "limus", f"README shows output of {command}, which this test cannot run"
        status = run(words[1:])
        output = capfd.readouterr()
        printed = [line.rstrip() for line in (output.out + output.err).rstrip("\n").split("\n")]
        assert _matches(said, printed), f"{command} prints\n" + "\n".join(printed)
        ran += 1
    assert ran >= 6


def test_three_dots_stand_for_lines_and_nothing_else_does() -> None:
    assert _matches(["a", "...", "d"], ["a", "b", "c", "d"])
    assert not _matches(["a", "d"], ["a", "b", "d"])
    assert not _matches(["."], ["a"])


def test_python_in_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = _blocks(README, "python")
    assert len(blocks) >= 2
    for number, block in enumerate(blocks):
        test = doctest.DocTestParser().get_doctest(block, {}, f"README.md, Python block {number + 1}", None, 0)
        assert test.examples
        assert doctest.DocTestRunner().run(test).failed == 0


def test_python_in_the_recipes_is_python() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for block in _blocks(text, "python"):
        ast.parse("def draw():\n" + re.sub(r"^", "    ", block, flags=re.MULTILINE))
    for block in re.findall(r"^ *```toml\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL):
        assert tomllib.loads(block)


def _commands(group: Any = app, before: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every command with the groups before it."""
    own = {(*before, c.name or c.callback.__name__) for c in group.registered_commands if c.callback is not None}
    return own.union(*(_commands(g.typer_instance, (*before, str(g.name))) for g in group.registered_groups))


def _rows_of_commands() -> list[tuple[str, list[tuple[str, ...]]]]:
    """Rows of the command table with the commands that each names."""
    section = README.split("\n## Commands\n")[1].split("\n## ")[0]
    groups = {str(group.name) for group in app.registered_groups}
    rows = []
    for row in re.findall(r"^\| `limus .*", section, flags=re.MULTILINE):
        names = [tuple(text.split()) for text in re.findall(r"`limus ([a-z-]+(?: [a-z-]+)?)", row)]
        rows.append((row, [name if name[0] in groups else name[:1] for name in names]))
    return rows


def test_the_command_table_lists_the_commands() -> None:
    listed = [name for _, names in _rows_of_commands() for name in names]
    assert sorted(listed) == sorted(_commands())


def test_the_options_in_the_command_table_exist(capfd: pytest.CaptureFixture[str]) -> None:
    for row, names in _rows_of_commands():
        options: set[str] = set()
        for name in names:
            assert run([*name, "--help"]) == 0
            options |= set(re.findall(r"--[a-z]+", capfd.readouterr().out))
        assert set(re.findall(r"--[a-z]+", row)) <= options, names


def _contracts() -> list[list[str]]:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [contract["layers"] for contract in content["tool"]["importlinter"]["contracts"] if "layers" in contract]


def _picture(text: str) -> list[str]:
    return _blocks(text, "text")[0].splitlines()


def test_the_flow_picture_shows_the_layers_that_are_enforced() -> None:
    assert _picture(README) == _picture(ARCHITECTURE)
    house, kernel, *_ = _contracts()
    lines = _picture(README)
    assert lines[0].split()[-2:] == house[0].split(" | ")
    assert lines[2].split()[-1] == house[1]
    stages = next(line for line in lines if line.startswith("molecule > "))
    assert stages.split(" > ") == list(reversed(house[2:-1]))
    inside = next(line for line in lines if line.startswith("kernel:"))
    assert house[-1] == "kernel"
    assert inside.removeprefix("kernel:").strip().split(" > ") == kernel


def test_the_order_inside_large_folders_is_the_one_that_is_enforced() -> None:
    _, _, *inside = _contracts()
    assert len(inside) == 2
    for layers in inside:
        assert f"`{' > '.join(layers)}`" in ARCHITECTURE


def _folders() -> set[str]:
    return {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}


def _empty_rooms() -> set[str]:
    """Packages that hold nothing but their __init__.py."""
    rooms = (path.parent for path in SOURCE.rglob("__init__.py"))
    holds = {room: [p for p in room.iterdir() if p.name not in {"__pycache__", "__init__.py"}] for room in rooms}
    return {room.relative_to(SOURCE).as_posix() for room, held in holds.items() if not held}


def test_the_folder_table_lists_the_folders() -> None:
    assert set(re.findall(r"^\| `(\w+)/` \|", ARCHITECTURE, flags=re.MULTILINE)) == _folders()


def test_the_empty_rooms_are_empty_and_no_other_is() -> None:
    sentence = re.findall(r"^The empty rooms are (.*?):", README, flags=re.MULTILINE)[0]
    assert set(re.findall(r"`([\w/]+)`", sentence)) == _empty_rooms()
    listed = set(re.findall(r"^\| `(\w+)/` \| empty;", ARCHITECTURE, flags=re.MULTILINE))
    listed |= set(re.findall(r"`([\w/]+)` is empty", ARCHITECTURE))
    assert listed == _empty_rooms()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_paths_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert "://" not in target
        assert (document.parent / target).exists(), f"{document.name} links to {target}"
    made = {"figures/", "library/fits/t_cell.csv", "validation/MATRIX.md"}  # made by a command
    for path in re.findall(r"`([\w.-]+/[\w./-]*)`", text):
        named = "NAME" in path or path in made
        assert named or any((base / path).exists() for base in (ROOT, SOURCE)), f"{document.name} names {path}"


def test_decisions_are_numbered_and_short() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. ")
        assert len(text.splitlines()) <= 25
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))


def test_citation_and_changelog_name_the_version() -> None:
    from limus import __version__

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^cff-version: 1\.2\.0$", citation, flags=re.MULTILINE)
    assert re.search(rf'^version: "{re.escape(__version__)}"$', citation, flags=re.MULTILINE)
    assert all(re.search(rf"^{key}:", citation, flags=re.MULTILINE) for key in ("message", "title", "authors"))
    assert __version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
