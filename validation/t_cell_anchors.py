"""Published models as anchors of the T-cell model: NFAT by Fisher 2006 and Tomida 2003, mTOR by Varusai and Coulibaly.

    python validation/t_cell_anchors.py [--reference-data DIR] [--figure FILE.png]

1. BioModels 122 and 123 (Fisher 2006, figures 4a and 3a) and 678 (Tomida 2003) are imported and solved by limus and
   by libroadrunner (its own reader of SBML, its own compiler, SUNDIALS CVODE) in an environment of its own. They must
   agree to 1e-7 of each species' largest value: both are run at local errors of 1e-9 and less, and global errors are up
   to a hundred times that. The shape must be what the models' notes say.
2. The NFAT part of the T-cell model, with the fitted content of calcineurin, beside both: half-times of entry and exit,
   share over calcium, build-up under pulses. It takes Tomida's rates in Jurkat cells, with the phosphates in two groups
   and calcineurin activated as in Cooling 2009, so it need not give the numbers of either: accepted is what lies
   between the two anchors, with a factor of 2 on both sides. A row that fails says why.
3. The mTOR part beside BioModels 823 and 867, in direction only: other cells, other inputs, no common unit.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.peer import FOLDER, make_environment
from limus.report.figures.base import drawing_style, new_panels
from limus.signalling.culture import Culture, run_culture
from limus.signalling.model_library import load_model
from limus.signalling.protocol import find_protocol
from reference_data import REFERENCE_DATA
from t_cell_anchor_models import (
    CALCIUM,
    CYTOSOL,
    NUCLEUS,
    STRONG_NM,
    file_of,
    fisher,
    nuclear_share,
    ours,
    published,
    solve,
    tomida,
)

Floats = NDArray[np.float64]
ROADRUNNER = "2.10.0"
AGREEMENT = 1e-7
WIDER = 2.0


@dataclass(frozen=True)
class Outcome:
    """One line of the matrix."""

    claim: str
    against: str
    result: str
    passed: bool | None


# ---- 1. the published time courses ----


def make_roadrunner() -> str:
    """Install libroadrunner beside the engine's peer; an empty text if that worked, else why not."""
    if not make_environment():
        return "the environment of the peers could not be made"
    python = str(FOLDER / "bin" / "python")
    check = f"from importlib.metadata import version; assert version('libroadrunner') == '{ROADRUNNER}'"
    if subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0:
        return ""
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"libroadrunner=={ROADRUNNER}"]
    return "" if subprocess.run(install, check=False).returncode == 0 else "libroadrunner could not be installed"


def by_roadrunner(path: Path, times: Floats, longest_step: float, species: tuple[str, ...]) -> Floats:
    """Concentrations (T, S)."""
    with tempfile.TemporaryDirectory() as folder:
        save = Path(folder) / "found.npz"
        span = f"{times[0]}:{times[-1]}:{len(times)}"
        peer = FOLDER.parent / "roadrunner_peer.py"
        command = [FOLDER / "bin" / "python", peer, path, save, longest_step, span, *species]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        return np.asarray(np.load(save)["values"])


FIGURES = {
    123: ("Fisher 2006, figure 3a: NFAT under sustained calcium", np.linspace(0.0, 6000.0, 601), 50.0),
    122: ("Fisher 2006, figure 4a: NFAT under calcium pulses for 1500 s", np.linspace(0.0, 6000.0, 601), 5.0),
    678: ("Tomida 2003: NFAT under calcium for 1 min in 3", np.linspace(0.0, 60.0, 241), 0.05),
}


def share_of(number: int, found: Mapping[str, Floats]) -> Floats:
    return found["NFAT_transported"][0] if number == 678 else nuclear_share(found)[0]


def right_shape(number: int, share: Floats, times: Floats) -> tuple[bool, str]:
    """Is it what the notes of the model say."""
    highest = int(np.argmax(share))
    if number == 123:
        good = share[-1] > 0.9 and share[0] < 0.1 and bool((np.diff(share) > -1e-4).all())
        return bool(good), f"rises from {share[0]:.2f} to {share[-1]:.2f} and stays"
    if number == 122:
        # the last pulse is one period before calcium ends
        good = abs(times[highest] - 1500.0) <= 100.0 and share[-1] < 0.1 and share[highest] > 0.7
        return bool(good), (
            f"builds up to {share[highest]:.2f} at {times[highest]:.0f} s, back to {share[-1]:.2f} at {times[-1]:.0f} s"
        )
    early, late = share[times <= 3.0].max(), share[-1]
    return bool(late > 4.0 * early), f"{early:.2f} after one pulse, builds up to {late:.2f} in an hour"


