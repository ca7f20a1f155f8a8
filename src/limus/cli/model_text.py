"""A pathway model as text: what it is, its equations by module, what the fit knows."""

from __future__ import annotations

from typing import Any

from limus.cli.text import number, table

__all__ = ["show_model_text"]


def show_model_text(r: dict[str, Any]) -> str:
    """Write a model for people.

    Parameters
    ----------
    r : dict
        Of :class:`limus.workflows.show_model.ShowModelResult`.

    Returns
    -------
    str
    """
    counts = r["counts"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts["constants_by_kind"].items())
    parts = [
        f"{r['name']}: {r['label']}\n{r['summary']}",
        f"{counts['constants']} constants ({kinds}); fit {r['fit']}\n"
        f"{counts['constants_fitted']} constants fitted to {counts['observations_fitted']} potencies of "
        f"{counts['papers_fitted']} papers, which determine about {number(counts['effective_constants'], 2)} of them",
        *map(_module, r["modules"]),
        _fitted(r["fitted"]),
        "It cannot say:\n" + "\n".join(f"  {line}" for line in r["validity"]["cannot_say"]),
        f"page  {r['page_html']}" if r["page_html"] else "--out DIR writes the page, --json prints every constant",
    ]
    return "\n\n".join(part for part in parts if part)


def _module(module: dict[str, Any]) -> str:
    used = ", ".join(filter(None, module["used_as"]))
    head = f"module {module['name']} ({used})" if used else f"model {module['name']}"
    rows = [e for e in module["equations"] if e["kind"] != "start"]
    columns = (("kind", "kind"), ("name", "name"), ("equation", "equation"))
    return f"{head}: {module['explanation']}\n{table(rows, columns, widest=110)}"


def _fitted(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    columns = (
        ("parameter", "fitted constant"),
        ("prior", "prior"),
        ("value", "value"),
        ("unit", "unit"),
        ("log10_standard_error", "se of log10"),
        ("prior_log10_sd", "of the prior"),
        ("prior_driven", "prior-driven"),
    )
    return table(rows, columns)
