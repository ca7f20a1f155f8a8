"""The same design on a cluster: a local Dask cluster of two worker processes gives the numbers of one process."""

from __future__ import annotations

import json

import pytest

from limus.workflows.request import json_value
from limus.workflows.trial_power import TrialPowerRequest, run

distributed = pytest.importorskip("distributed")


def numbers(**where: object) -> str:
    request = TrialPowerRequest(design="tacrolimus-everolimus", replicates=4, subjects=40, seed=2, **where)
    found = run(request).as_dict()
    return json.dumps(json_value({name: found[name] for name in ("power", "analyses")}), sort_keys=True)


def test_two_worker_processes_of_a_cluster_give_the_numbers_of_one_process() -> None:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        there = numbers(dask=cluster.scheduler_address)
    here = numbers(workers=1)
    assert there == here
