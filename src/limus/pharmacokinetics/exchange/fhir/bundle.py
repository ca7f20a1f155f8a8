"""A FHIR bundle of one patient: its entries, who the patient is, and what references point to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from limus.kernel.checks import Finding, Severity
from limus.kernel.errors import FileReadError
from limus.pharmacokinetics.event_table.error import raise_together
from limus.pharmacokinetics.exchange.fhir.structure import structure_findings

__all__ = ["BUNDLE_TYPES", "Bundle", "Entry", "is_fhir_file", "items_of", "open_bundle", "resolve", "subject_findings"]

BUNDLE_TYPES = ("collection", "searchset", "transaction")
_READ = ("Patient", "Observation", "MedicationAdministration", "Medication", "MedicationRequest", "Procedure")
_DOSES_ELSEWHERE = ("MedicationStatement", "MedicationDispense")


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource and where it stands: ``Bundle.entry[3].resource``, and its fullUrl ('' for none)."""

    path: str
    url: str
    resource: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Type of the resource."""
        return str(self.resource.get("resourceType", ""))

    @property
    def name(self) -> str:
        """``Observation/level-1``; '' without an id."""
        return f"{self.kind}/{self.resource['id']}" if "id" in self.resource else ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The resources of one patient.

    Attributes
    ----------
    source : str
        File.
    entries : tuple of Entry
        Each resource once.
    patient : Entry
    findings : tuple of Finding
        No errors among them.
    """

    source: str
    entries: tuple[Entry, ...]
    patient: Entry
    findings: tuple[Finding, ...]

    def of_kind(self, kind: str) -> tuple[Entry, ...]:
        """Entries of one type of resource."""
        return tuple(entry for entry in self.entries if entry.kind == kind)

    @property
    def label(self) -> str:
        """What the patient is called: the id, else an identifier's value, else ``patient``."""
        resource = self.patient.resource
        identifiers = [one["value"] for one in items_of(resource, "identifier") if "value" in one]
        return str(resource.get("id") or next(iter(identifiers), "patient"))


