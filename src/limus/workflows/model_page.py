"""The page of a pathway model: what it is, where it holds, each equation with its constants, what the fit knows."""

from __future__ import annotations

import math
import re
from itertools import groupby

from limus.kernel.provenance import Directness
from limus.report.content import (
    Block,
    BulletList,
    Cell,
    ColumnHead,
    Figure,
    Notice,
    Paragraph,
    Row,
    Section,
    Table,
    number_cell,
    text_cell,
)
from limus.report.markup import escape_markup
from limus.report.numbers import format_number
from limus.signalling.culture import drugs_of
from limus.signalling.model_account import ModelAccount
from limus.signalling.model_text import ModuleText, Statement
from limus.signalling.pathway import diagram_names
from limus.signalling.prior_share import PRIOR_DRIVEN
from limus.signalling.sourced_model import SourcedModel, SourcedParameter
from limus.workflows.cells import certainty, key_of, unit_words
from limus.workflows.pathway_figure import pathway_figure

__all__ = ["model_sections"]

_DASH = "\N{EN DASH}"
_Z90 = 1.645
_READING = (
    Paragraph(
        "Equations stand here as in the files that the engine runs, with := for what holds at any time, a prime for a "
        "rate of change, and after a reaction its rate in nmol per hour. Explanations are the comments of these files. "
        "What starts at zero is not listed."
    ),
)
_KINDS = {
    "reaction": "reaction",
    "rule": "at any time",
    "rate": "rate of change",
    "start": "at the start",
    "submodel": "module",
}


def model_sections(account: ModelAccount) -> tuple[Section, ...]:
    """Build the sections of a model's page in reading order.

    Parameters
    ----------
    account : ModelAccount

    Returns
    -------
    tuple of Section
    """
    main, *inner = account.modules
    placed = _places(account)
    drawn = account.model.name in diagram_names()
    return (
        Section("summary", "What it is", tuple(_summary(account))),
        *((Section("pathway", "Pathway", (_drawing(account.model),)),) if drawn else ()),
        Section("validity", "Where it may be used, and what it cannot say", tuple(_validity(account))),
        Section("fit", "What the fit knows", tuple(_fit(account))),
        Section(
            "equations", "The whole: culture, signals and how the modules are joined", _READING, _parts(account, main)
        ),
        Section("modules", "Modules", (), tuple(_module(account, module, placed) for module in inner)),
        Section("constants", "Constants of the whole", tuple(_constants(account, "", placed[main.name]))),
        Section("conserved", "What is conserved", (_conserved(account),)),
        Section("readouts", "Read-outs", (_readouts(account),)),
    )


def _drawing(model: SourcedModel) -> Figure:
    return pathway_figure(model, drugs_of(model), key="pathway-drawing", title=model.label)


def _summary(account: ModelAccount) -> list[Block]:
    model, counts = account.model, account.by_kind
    cited = "; ".join(f"@{key}" for key in model.papers)
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    fit, check = (account.observations[use] for use in ("fit", "check"))
    items = [
        f"**Constants:** {sum(counts.values())}: {kinds}. *Assumed* means that no source was read that supports the "
        "number.",
        f"**Observations:** {len(fit)} published potencies from {len(account.papers_fitted)} papers are fitted, "
        f"{len(check)} more are compared; {len(account.observations['left_out'])} cannot be used.",
        f"**Against each other:** {len(account.fitted)} constants are fitted to {len(fit)} numbers, of which the "
        f"numbers determine about {format_number(account.effective_constants, 2)}; the rest is prior. That the fit "
        "is close is therefore no evidence for the model.",
        f"**Fit:** {model.fit_status}.",
    ]
    if not account.fitted:
        items = [items[0], items[-1]]
    blocks: list[Block] = [
        Paragraph(f"{escape_markup(model.summary)} Built on [{cited}]."),
        BulletList(tuple(items)),
        Paragraph("What was changed against the published models:"),
        BulletList(tuple(map(escape_markup, model.changes))),
    ]
    if model.fit_status == "stale":
        blocks.append(Notice("warning", "The equations or numbers have changed since the fit; the page shows both."))
    return blocks


def _validity(account: ModelAccount) -> list[Block]:
    domain = account.model.validity
    limits = (
        f"**Cells:** {escape_markup(domain.species)}.",
        f"**Time:** to {format_number(domain.hours_upper)} h.",
        f"**Cell density:** {format_number(domain.cells_per_ml[0])} to {format_number(domain.cells_per_ml[1])} per mL.",
        f"**Serum:** {format_number(domain.serum_percent[0])} to {format_number(domain.serum_percent[1])} %.",
        f"**Drug in the medium:** to {format_number(domain.concentration_upper_nM)} nM.",
    )
    return [
        Paragraph("Outside these limits the model is refused:"),
        BulletList(limits),
        Paragraph("It cannot say:"),
        BulletList(tuple(map(escape_markup, domain.cannot_say))),
    ]


