"""Which constants are shares of a whole is read from the equations."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from limus.kernel.language import read_model_text
from limus.kernel.provenance import Kind, SourcedValue
from limus.signalling.model_library import load_model
from limus.signalling.shares import shares_of
from limus.signalling.sourced_model import SourcedModel, SourcedParameter

SMALL = """
model small()
  rest = 1; high = 5; cut = 0.3; part = 0.5; gate = 0.5; boost = 3; level = 0.2; half = 2; unit_rate = 1;
  free_fraction = 0.4;
  signal := piecewise(level, time >= 1, 0);
  from_to := rest + (high - rest)*signal;
  joined := part + (1 - part)*gate*from_to;
  lowered := 1/(1 + boost*signal);
  held := cut*from_to/high;
  half_full := half/(half + from_to);
  left := (1 - held)*(1 - half_full);
  var x; x = 0; x' = unit_rate*(from_to*joined*lowered*left - x/half);
end
"""


def sourced(units: dict[str, str]) -> SourcedModel:
    small = read_model_text(SMALL, language="antimony")
    parameters = {
        name: SourcedParameter(name, small.values[name], unit, "here", SourcedValue(1.0, unit, Kind.ASSUMED))
        for name, unit in units.items()
    }
    return replace(load_model("t_cell"), model=small, parameters=MappingProxyType(parameters))


def test_a_share_is_subtracted_from_one_leads_from_one_value_to_another_or_makes_a_share() -> None:
    pure = ("cut", "part", "gate", "boost", "level", "half", "free_fraction")
    units = dict.fromkeys(pure, "dimensionless") | dict.fromkeys(("rest", "high", "unit_rate"), "nM")
    assert shares_of(sourced(units)) == {"cut", "part", "gate", "level", "free_fraction"}


def test_what_has_a_unit_is_no_share() -> None:
    units = {"gate": "nM", "part": "dimensionless"}
    assert shares_of(sourced(units)) == {"part"}


def test_the_shares_of_the_t_cell() -> None:
    model = load_model("t_cell")
    found = shares_of(model)
    assert {
        "preactivation",
        "responding_share",
        "pi3k_receptor",
        "resistant_growth",
        "resistant_transcription",
        "mtor.ebp1_resistant_fraction",
        "mtor.s6k_growth_weight",
        "costimulation",
        "stimulus_strength",
        "protein_kinase_c",
        "ciclosporin.fraction_unbound_plasma",
    } <= found
    assert not found & {"costimulation_effect", "serum_binding", "nfat_hill", "tacrolimus.partition_coefficient"}
    assert all(0 <= model.parameters[name].value <= 1 for name in found)
