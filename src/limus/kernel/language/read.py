"""Reading a model file, whatever its language."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from threading import Thread

from limus.kernel.cache import hash_sources, package_stamp, remembered
from limus.kernel.errors import FileReadError
from limus.kernel.language.expression import Apply, Number, Symbol
from limus.kernel.language.model import (
    Assignment,
    Compartment,
    Event,
    Model,
    ModelUnits,
    Parameter,
    Reaction,
    Rule,
    Species,
    SpeciesReference,
)

__all__ = ["MODEL_RECORDS", "read_model", "read_model_text"]

MODEL_RECORDS = (
    *(Number, Symbol, Apply, Assignment, Compartment, Event, Model, ModelUnits),
    *(Parameter, Reaction, Rule, Species, SpeciesReference),
)
"""Every class that a model consists of."""

# such a text means what other files say
_OTHER_FILES = re.compile(r"\bimport\b|externalModelDefinition")


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
        from limus.kernel.language.antimony_text import read_antimony  # noqa: PLC0415

        return read_model_text(read_antimony(path), language="antimony", where=str(path))
    if path.suffix in {".xml", ".sbml"}:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FileReadError(str(path), error, "a readable SBML file", "check path and encoding") from None
        return read_model_text(text, language="sbml", where=str(path), file=path)
    raise FileReadError(str(path), path.suffix or "no ending", ".ant, .txt, .xml or .sbml", "give a model file")


def read_model_text(text: str, *, language: str, where: str = "model text", file: Path | None = None) -> Model:
    """Read a model from text; a text that was read before comes from the cache on disk.

    Parameters
    ----------
    text : str
        Antimony or SBML.
    language : str
        ``antimony`` or ``sbml``.
    where : str
        Named in errors.
    file : Path, optional
        Where SBML text comes from: external model definitions are looked for beside it.

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
    if _OTHER_FILES.search(text):
        return _read(text, language, where, file)
    readers = (hash_sources(Path(__file__).parent), package_stamp("antimony"), package_stamp("libsbml"))
    return remembered("models", (language, text, *readers), MODEL_RECORDS, lambda: _read(text, language, where, file))


def _read(text: str, language: str, where: str, file: Path | None) -> Model:
    # loaded here, for a model that is kept needs neither
    if language == "antimony":
        # libantimony reads without holding Python back; libsbml is loaded meanwhile, which takes as long
        Thread(target=import_module, args=("libsbml",)).start()
    from limus.kernel.language.antimony_text import antimony_to_sbml, values_for_submodels  # noqa: PLC0415
    from limus.kernel.language.sbml import read_sbml  # noqa: PLC0415

    if language != "antimony":
        return read_sbml(text, where=where, file=file)
    model = read_sbml(antimony_to_sbml(text, where=where), where=where)
    given = values_for_submodels(text, model.name, where)
    return model.with_values(given, where=where) if given else model
