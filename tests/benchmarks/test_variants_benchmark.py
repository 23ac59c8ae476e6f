"""Mini-batch and bisecting k-means beside scikit-learn's, at tiny sizes."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import variants
from benchmarks.harness import run_case
from benchmarks.kmeans import Problem


@pytest.mark.parametrize("name", ["mini-batch/blobs-k128", "bisecting/photographs-k16"])
def test_both_find_as_good_clusters(name, blobs, plain_jax):
    (case,) = (case for case in variants.cases() if case.name == name)
    x = blobs.astype(np.float32)
    result = run_case(replace(case, load=lambda: Problem(x, x[:3])), 1, min_s=0.001)
    ours, peer = result.contenders
    assert (ours.status, peer.status) == ("ok", "ok"), ours.reason + peer.reason
    assert ours.loss_ratio == pytest.approx(1, abs=0.1)
