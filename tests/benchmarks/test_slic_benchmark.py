"""The superpixel cases at tiny sizes, and their losses by hand."""

from functools import partial

import numpy as np
import pytest

from benchmarks import slic
from benchmarks.harness import run_case

TRUTH = np.repeat([[0, 1]], 4, axis=1).repeat(4, axis=0)


def test_losses_by_hand():
    quarters = TRUTH + 2 * (np.arange(4) >= 2)[:, None]
    assert slic.boundary_recall(quarters, TRUTH) == 1
    assert slic.under_segmentation(quarters, TRUTH) == 0
    assert slic.boundary_recall(np.zeros((4, 8), int), TRUTH) == 0
    assert slic.under_segmentation(np.zeros((4, 8), int), TRUTH) == 1
    beside = (np.arange(8) >= 6)[None].repeat(4, axis=0).astype(int)
    assert slic.boundary_recall(beside, TRUTH) == 0.5  # column 4 of the border in 3 and 4
    assert slic.under_segmentation(beside, TRUTH) == 2 * 8 / 32


def test_scenes_have_their_regions():
    for made in (slic.mosaic, slic.blobs):
        image, truth = made(0, 60, 80, 6)
        assert image.shape == (60, 80, 3)
        assert image.dtype == np.uint8
        assert np.unique(truth).tolist() == list(range(6))
        assert np.array_equal(made(0, 60, 80, 6)[0], image)


def test_both_run(plain_jax):
    load = partial(slic.load_scenes, slic.blobs, 1, 60, 80, 5, 40)
    result = run_case(slic._case("slic/tiny", "blobs", load, slic.leaked), 2, min_s=0.001)
    assert result.status == "ok"
    for contender in result.contenders:
        assert contender.status == "ok", contender.reason
    ours, peer = result.contenders
    assert ours.loss < peer.loss


def test_the_peer_gives_as_many_as_we_do():
    from skimage.segmentation import slic as skimage_slic

    (scene,) = slic.load_scenes(slic.mosaic, 1, 120, 160, 8, 60)
    have = slic.slic(scene.image, 60).n_segments
    assert abs(skimage_slic(scene.image, scene.peer, start_label=0).max() + 1 - have) <= 0.15 * have


@pytest.mark.parametrize("quick", [True, False])
def test_cases_have_names_of_their_own(quick):
    names = [case.name for case in slic.cases(quick)]
    assert len(names) == len(set(names)) == (12 if quick else 15)