def reproductions(data: Path) -> Iterator[Outcome]:
    missing = make_roadrunner()
    for number, (words, times, longest_step) in FIGURES.items():
        model = published(data, number)
        found = solve(model, times)
        good, shape = right_shape(number, share_of(number, found), times)
        yield Outcome(
            f"{words}: the shape that the model's notes describe", f"BioModels {number}, read by limus", shape, good
        )
        species = (*NUCLEUS, *CYTOSOL) if number != 678 else ("NFAT_phosphorylated", "NFAT_dephosphorylated")
        claim, against = (
            f"{words}: the same numbers",
            f"libroadrunner {ROADRUNNER} on the same file, limit {AGREEMENT:.0e}",
        )
        if missing:
            yield Outcome(claim, against, missing, None)
            continue
        theirs = by_roadrunner(file_of(data, number), times, longest_step, species)
        worst = max(
            float(np.max(np.abs(found[name][0] - theirs[:, k])) / np.max(np.abs(theirs[:, k])))
            for k, name in enumerate(species)
        )
        result = f"largest difference {worst:.1e} of the largest value, {len(species)} species, {len(times)} times"
        yield Outcome(claim, against, result, worst <= AGREEMENT)


# ---- 2. NFAT beside both anchors ----


def between(claim: str, unit: str, mine: float, anchors: Mapping[str, float], reason: str = "") -> Outcome:
    """Accepted: from the lowest anchor over 2 to the highest times 2; a number without unit is a share, at most 1."""
    lower, upper = min(anchors.values()) / WIDER, max(anchors.values()) * WIDER
    upper = upper if unit else min(upper, 1.0)
    words = ", ".join(f"{name} {value:.3g}" for name, value in anchors.items())
    passed = bool(lower <= mine <= upper)
    result = f"{mine:.3g}{unit} (accepted {lower:.3g} to {upper:.3g}{unit})"
    return Outcome(claim, words, result if passed or not reason else f"{result}: {reason}", passed)


def nfat(data: Path) -> Iterator[Outcome]:
    mine, f, t = ours(), fisher(data), tomida(data)
    content = load_model("t_cell").parameters["nfat.reference_calcineurin"].value
    full = ours(content)  # with as much calcineurin as the rates are taken to belong to
    yield between(
        "half-time of NFAT's entry after a step of calcium to 1 uM",
        " min",
        mine.entry.half_time,
        {"Fisher 2006": f.entry.half_time, "Tomida 2003": t.entry.half_time},
    )
    yield between(
        "half-time of NFAT's exit, calcium back and calcineurin blocked",
        " min",
        mine.leaving.half_time,
        {"Fisher 2006": f.leaving.half_time, "Tomida 2003": t.leaving.half_time},
    )
    strong = int(np.searchsorted(CALCIUM, STRONG_NM))
    yield between(
        "nuclear share of NFAT under sustained calcium of 1 uM",
        "",
        float(mine.steady[strong]),
        {"Fisher 2006": float(f.steady[strong]), "Tomida 2003": float(t.steady[0])},
        "the fitted content of calcineurin is a third of the one that Tomida's rates are taken to belong to; with that "
        f"one, {content:g} nM, it is {full.steady[strong]:.2f}",
    )
    yield between(
        "calcium at which that share is half",
        " nM",
        mine.half_calcium,
        {"Fisher 2006": f.half_calcium},
        "calcineurin here needs calmodulin (Cooling 2009, half active at 585 nM, Hill 2.9), Fisher's only calcium, and "
        "0.05 uM of it in the nucleus holds NFAT there at little activity; with 200 nM calcineurin it is "
        f"{full.half_calcium:.0f} nM, as NFAT comes near its limit",
    )
    yield Outcome(
        "nuclear share rises with calcium at every step",
        "Fisher 2006 over 100 to 2000 nM: " + ", ".join(f"{v:.2f}" for v in f.steady),
        ", ".join(f"{v:.2f}" for v in mine.steady),
        bool((np.diff(mine.steady) > 0).all() and (np.diff(f.steady) > 0).all()),
    )
    yield between(
        "pulses of 10 s in 100 s for 1500 s: share over that of sustained calcium",
        "",
        mine.fisher_pulses,
        {"Fisher 2006": f.fisher_pulses},
        "in Fisher's model active calcineurin in a complex with NFAT keeps it in the nucleus for ten minutes and so "
        "remembers a pulse; the module has no such complex and its calcineurin follows calcium at once, so that NFAT "
        f"sees a tenth of the activity (with {content:g} nM calcineurin {full.fisher_pulses:.2g})",
    )
    yield between(
        "pulses of 1 min in 3 for an hour: share over that of sustained calcium",
        "",
        mine.tomida_pulses,
        {"Tomida 2003": t.tomida_pulses},
        "two groups of phosphates at a third of Tomida's activity: both must come off within a pulse or wait for the "
        f"next; with {content:g} nM calcineurin it is {full.tomida_pulses:.2f}",
    )