def _fit(account: ModelAccount) -> list[Block]:
    if not account.fitted:
        return [Paragraph("Nothing is fitted.")]
    columns = (
        ColumnHead("prior", "Prior"),
        ColumnHead("prior_sd", "Spread of the prior, log10"),
        ColumnHead("value", "Fitted"),
        ColumnHead("error", "Standard error, log10"),
        ColumnHead("flag", "Who decides"),
    )
    rows = tuple(
        Row(
            key_of(one.parameter.name),
            one.parameter.name,
            (
                _plain(one.parameter.prior_value, one.parameter.unit, "centre of the prior"),
                _plain(one.parameter.prior_log10_sd, "", "of the prior"),
                _value(one.parameter),
                _plain(one.parameter.log10_standard_error, "", "from the draws of the posterior"),
                text_cell(_who_decides(one.remaining, one.prior_driven, one.parameter.at_bound)),
            ),
        )
        for one in account.fitted
    )
    driven = [one.parameter.name for one in account.fitted if one.prior_driven]
    note = f"Prior-driven: more than {PRIOR_DRIVEN:g} of the spread of the prior is left after the fit."
    said = f"Prior-driven are {escape_markup(', '.join(driven))}." if driven else "No constant is prior-driven."
    return [Table("fitted", "Fitted constants", columns, rows, note=note, stub="Constant"), Paragraph(said)]


def _who_decides(remaining: float, prior_driven: bool, at_bound: bool) -> str:
    if math.isnan(remaining):
        return "prior: no accepted fit"
    left = f"{format_number(100.0 * remaining, 2)} % of the spread is left"
    if at_bound:
        return f"stands at its bound; {left}"
    return f"prior-driven: {left}" if prior_driven else f"data: {left}"


def _plain(value: float, unit: str, note: str) -> Cell:
    if math.isnan(value):
        return text_cell(_DASH)
    return number_cell(value, unit_words(unit), Directness.INFERRED, note=note)


def _value(parameter: SourcedParameter) -> Cell:
    sd = parameter.log10_standard_error
    interval = None
    if math.isfinite(sd):
        interval = (parameter.value * 10.0 ** (-_Z90 * sd), parameter.value * 10.0 ** (_Z90 * sd))
    sourced = parameter.sourced
    return number_cell(
        parameter.value,
        unit_words(parameter.unit),
        sourced.directness,
        interval=interval,
        source=sourced.source,
        certainty=certainty(sourced),
        note="" if sourced.source else f"{sourced.kind}: {parameter.origin}",
        significant=4,
    )


def _parts(account: ModelAccount, module: ModuleText) -> tuple[Section, ...]:
    """The outer model by its headings."""
    parts: list[Section] = []
    for heading, group in groupby(module.statements, key=lambda statement: statement.heading):
        statements = [s for s in group if _says_something(s)]
        if statements:
            title = heading[0].upper() + heading[1:]
            key = f"part-{len(parts) + 1}"
            parts.append(Section(key, title, (_equations(account, module, statements, f"{key}-equations", title),)))
    return tuple(parts)


def _says_something(statement: Statement) -> bool:
    """All but what starts at zero."""
    return statement.kind != "start" or statement.text.split("=")[1].strip() != "0"


def _module(account: ModelAccount, module: ModuleText, placed: dict[str, list[SourcedParameter]]) -> Section:
    uses = [instance.prefix.removesuffix(".") for instance in account.instances[module.name]]
    blocks: list[Block] = [
        Paragraph(escape_markup(module.explanation)) if module.explanation else Paragraph("Not explained."),
        Paragraph(f"Used as {escape_markup(', '.join(uses))}; text in {escape_markup(module.file)}."),
    ]
    key = f"module-{key_of(module.name)}"
    title = f"module {module.name}"
    statements = [s for s in module.statements if _says_something(s)]
    blocks.append(_equations(account, module, statements, f"{key}-equations", f"Equations of {title}"))
    blocks += _constants(account, title, placed[module.name])
    return Section(key, title[0].upper() + title[1:], tuple(blocks))


def _equations(account: ModelAccount, module: ModuleText, statements: list[Statement], key: str, title: str) -> Table:
    columns = (
        ColumnHead("equation", "Equation"),
        ColumnHead("explanation", "Explanation"),
        ColumnHead("constants", "Its constants"),
    )
    rows = []
    seen: dict[str, int] = {}
    for statement in statements:
        name = key_of(f"{statement.kind}-{statement.name}")
        seen[name] = seen.get(name, 0) + 1
        constants = account.constants_in(module, statement)
        cells = (
            text_cell(_spaced(statement.text)),
            text_cell(statement.explanation or ("as said above" if module.arguments else _DASH)),
            text_cell(_known_from(statement, constants), source=_sources(constants)),
        )
        suffix = f"-{seen[name]}" if seen[name] > 1 else ""
        rows.append(Row(f"{name}{suffix}", f"{statement.name} ({_KINDS[statement.kind]})", cells))
    return Table(key, title, columns, tuple(rows), stub="What")


