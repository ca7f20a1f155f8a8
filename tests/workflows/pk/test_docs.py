"""The documents on exposure and on checks of a model show what the program does."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from limus.cli.main import run

ROOT = Path(__file__).parents[3]
DOCUMENTS = ("exposure", "population_checks")


def _blocks(name: str, language: str) -> list[str]:
    text = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_print_what_the_document_says(
    name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    ran = 0
    for block in _blocks(name, "console"):
        command, *said = block.rstrip("\n").split("\n")
        words = shlex.split(command.removeprefix("$ "))
        assert words[0] == "limus"
        assert run(words[1:]) == 0
        printed = "\n".join(line.rstrip() for line in capfd.readouterr().out.rstrip("\n").split("\n"))
        # three dots stand for any lines, or for the rest of one
        pattern = "\n".join(re.escape(line).replace(r"\.\.\.", ".*") for line in said)
        assert re.fullmatch(pattern, printed, flags=re.DOTALL), f"{command} prints\n{printed}"
        ran += 1
    assert ran


def test_python_in_the_documents_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in DOCUMENTS:
        for number, block in enumerate(_blocks(name, "python")):
            test = doctest.DocTestParser().get_doctest(block, {}, f"{name}.md, block {number + 1}", None, 0)
            assert test.examples
            assert doctest.DocTestRunner().run(test).failed == 0


def test_every_option_in_the_documents_exists(capfd: pytest.CaptureFixture[str]) -> None:
    known = set()
    for command in (("pk", "simulate"), ("pk", "vpc"), ("pk", "show"), ("simulate",)):
        assert run([*command, "--help"]) == 0
        known |= set(re.findall(r"--[a-z]+(?:-[a-z]+)*", capfd.readouterr().out))
    for name in DOCUMENTS:
        text = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
        assert set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", text)) <= known
