"""Define-XML 2.0 of a folder of data sets: what each holds, in which order, of which type and from where.

Code lists and value-level metadata are not written; lengths are those of the data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from limus.trial.datasets.spec import dataset_specs

__all__ = ["define_xml"]

_ODM = "http://www.cdisc.org/ns/odm/v1.3"
_DEF = "http://www.cdisc.org/ns/def/v2.0"
_XLINK = "http://www.w3.org/1999/xlink"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_STANDARD = {"SDTM": ("SDTM-IG", "3.3", "Tabulation"), "ADaM": ("ADaM-IG", "1.3", "Analysis")}
_VARIABLE = re.compile(r"[A-Z]{2,5}\.[A-Z0-9]{1,8}")


def define_xml(described: Sequence[Mapping[str, Any]], *, study: str, about: str, created: str) -> str:
    """Write the metadata of data sets as Define-XML 2.0.

    Parameters
    ----------
    described : sequence of mapping
        As ``metadata.json`` holds them: ``name, label, model, structure, keys, files, variables``.
    study : str
    about : str
        Description of the study.
    created : str
        Date and time, ISO 8601.

    Returns
    -------
    str
        An XML document.
    """
    for prefix, uri in (("", _ODM), ("def", _DEF), ("xlink", _XLINK)):
        ElementTree.register_namespace(prefix, uri)
    model = str(described[0]["model"]) if described else "SDTM"
    standard, version, _ = _STANDARD.get(model, _STANDARD["SDTM"])
    attributes = {"FileType": "Snapshot", "FileOID": f"{study}.{model}.define", "ODMVersion": "1.3.2"}
    root = ElementTree.Element(_odm("ODM"), attributes | {"CreationDateTime": created})
    top = ElementTree.SubElement(root, _odm("Study"), {"OID": f"STUDY.{study}"})
    names = ElementTree.SubElement(top, _odm("GlobalVariables"))
    for tag, text in (("StudyName", study), ("StudyDescription", about), ("ProtocolName", study)):
        ElementTree.SubElement(names, _odm(tag)).text = text
    version_of = {
        "OID": f"MDV.{study}.{model}",
        "Name": f"{study}, {model}",
        _def("DefineVersion"): "2.0.0",
        _def("StandardName"): standard,
        _def("StandardVersion"): version,
    }
    metadata = ElementTree.SubElement(top, _odm("MetaDataVersion"), version_of)
    for one in described:
        _add_dataset(metadata, one)
    for one in described:
        for variable in one["variables"]:
            _add_variable(metadata, str(one["name"]), variable)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _odm(tag: str) -> str:
    return f"{{{_ODM}}}{tag}"


def _def(tag: str) -> str:
    return f"{{{_DEF}}}{tag}"


def _add_dataset(metadata: ElementTree.Element, one: Mapping[str, Any]) -> None:
    name, keys = str(one["name"]), list(one["keys"])
    spec = dataset_specs().get(name)
    model = str(one["model"]) or "SDTM"
    file = one["files"].get("xpt") or next(iter(one["files"].values()), "")
    attributes = {
        "OID": f"IG.{name}",
        "Name": name,
        "SASDatasetName": name,
        "Repeating": "No" if len(keys) <= 2 else "Yes",
        "IsReferenceData": "Yes" if name == "TS" else "No",
        "Purpose": _STANDARD.get(model, _STANDARD["SDTM"])[2],
        _def("Structure"): str(one["structure"]),
        _def("Class"): spec.observation_class if spec else "",
        _def("ArchiveLocationID"): f"LF.{name}",
    }
    if model == "SDTM":
        attributes["Domain"] = name
    group = ElementTree.SubElement(metadata, _odm("ItemGroupDef"), attributes)
    _describe(group, str(one["label"]))
    for number, variable in enumerate(one["variables"], start=1):
        is_key = variable["name"] in keys
        reference = {"ItemOID": f"IT.{name}.{variable['name']}", "OrderNumber": str(number)}
        reference["Mandatory"] = "Yes" if is_key else "No"
        if is_key:
            reference["KeySequence"] = str(keys.index(variable["name"]) + 1)
        ElementTree.SubElement(group, _odm("ItemRef"), reference)
    leaf = ElementTree.SubElement(group, _def("leaf"), {"ID": f"LF.{name}", f"{{{_XLINK}}}href": file})
    ElementTree.SubElement(leaf, _def("title")).text = file


def _add_variable(metadata: ElementTree.Element, dataset: str, variable: Mapping[str, Any]) -> None:
    name = str(variable["name"])
    kind = {"text": "text", "date": "integer"}.get(str(variable["type"]), "float")
    attributes = {"OID": f"IT.{dataset}.{name}", "Name": name, "SASFieldName": name, "DataType": kind}
    attributes["Length"] = str(variable["length"])
    if "format" in variable:
        attributes[_def("DisplayFormat")] = str(variable["format"])
    item = ElementTree.SubElement(metadata, _odm("ItemDef"), attributes)
    _describe(item, str(variable["label"]))
    said = str(variable.get("origin", ""))
    if said:
        origin = ElementTree.SubElement(item, _def("Origin"), {"Type": _origin(said)})
        _describe(origin, said)


def _origin(said: str) -> str:
    """Define-XML's word for where a variable comes from."""
    first = said.partition(":")[0].strip()
    words = {"assigned": "Assigned", "collected": "CRF", "derived": "Derived", "protocol": "Protocol"}
    if first in words:
        return words[first]
    return "Predecessor" if _VARIABLE.fullmatch(said) else "Derived"


def _describe(parent: ElementTree.Element, text: str) -> None:
    description = ElementTree.SubElement(parent, _odm("Description"))
    ElementTree.SubElement(description, _odm("TranslatedText"), {_LANG: "en"}).text = text
