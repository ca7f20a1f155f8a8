"""Target engagement at clinical troughs, arm by arm: competition for FKBP12 is negligible but can show."""

import pytest

from limus.kernel.errors import UnknownNameError
from limus.trial.design.file import load_design
from limus.trial.design.scenario import load_scenario
from limus.trial.exposure.draws import replicate_generators
from limus.trial.exposure.target_inhibition import target_inhibition
from limus.trial.simulation.replicates import simulate_replicates
from limus.trial.simulation.target_engagement import arm_engagement, show_competition

HCT = 35.0


@pytest.mark.parametrize(("tacrolimus", "everolimus"), [(4.0, 5.0), (7.0, 5.0), (10.0, 8.0)])
def test_competition_for_fkbp12_is_negligible_at_clinical_troughs(tacrolimus: float, everolimus: float) -> None:
    found = show_competition("tacrolimus", tacrolimus, "everolimus", everolimus, HCT)
    # a change of 10 % of the trough, within what an assay and a day do, moves inhibition as much
    ends = 100.0 * target_inhibition({"tacrolimus": [tacrolimus, 0.9 * tacrolimus]}, HCT).inhibition["calcineurin"]
    assert abs(found.inhibition_together_percent - found.inhibition_alone_percent) < 1.0 * (ends[0] - ends[1])
    assert 0 < found.unbound_change_percent < 3
    back = show_competition("everolimus", everolimus, "tacrolimus", tacrolimus, HCT)
    assert abs(back.inhibition_together_percent - back.inhibition_alone_percent) < 0.5


def test_competition_can_show() -> None:
    found = show_competition("tacrolimus", 7.0, "everolimus", 500.0, HCT)
    assert found.unbound_change_percent > 50
    assert found.inhibition_together_percent < found.inhibition_alone_percent - 3


def test_arms_are_summarised_on_treatment() -> None:
    design = load_design("tacrolimus-everolimus")[0]
    scenario = load_scenario("israni_2013", with_fit=False)
    trial = simulate_replicates(
        design, scenario, replicate_generators(1, 0, 1, stream="x"), subjects=80, visit_windows=False, with_area=False
    )
    one, two = arm_engagement(trial, 365.0)
    assert one.competition == ()
    assert {pair.drug for pair in two.competition} == {"tacrolimus", "everolimus"}
    assert one.calcineurin_inhibition_percent[1] > two.calcineurin_inhibition_percent[1]
    assert two.mtorc1_inhibition_percent[0] > 0
    assert one.n < (trial.arm == 0).sum() + 1


def test_a_drug_without_constants_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="belatacept"):
        target_inhibition({"belatacept": [1.0]}, HCT)
