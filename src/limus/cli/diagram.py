"""``limus diagram``: pathway diagrams of other documents."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from limus.cli.options import Json, Out, Overwrite, Seed
from limus.cli.runner import Options, run_command
from limus.cli.text import table

__all__ = ["app"]

app = typer.Typer(name="diagram", help="Read, repair and draw diagrams of other documents.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Read, repair and draw diagrams of other documents."""


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(help="Any text that holds DOT (Graphviz) blocks.")],
    model: Annotated[str, typer.Option("--model", help="Model to compare with; '' for none.")] = "t_cell",
    out: Out = None,
    seed: Seed = 1,
    json: Json = False,
    overwrite: Overwrite = False,
) -> int:
    """Read the DOT blocks of a text, repair them, draw them (with --out), compare them with a model."""
    return run_command("diagram_import", {"file": file, "model": model}, _show, Options(json, out, seed, overwrite))


def _show(r: dict[str, Any]) -> str:
    lines: list[str] = []
    for graph in r["graphs"]:
        lines += [*([""] if lines else []), *_graph_lines(graph, r["model"])]
    return "\n".join(lines)


def _graph_lines(graph: dict[str, Any], model: str) -> list[str]:
    if graph["status"] == "refused":
        error = graph["error"]
        return [f"line {graph['line']}: refused: {error['where']}: {error['got']}", f"  allowed: {error['allowed']}"]
    counts = f"{len(graph['nodes'])} nodes, {len(graph['edges'])} edges, {len(graph['repairs'])} repairs"
    lines = [f"{graph['name'] or 'diagram'} (line {graph['line']}): {counts}"]
    lines += [f"  line {r['line']}: {r['kind']}: {r['got']}  ->  {r['became']}" for r in graph["repairs"]]
    if graph["comparison"]:
        columns = (("source", "from"), ("target", "to"), ("drawn", "drawn"), ("model", model), ("verdict", "verdict"))
        lines += ["", table(graph["comparison"], columns, widest=34)]
    lines += ["", f"not compared: {graph['not_compared']}"] if graph["not_compared"] else []
    return [*lines, *([f"SVG  {graph['svg']}"] if graph["svg"] else [])]
