"""Fit the nonlinear problems of NIST's Statistical Reference Datasets from both starts.

``python validation/nist_strd.py DIR`` reads every ``.dat`` file of the folder, prints one JSON object ``{file: {start1:
{digits_parameters, digits_errors, status}, start2: ...}}`` on standard output and a table on standard error. Digits are
``-log10`` of the largest relative error over the parameters, or over their standard deviations, 11 at most (as many as
are certified). A file whose model is not known, or that cannot be read, is reported by name under ``unsupported``. Exit
status 0 only if every known problem reaches 7 digits in parameters from both starts.

The models are those printed in the files (https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml).
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from limus.kernel.inference import fit_least_squares

Floats = NDArray[np.float64]
Model = Callable[[Floats, Floats], Floats]
WANTED_DIGITS = 7.0
CERTIFIED_DIGITS = 11.0
MAX_ITERATIONS = 5_000


def _misra1a(b: Floats, x: Floats) -> Floats:
    return b[0] * (1 - np.exp(-b[1] * x))


def _misra1b(b: Floats, x: Floats) -> Floats:
    return b[0] * (1 - (1 + b[1] * x / 2) ** -2)


def _misra1c(b: Floats, x: Floats) -> Floats:
    return b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5)


def _misra1d(b: Floats, x: Floats) -> Floats:
    return b[0] * b[1] * x / (1 + b[1] * x)


def _chwirut(b: Floats, x: Floats) -> Floats:
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


def _lanczos(b: Floats, x: Floats) -> Floats:
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x)


def _gauss(b: Floats, x: Floats) -> Floats:
    peaks = b[2] * np.exp(-((x - b[3]) ** 2) / b[4] ** 2) + b[5] * np.exp(-((x - b[6]) ** 2) / b[7] ** 2)
    return b[0] * np.exp(-b[1] * x) + peaks


def _danwood(b: Floats, x: Floats) -> Floats:
    return b[0] * x ** b[1]


def _kirby2(b: Floats, x: Floats) -> Floats:
    return (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2)


def _cubic_ratio(b: Floats, x: Floats) -> Floats:
    """Hahn1 and Thurber."""
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def _nelson(b: Floats, x: Floats) -> Floats:
    """The response is log(y); the predictors are time and temperature."""
    return b[0] - b[1] * x[0] * np.exp(-b[2] * x[1])


def _mgh17(b: Floats, x: Floats) -> Floats:
    return b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4])


def _roszman1(b: Floats, x: Floats) -> Floats:
    return b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi


def _enso(b: Floats, x: Floats) -> Floats:
    def cycle(period: Floats | float, cosine: Floats, sine: Floats) -> Floats:
        angle = 2 * np.pi * x / period
        return cosine * np.cos(angle) + sine * np.sin(angle)

    return b[0] + cycle(12.0, b[1], b[2]) + cycle(b[3], b[4], b[5]) + cycle(b[6], b[7], b[8])


def _mgh09(b: Floats, x: Floats) -> Floats:
    return b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3])


def _boxbod(b: Floats, x: Floats) -> Floats:
    return b[0] * (1 - np.exp(-b[1] * x))


def _rat42(b: Floats, x: Floats) -> Floats:
    return b[0] / (1 + np.exp(b[1] - b[2] * x))


def _rat43(b: Floats, x: Floats) -> Floats:
    return b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3])


def _mgh10(b: Floats, x: Floats) -> Floats:
    return b[0] * np.exp(b[1] / (x + b[2]))


def _eckerle4(b: Floats, x: Floats) -> Floats:
    return b[0] / b[1] * np.exp(-((x - b[2]) ** 2) / (2 * b[1] ** 2))


def _bennett5(b: Floats, x: Floats) -> Floats:
    return b[0] * (b[1] + x) ** (-1 / b[2])


MODELS: dict[str, tuple[Model, int]] = {
    "misra1a": (_misra1a, 2),
    "misra1b": (_misra1b, 2),
    "misra1c": (_misra1c, 2),
    "misra1d": (_misra1d, 2),
    "chwirut1": (_chwirut, 3),
    "chwirut2": (_chwirut, 3),
    "lanczos1": (_lanczos, 6),
    "lanczos2": (_lanczos, 6),
    "lanczos3": (_lanczos, 6),
    "gauss1": (_gauss, 8),
    "gauss2": (_gauss, 8),
    "gauss3": (_gauss, 8),
    "danwood": (_danwood, 2),
    "kirby2": (_kirby2, 5),
    "hahn1": (_cubic_ratio, 7),
    "nelson": (_nelson, 3),
    "mgh17": (_mgh17, 5),
    "roszman1": (_roszman1, 4),
    "enso": (_enso, 9),
    "mgh09": (_mgh09, 4),
    "thurber": (_cubic_ratio, 7),
    "boxbod": (_boxbod, 2),
    "rat42": (_rat42, 3),
    "rat43": (_rat43, 4),
    "mgh10": (_mgh10, 3),
    "eckerle4": (_eckerle4, 3),
    "bennett5": (_bennett5, 3),
}
LOGARITHMIC_RESPONSE = {"nelson"}


@dataclass(frozen=True)
class Problem:
    """What a file certifies: starts (2, P), parameters (P,), standard deviations (P,), response (R,), predictors."""

    starts: Floats
    parameters: Floats
    deviations: Floats
    response: Floats
    predictors: Floats


def read_problem(path: Path) -> Problem:
    """Read a file of the collection; raises ValueError with the reason if it is not one."""
    lines = path.read_text(encoding="latin-1").splitlines()
    rows = [re.findall(r"[-+.\dEe]+", line.split("=", 1)[1]) for line in lines if re.match(r"\s*b\d+\s*=", line)]
    rows = [row for row in rows if len(row) == 4]
    if not rows:
        raise ValueError("no lines 'b1 = start1 start2 certified deviation'")
    table = np.array(rows, dtype=np.float64)
    header = [i for i, line in enumerate(lines) if re.match(r"Data:\s+y\b", line)]
    if not header:
        raise ValueError("no line 'Data:   y   x'")
    numbers = [line.split() for line in lines[header[-1] + 1 :] if line.strip()]
    data = np.array(numbers, dtype=np.float64)
    predictors = data[:, 1] if data.shape[1] == 2 else data[:, 1:].T
    return Problem(table[:, :2].T, table[:, 2], table[:, 3], data[:, 0], predictors)


def digits(value: Floats, certified: Floats) -> float:
    """Return the number of correct digits of the worst entry, 0 to 11; NaN counts as 0."""
    error = float(np.max(np.abs(value - certified) / np.abs(certified)))
    if not math.isfinite(error):
        return 0.0
    return round(min(CERTIFIED_DIGITS, max(0.0, -math.log10(max(error, 1e-300)))), 2)


def fit_problem(name: str, problem: Problem) -> dict[str, dict[str, object]]:
    """Fit a problem from both starts, as two lanes."""
    model, count = MODELS[name]
    if len(problem.parameters) != count:
        raise ValueError(f"{len(problem.parameters)} parameters, the model has {count}")
    y = np.log(problem.response) if name in LOGARITHMIC_RESPONSE else problem.response

    def residuals(parameters: Floats) -> Floats:
        return np.stack([model(row, problem.predictors) - y for row in parameters])

    fit = fit_least_squares(residuals, problem.starts, max_iterations=MAX_ITERATIONS)
    return {
        f"start{lane + 1}": {
            "digits_parameters": digits(fit.parameters[lane], problem.parameters),
            "digits_errors": digits(fit.standard_errors[lane], problem.deviations),
            "status": str(fit.status[lane]),
            "iterations": int(fit.iterations[lane]),
        }
        for lane in range(2)
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="NIST StRD nonlinear problems.")
    parser.add_argument("folder", type=Path, help="folder of .dat files")
    folder = parser.parse_args(arguments).folder
    results: dict[str, object] = {}
    unsupported: dict[str, str] = {}
    passed = True
    print(f"{'file':14s} {'start':6s} {'parameters':>10s} {'errors':>7s} {'steps':>6s} status", file=sys.stderr)
    for path in sorted(folder.glob("*.dat")):
        name = path.stem.lower()
        if name not in MODELS:
            unsupported[path.name] = "no model of this name"
            continue
        try:
            result = fit_problem(name, read_problem(path))
        except (ValueError, IndexError) as error:
            unsupported[path.name] = str(error)
            continue
        results[path.name] = result
        for start, row in result.items():
            passed &= float(str(row["digits_parameters"])) >= WANTED_DIGITS
            print(
                f"{path.name:14s} {start:6s} {row['digits_parameters']!s:>10s} {row['digits_errors']!s:>7s} "
                f"{row['iterations']!s:>6s} {row['status']}",
                file=sys.stderr,
            )
    for name, reason in unsupported.items():
        print(f"{name:14s} unsupported: {reason}", file=sys.stderr)
    if unsupported:
        results["unsupported"] = unsupported
    print(json.dumps(results))
    return 0 if passed and len(results) > bool(unsupported) else 1


if __name__ == "__main__":
    sys.exit(main())
