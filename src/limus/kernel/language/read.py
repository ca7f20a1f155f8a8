"""Reading a model file, whatever its language."""

from __future__ import annotations

from pathlib import Path

from limus.kernel.errors import FileReadError
from limus.kernel.language.antimony_text import antimony_to_sbml, read_antimony, values_for_submodels
from limus.kernel.language.model import Model
from limus.kernel.language.sbml import read_sbml

__all__ = ["read_model", "read_model_text"]


def read_model(path: Path) -> Model:
    """Read a model file: Antimony (``.ant``, ``.txt``) or SBML (``.xml``, ``.sbml``).

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Model

    Raises
    ------
    FileReadError
        Missing, unreadable, or of another kind.
    ModelError
        The text is wrong.
    UnsupportedFeatureError
        The text uses what limus does not support.
    """
    if path.suffix in {".ant", ".txt"}:
        return read_model_text(read_antimony(path), language="antimony", where=str(path))
    if path.suffix in {".xml", ".sbml"}:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FileReadError(str(path), error, "a readable SBML file", "check path and encoding") from None
        return read_model_text(text, language="sbml", where=str(path))
    raise FileReadError(str(path), path.suffix or "no ending", ".ant, .txt, .xml or .sbml", "give a model file")


def read_model_text(text: str, *, language: str, where: str = "model text") -> Model:
    """Read a model from text.

    Parameters
    ----------
    text : str
        Antimony or SBML.
    language : str
        ``antimony`` or ``sbml``.
    where : str
        Named in errors.

    Returns
    -------
    Model

    Raises
    ------
    ModelError, UnsupportedFeatureError
        As :func:`read_model`.
    UnknownNameError
        An Antimony text gives a value to an element that its submodel does not have.
    """
    if language != "antimony":
        return read_sbml(text, where=where)
    model = read_sbml(antimony_to_sbml(text, where=where), where=where)
    given = values_for_submodels(text, model.name, where)
    return model.with_values(given, where=where) if given else model