def is_fhir_file(path: Path) -> bool:
    """Tell whether a file is JSON rather than a table, by its first character.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
        False too for a file that cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    except OSError:
        return False


def open_bundle(path: Path) -> Bundle:
    """Read a bundle, and check what is not about levels, doses or covariates.

    Parameters
    ----------
    path : Path
        JSON of FHIR R4.

    Returns
    -------
    Bundle

    Raises
    ------
    FileReadError
        No JSON, or no bundle.
    EventTableError
        A bundle of another type or structure, no patient or several, or one resource with two contents.
    """
    source = str(path)
    content = _content(path)
    entries, findings = _entries(content, source)
    findings += _shell_findings(content, source)
    raise_together(source, findings)
    patients = [entry for entry in entries if entry.kind == "Patient"]
    if len(patients) != 1:
        got = ", ".join(entry.name or entry.path for entry in patients) or "none"
        do = "give a bundle of one patient"
        findings.append(Finding("one-patient", Severity.ERROR, f"{source}, Patient", got, "one Patient", do))
        raise_together(source, findings)
    findings += structure_findings(patients[0].resource, patients[0].path)
    findings += _modifier_findings(patients[0])
    raise_together(source, findings)
    return Bundle(source, tuple(entries), patients[0], tuple(findings))


def _content(path: Path) -> dict[str, Any]:
    def refuse(text: str) -> float:
        raise FileReadError(str(path), text, "numbers of JSON", "correct the file")

    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FileReadError(str(path), error, "a FHIR bundle as JSON", "check path and content") from None
    kind = content.get("resourceType") if isinstance(content, dict) else None
    if kind != "Bundle":
        got = "no resourceType" if kind is None else str(kind)
        raise FileReadError(f"{path}, resourceType", got, "Bundle (FHIR R4)", "give the bundle of one patient")
    return dict(content)


def _shell_findings(content: Mapping[str, Any], source: str) -> Iterator[Finding]:
    """What is wrong with the bundle itself, its resources aside."""
    entries = content.get("entry", [])
    shell = dict(content)
    if isinstance(entries, list) and entries:
        shell["entry"] = [
            {k: v for k, v in one.items() if k != "resource"} if isinstance(one, dict) else one for one in entries
        ]
    yield from structure_findings(shell, "Bundle")
    if content.get("type") not in BUNDLE_TYPES:
        got = str(content.get("type", "missing"))
        yield Finding("bundle-type", Severity.ERROR, "Bundle.type", got, ", ".join(BUNDLE_TYPES), "convert it")
    if any(link.get("relation") == "next" for link in items_of(content, "link")):
        do = "fetch the other pages too: doses and levels are missing"
        yield Finding("bundle-complete", Severity.WARNING, f"{source}, Bundle.link", "one page of several", do=do)


def _entries(content: Mapping[str, Any], source: str) -> tuple[list[Entry], list[Finding]]:
    found: dict[str, Entry] = {}
    findings: list[Finding] = []
    listed = content.get("entry", [])
    for place, one in enumerate(listed if isinstance(listed, list) else []):
        resource = one.get("resource") if isinstance(one, dict) else None
        if not isinstance(resource, dict):
            continue
        entry = Entry(f"Bundle.entry[{place}].resource", str(one.get("fullUrl", "")), resource)
        if entry.kind in _DOSES_ELSEWHERE:
            allowed, do = "MedicationAdministration", "not read; give the doses as they were given"
            where = f"{source}, {entry.path}"
            findings.append(Finding("doses-elsewhere", Severity.WARNING, where, entry.kind, allowed, do))
        if entry.kind not in _READ:
            continue
        key = entry.name or entry.url or entry.path
        first = found.setdefault(key, entry)
        if first is entry:
            continue
        if first.resource == resource:
            got, do = f"{key} stands there twice", "the second is left out"
            findings.append(Finding("resource-once", Severity.WARNING, f"{source}, {entry.path}", got, do=do))
        else:
            got, allowed = f"{key} with another content than {first.path}", "each resource once"
            findings.append(Finding("resource-once", Severity.ERROR, entry.path, got, allowed, "remove the older one"))
    return list(found.values()), findings


def _modifier_findings(entry: Entry) -> Iterator[Finding]:
    """FHIR forbids to process what carries a modifier that one does not know."""
    for name in ("modifierExtension", "implicitRules"):
        if name in entry.resource:
            do = "remove it if it does not change the meaning"
            yield Finding("no-modifiers", Severity.ERROR, f"{entry.path}.{name}", "present", "none", do)


def resolve(bundle: Bundle, reference: Any, holder: Entry) -> Entry | None:
    """Find what a reference points to.

    Parameters
    ----------
    bundle : Bundle
    reference : object
        A Reference: by ``#id`` of a contained resource, ``Type/id``, URL, urn:uuid, or an identifier.
    holder : Entry
        Resource in which the reference stands.

    Returns
    -------
    Entry or None
    """
    if not isinstance(reference, Mapping):
        return None
    text = str(reference.get("reference", "")).partition("/_history/")[0]
    if text.startswith("#"):
        for place, one in enumerate(items_of(holder.resource, "contained")):
            if one.get("id") == text[1:]:
                return Entry(f"{holder.path}.contained[{place}]", "", one)
        return None
    if text:
        return next((entry for entry in bundle.entries if _is_meant(text, entry)), None)
    wanted = _identity(reference.get("identifier"))
    if wanted is None:
        return None
    for entry in bundle.entries:
        if wanted in [_identity(one) for one in items_of(entry.resource, "identifier")]:
            return entry
    return None


def _is_meant(reference: str, entry: Entry) -> bool:
    """Whether a reference names an entry: by URL, by ``Type/id``, or by one where the entry has only the other."""
    if reference in {entry.url, entry.name}:
        return True
    by_url = not entry.name and entry.url.endswith(f"/{reference}")
    return by_url or (not entry.url and bool(entry.name) and reference.endswith(f"/{entry.name}"))


def items_of(resource: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the objects in a list of a resource; none where it is no such list.

    Parameters
    ----------
    resource : object
        As JSON gives it.
    name : str
        Element.

    Returns
    -------
    list of mapping
    """
    listed = resource.get(name) if isinstance(resource, Mapping) else None
    return [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []


def _identity(identifier: Any) -> tuple[str, str] | None:
    if not isinstance(identifier, Mapping) or "value" not in identifier:
        return None
    return str(identifier.get("system", "")), str(identifier["value"])


def subject_findings(bundle: Bundle, entry: Entry) -> Iterator[Finding]:
    """Check structure, modifiers and subject of a resource that is to be used.

    Parameters
    ----------
    bundle : Bundle
    entry : Entry

    Yields
    ------
    Finding
        Errors, with file and path.
    """
    found = [*structure_findings(entry.resource, entry.path), *_modifier_findings(entry)]
    subject = entry.resource.get("subject")
    target = resolve(bundle, subject, entry)
    where = f"{entry.path}.subject"
    allowed = f"a reference to {bundle.patient.name or bundle.patient.path}"
    if subject is None and not any(one.where == where for one in found):
        found.append(Finding("subject-is-patient", Severity.ERROR, where, "missing", allowed, "say whose it is"))
    elif subject is not None and (target is None or target.resource is not bundle.patient.resource):
        got = str(subject.get("reference", subject)) if isinstance(subject, Mapping) else str(subject)
        do = "remove what is another patient's, or correct the reference"
        found.append(Finding("subject-is-patient", Severity.ERROR, where, got, allowed, do))
    yield from (replace(one, where=f"{bundle.source}, {one.where}") for one in found)
