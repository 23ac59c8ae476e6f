"""The plot of a choice of k: what is drawn, and that it is a picture."""

import io

import numpy as np
import pytest
from PIL import Image

from clusterart_jax.metrics import KChoice
from clusterart_jax.report import draw_choice

CHOICE = KChoice(
    ks=np.array([2, 3, 5, 8]),
    scores=np.array([0.3, 0.6, 0.5, 0.2]),
    errors=np.array([0.01, 0.02, 0.03, 0.04]),
    inertias=np.array([9.0, 4.0, 3.0, 2.5]),
    k=np.int32(3),
)


@pytest.mark.parametrize("method", ["silhouette", "elbow", "gap", "bic"])
def test_the_curve_and_the_mark(method):
    (axes,) = draw_choice(CHOICE, method).axes
    curve = CHOICE.inertias if method == "elbow" else CHOICE.scores
    drawn = [line.get_xydata() for line in axes.lines]
    assert any(np.array_equal(line, np.stack([CHOICE.ks, curve], 1)) for line in drawn)
    mark = drawn[-1]
    np.testing.assert_array_equal(mark, [[3, curve[1]]])
    assert [text.get_text() for text in axes.texts] == ["k = 3"]
    assert (len(axes.collections) == 1) == (method == "gap"), "error bars"


def test_it_is_a_picture():
    file = io.BytesIO()
    draw_choice(CHOICE, "gap").savefig(file, format="png")
    with Image.open(file) as image:
        assert np.ptp(np.asarray(image)[..., :3]) > 100


def test_unknown_method():
    with pytest.raises(ValueError, match="method must be one of silhouette, elbow, gap, bic"):
        draw_choice(CHOICE, "knee")