# ---- 3. mTOR, in direction ----


def direction(value: float, control: float) -> str:
    """Up or down from 5 % on."""
    change = value / control - 1.0
    return "up" if change > 0.05 else "down" if change < -0.05 else "none"


def varusai(data: Path, **inputs: float) -> dict[str, float]:
    """Means from 300 to 600 min: the control oscillates."""
    found = solve(published(data, 823), np.linspace(0.0, 600.0, 601), inputs)
    return {name: float(values[0, 300:].mean()) for name, values in found.items()}


def coulibaly(data: Path, **inputs: float) -> dict[str, float]:
    """At 24 h."""
    found = solve(published(data, 867), np.array([0.0, 24.0]), inputs)
    return {name: float(values[0, -1]) for name, values in found.items()}


def mine_mtor(sirolimus_nM: float = 0.0, hours: float = 24.0, **inputs: float) -> dict[str, float]:
    culture = replace(Culture.usual(find_protocol("il2"), "s6k"), hours=hours)
    symbols = ["mtor.S6K", "mtor.Akt", "mtor.EBP1"]
    result = run_culture(
        load_model("t_cell"), culture, {"sirolimus": np.array([sirolimus_nM])}, symbols, [0.0, hours], parameters=inputs
    )
    return {name: float(result.output(name)[0, -1]) for name in symbols}


def mtor(data: Path) -> Iterator[Outcome]:
    """Each row: what happens there, what happens here, and why they differ where they do."""
    v0, v1, v2 = varusai(data), varusai(data, k7c=0.005), varusai(data, V1=2.0)
    v3 = varusai(data, mTORC2=0.0)
    c0, c1, c2 = coulibaly(data), coulibaly(data, R=0.9), coulibaly(data, y1_IL_15=10.0)
    m0, m1, m2 = mine_mtor(), mine_mtor(100.0), mine_mtor(100.0, 1.0)
    early, weak = mine_mtor(hours=1.0), mine_mtor(hours=1.0, il2_added=0.002)
    lost = mine_mtor(**{"mtor.mTORC2": 0.0, "mtor.mtorc2_turnover_rate": 0.0})
    no_feedback = (
        "there mTORC1 switches off IRS and its loss frees Akt; here PI3K is driven by the IL-2 receptor, without that "
        "feedback, and mTORC2 is lost slowly (Sarbassov 2006; recalled)"
    )
    rows = (
        ("mTORC1 blocked: S6K", "823, activation of mTORC1 at 5 %: active mTORC1", v1["pmTORC1"] / v0["pmTORC1"],
         m1["mtor.S6K"] / m0["mtor.S6K"], ""),
        ("mTORC1 blocked: Akt, 24 h", "823, the same: pAkt", v1["pAkt"] / v0["pAkt"], m1["mtor.Akt"] / m0["mtor.Akt"],
         no_feedback),
        ("mTORC1 blocked: Akt, first hour", "823, the same: pAkt", v1["pAkt"] / v0["pAkt"],
         m2["mtor.Akt"] / early["mtor.Akt"], no_feedback),
        ("more receptor signal: Akt", "823, receptor activation twice: pAkt", v2["pAkt"] / v0["pAkt"],
         early["mtor.Akt"] / weak["mtor.Akt"], ""),
        ("more receptor signal: S6K", "823, the same: active mTORC1", v2["pmTORC1"] / v0["pmTORC1"],
         early["mtor.S6K"] / weak["mtor.S6K"], ""),
        ("mTORC2 absent: Akt", "823, no mTORC2: pAkt", v3["pAkt"] / v0["pAkt"], lost["mtor.Akt"] / m0["mtor.Akt"],
         ""),
        ("mTORC1 blocked: S6K", "867, R = 0.9: mTOR", c1["y3_mTOR"] / c0["y3_mTOR"],
         m1["mtor.S6K"] / m0["mtor.S6K"], ""),
        ("mTORC1 blocked: Akt, 24 h", "867, R = 0.9: Akt", c1["y2_Akt"] / c0["y2_Akt"], m1["mtor.Akt"] / m0["mtor.Akt"],
         "there Akt has no mTORC2 and hardly hears STAT3; here mTORC2 is lost with its turnover"),
        ("more cytokine: Akt", "867, IL-15 ten times: Akt", c2["y2_Akt"] / c0["y2_Akt"],
         early["mtor.Akt"] / weak["mtor.Akt"],
         "there IL-15 acts on Akt with a rate of 2e-5, next to nothing; IL-2 drives PI3K and Akt in T cells"),
        ("more cytokine: S6K", "867, the same: mTOR", c2["y3_mTOR"] / c0["y3_mTOR"],
         early["mtor.S6K"] / weak["mtor.S6K"],
         "there mTOR follows Akt, which IL-15 hardly moves"),
    )  # fmt: skip
    for claim, against, theirs, here, reason in rows:
        there, found = direction(theirs, 1.0), direction(here, 1.0)
        result = f"there {there} ({theirs:.2f}-fold), here {found} ({here:.2f}-fold)"
        agree = there == found
        yield Outcome(
            f"{claim}, same direction", f"BioModels {against}", result if agree else f"{result}: {reason}", agree
        )