def _spaced(text: str) -> str:
    """Room around operators, so that a long equation can be broken."""
    for operator in "*/":
        text = text.replace(operator, f" {operator} ")
    return text.replace("=>;", "=> ;")


def _known_from(statement: Statement, constants: tuple[SourcedParameter, ...]) -> str:
    """Constants by kind; of a module that is used often, the name within the module."""
    if not constants:
        return "those of the module" if statement.kind == "submodel" else "none: a definition"
    kinds: dict[str, dict[str, None]] = {}
    for constant in constants:
        kinds.setdefault(str(constant.sourced.kind), {})[constant.name.rsplit(".", maxsplit=1)[-1]] = None
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())


def _sources(constants: tuple[SourcedParameter, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for constant in constants for key in constant.sourced.source))


def _places(account: ModelAccount) -> dict[str, list[SourcedParameter]]:
    """Each constant at the innermost module that uses it, once."""
    placed: dict[str, list[SourcedParameter]] = {module.name: [] for module in account.modules}
    done: set[str] = set()
    for module in (*account.modules[1:], account.modules[0]):
        for statement in module.statements:
            for constant in account.constants_in(module, statement):
                if constant.name not in done:
                    done.add(constant.name)
                    placed[module.name].append(constant)
    placed[account.modules[0].name] += [p for name, p in account.model.parameters.items() if name not in done]
    return placed


def _constants(account: ModelAccount, title: str, constants: list[SourcedParameter]) -> list[Table]:
    if not constants:
        return []
    columns = (ColumnHead("value", "Value"), ColumnHead("note", "What it rests on"))
    order = {name: k for k, name in enumerate(account.model.parameters)}
    rows = tuple(
        Row(key_of(p.name), p.name, (_value(p), text_cell(_rests_on(p))))
        for p in sorted(constants, key=lambda p: order[p.name])
    )
    key = f"{key_of(title) or 'whole'}-constants"
    name = f"Constants of {title}" if title else "Constants of the whole"
    note = "Assumed: no source was read that supports the number. Intervals of fitted constants are 90 %."
    return [Table(key, name, columns, rows, note=note, stub="Constant")]


def _rests_on(constant: SourcedParameter) -> str:
    sourced = constant.sourced
    fitted = str(sourced.kind) == "fitted"
    printed = ""
    if sourced.value is not None and not fitted and not math.isclose(sourced.value, constant.value, rel_tol=1e-6):
        printed = f"given as {format_number(sourced.value, 4)} {unit_words(sourced.unit)}"
    parts = [part for part in (_origin(constant.origin), printed, sourced.spread, sourced.conditions) if part]
    return "; ".join([*parts, *([_breakable(sourced.note)] if sourced.note else [])]) or _DASH


def _origin(origin: str) -> str:
    """Where the number stands, where that is not the model's own file."""
    if origin.endswith(".toml"):
        return ""
    compound, colon, entry = origin.partition(":")
    if not colon:
        return origin
    name, _, _ = entry.partition("@")
    return f"{name.replace('_', ' ')} of compound {compound}"


def _breakable(note: str) -> str:
    """A note in which the address of a compound's entry does not keep the table wide."""
    return re.sub(r"\b[\w-]+:\w+@\w+", lambda match: _origin(match[0]), note)


def _conserved(account: ModelAccount) -> Table:
    rows = tuple(
        Row(key_of(name), name, (text_cell(" + ".join(members)),)) for name, members in account.model.conserved.items()
    )
    note = "The total amount of each group stays what it was at the start; a check of the equations says so."
    return Table("conserved-groups", "Conserved groups", (ColumnHead("sum", "Sum"),), rows, note=note, stub="Of")


def _readouts(account: ModelAccount) -> Table:
    columns = (
        ColumnHead("symbol", "In the model"),
        ColumnHead("zero", "0 % is"),
        ColumnHead("limit", "No signal below"),
    )
    rows = tuple(
        Row(
            key_of(name),
            f"{readout.label} ({name})",
            (
                text_cell(readout.symbol),
                text_cell("nothing" if readout.background == "zero" else "the culture without stimulus"),
                text_cell(format_number(readout.detection_limit) if readout.detection_limit else _DASH),
            ),
        )
        for name, readout in account.model.readouts.items()
    )
    note = "No signal: a control that is less than this above the background gives no curve; in the symbol's unit."
    return Table("readout-table", "Read-outs", columns, rows, note=note, stub="Read-out")
