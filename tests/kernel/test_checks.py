from __future__ import annotations

import pytest

from limus.kernel.checks import Check, Finding, Severity, raise_on_errors, run_checks
from limus.kernel.errors import InputError, ModelError


def finding(severity: Severity, where: str) -> Finding:
    return Finding("a-check", severity, where, "5", "1", "fix")


def test_findings_come_in_the_order_of_the_checks() -> None:
    first = Check("first", "is even", lambda n: [finding(Severity.ERROR, "x")] if n % 2 else [])
    second = Check("second", "is small", lambda n: [finding(Severity.NOTE, "y")] * (n > 2))
    assert run_checks(2, [first, second]) == ()
    assert [f.where for f in run_checks(3, [first, second])] == ["x", "y"]


def test_only_errors_stop_the_work() -> None:
    raise_on_errors([finding(Severity.WARNING, "w"), finding(Severity.NOTE, "n")])
    bad = [finding(Severity.WARNING, "w"), finding(Severity.ERROR, "e1"), finding(Severity.ERROR, "e2")]
    with pytest.raises(ModelError, match=r"e1 \[a-check\] \(1 more errors\): got '5'; allowed: 1; do: fix"):
        raise_on_errors(bad, ModelError)
    with pytest.raises(InputError):
        raise_on_errors(bad)


def test_a_finding_as_text_and_json() -> None:
    f = finding(Severity.ERROR, "here")
    assert f.message == "error [a-check] here; got: 5; allowed: 1; do: fix"
    assert f.as_dict()["severity"] == "error"
    assert Finding("c", Severity.NOTE, "w").message == "note [c] w"