def outcomes(data: Path) -> list[Outcome]:
    """Everything; rows that could not be run say why."""
    if not all(file_of(data, number).is_file() for number in (122, 123, 678, 823, 867)):
        return [
            Outcome("published models as anchors", "BioModels 122, 123, 678, 823, 867", "reference data absent", None)
        ]
    return [*reproductions(data), *nfat(data), *mtor(data)]


def draw(data: Path, path: Path) -> None:
    """The three published courses by both programs, and the three NFAT parts side by side."""
    missing = make_roadrunner()
    with drawing_style():
        figure, panels = new_panels(6, columns=3, width_in=9.0, height_in=2.8)
        for axes, (number, (words, times, longest_step)) in zip(panels, FIGURES.items(), strict=False):
            found = solve(published(data, number), times)
            scale = 1.0 if number == 678 else 60.0
            axes.plot(times / scale, share_of(number, found), label="limus")
            if not missing:
                species = (*NUCLEUS, *CYTOSOL) if number != 678 else ("NFAT_phosphorylated", "NFAT_dephosphorylated")
                theirs = by_roadrunner(file_of(data, number), times, longest_step, species)
                columns = {name: theirs[None, :, k] for k, name in enumerate(species)}
                if number == 678:
                    columns["NFAT_transported"] = 1.0 - np.sum(list(columns.values()), axis=0)
                thin = slice(None, None, len(times) // 30)
                axes.plot(times[thin] / scale, share_of(number, columns)[thin], "k.", ms=4, label="libroadrunner")
            axes.set_title(words.split(":")[0] + f" ({number})")
            axes.set_xlabel("Minutes")
            axes.set_ylabel("NFAT in the nucleus (share)")
            axes.legend()
        mine, f, t = ours(), fisher(data), tomida(data)
        for axes, name, words in (
            (panels[3], "entry", "Calcium to 1 uM"),
            (panels[4], "leaving", "Calcineurin blocked"),
        ):
            for model, label in ((mine, "limus T cell"), (f, "Fisher 2006"), (t, "Tomida 2003")):
                course = getattr(model, name)
                axes.plot(course.minutes, course.share / course.share.max(), label=label)
            axes.set_xlim(0.0, 120.0)
            axes.set_title(words)
            axes.set_xlabel("Minutes")
            axes.set_ylabel("Of the largest share")
            axes.legend()
        for model, label in ((mine, "limus T cell"), (f, "Fisher 2006")):
            panels[5].plot(model.calcium, model.steady, "o-", label=label)
        panels[5].axhline(float(t.steady[0]), color="C2", label="Tomida 2003, stimulus on")
        panels[5].set_xscale("log")
        panels[5].set_title("Sustained calcium")
        panels[5].set_xlabel("Calcium (nM)")
        panels[5].set_ylabel("NFAT in the nucleus (share)")
        panels[5].set_ylim(-0.05, 1.55)
        panels[5].legend(loc="upper left", fontsize=7.5)
        figure.savefig(path, dpi=110)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-data", type=Path, default=REFERENCE_DATA)
    parser.add_argument("--figure", type=Path, help="PNG to draw")
    options = parser.parse_args()
    found = outcomes(options.reference_data)
    for one in found:
        verdict = {True: "holds", False: "FAILS", None: "-"}[one.passed]
        print(f"{verdict:6}{one.claim} [{one.against}]: {one.result}")
    print(f"{sum(bool(one.passed) for one in found)} of {len(found)} hold")
    if options.figure:
        draw(options.reference_data, options.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
