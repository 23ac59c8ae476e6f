import numpy as np
import pytest

from clusterart_jax.report import Number, Summary
from clusterart_jax.report._clusters import evenly, group
from clusterart_jax.report._palette import ink_on, palette, rgb
from clusterart_jax.report._plots import DARK, _spread, draw_curves, stretches
from clusterart_jax.report._words import clean, duration, flattened, number_text, percent


def test_clusters_are_in_order_of_size_and_pictures_in_order_of_distance():
    summary = Summary(
        images=np.zeros((6, 2, 2, 1), np.uint8),
        labels=np.array([2, 0, 2, -1, 2, 0]),
        distances=np.array([3.0, 5.0, np.nan, 0.0, 1.0, 4.0]),
        true_labels=np.array([1, 0, 1, 0, 0, 0]),
        true_names=["cat", "dog"],
    )
    first, second, third = group(summary)
    assert [c.number for c in (first, second, third)] == [2, 0, 1]
    assert first.rows.tolist() == [4, 0, 2]  # an unknown distance comes last
    assert second.rows.tolist() == [5, 1]
    assert third.rows.tolist() == []
    assert (first.share, first.median_distance, second.median_distance) == (0.5, 2.0, 4.5)
    assert np.isnan(third.median_distance)
    assert first.common == ("dog", 2 / 3)
    assert (second.common, third.common) == (("cat", 1.0), None)
    assert len({first.color, second.color, third.color}) == 3


def test_without_distances_pictures_stay_as_they_came():
    summary = Summary(images=np.zeros((4, 2, 2, 1), np.uint8), labels=np.array([0, 1, 0, 0]))
    assert group(summary)[0].rows.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ({"labels": np.zeros(3, int)}, "labels"),
        ({"labels": np.zeros(40)}, "integers"),
        ({"images": np.zeros((40, 8, 8), np.uint8)}, "images"),
        ({"images": np.zeros((0, 8, 8, 1), np.uint8), "labels": np.zeros(0, int)}, "at least one"),
        ({"names": ["a"]}, "names"),
        ({"points": np.zeros((39, 2))}, "points"),
        ({"distances": np.zeros((40, 1))}, "distances"),
        ({"true_labels": np.zeros(40)}, "true_labels"),
        ({"samples": np.zeros((2, 5, 8, 8, 1), np.uint8)}, "samples has 2 clusters"),
        ({"centers": np.zeros((2, 4))}, "centers"),
        ({"walks": np.zeros((2, 6, 8, 8, 1))}, "walks"),
        ({"walk_names": ["a"]}, "walk_names"),
        (
            {"reconstructions": (np.zeros((2, 8, 8, 1), np.uint8), np.zeros((2, 8, 8, 1)))},
            "reconst",
        ),
        ({"neighbors": (*[np.zeros((2, 8, 8, 1), np.uint8)] * 2, np.zeros(3))}, "neighbors"),
    ],
)
def test_shapes_that_do_not_belong_together_are_refused(make, parts, word):
    with pytest.raises(ValueError, match=word):
        make(**parts)


def test_colours_are_distinct_readable_and_the_same_whatever_k():
    colors = palette(200)
    assert palette(20) == colors[:20]
    assert len(set(colors)) > 150
    values = np.array([rgb(c) for c in colors[:20]], int)
    apart = np.abs(values[:, None] - values[None]).sum(axis=2) + 999 * np.eye(20, dtype=int)
    assert apart.min() > 60
    for color in colors[:20]:
        lightness = float((rgb(color) / 255) ** 2.2 @ [0.2126, 0.7152, 0.0722])
        assert 1.05 / (lightness + 0.05) > 1.5  # seen on white
        assert (lightness + 0.05) / 0.06 > 1.5  # and on near-black
    assert (ink_on("#ffff00"), ink_on("#000080")) == ("#000000", "#ffffff")


@pytest.mark.parametrize(("n", "most"), [(0, 5), (1, 5), (5, 5), (6, 5), (60000, 5000), (7, 3)])
def test_even_subsample(n, most):
    rows = evenly(n, most)
    assert len(rows) == min(n, most)
    assert (rows >= 0).all()
    assert (rows < max(n, 1)).all()
    steps = np.diff(rows)
    assert len(steps) == 0 or steps.max() - steps.min() <= 1


def test_long_curves_become_means_and_gaps_stay_gaps():
    steps, curve = stretches(np.array([1.0, 3.0, np.nan, np.nan, 5.0, np.nan]), most=3)
    assert steps.tolist() == [1.5, 3.5, 5.5]
    np.testing.assert_array_equal(curve, [2.0, np.nan, 5.0])
    assert [len(x) for x in stretches(np.zeros(0))] == [0, 0]
    assert stretches(np.zeros(12345))[1].shape == (1000,)


def test_losses_that_are_none_or_few_are_drawn():
    few = {
        "$\\frac$\udc80": np.full(5, np.nan),
        "b": np.ones(1),
        "c": np.r_[np.inf, 1e6, 1],
        "d": np.ones(0),
    }
    plot = draw_curves(few, DARK)
    assert plot.shape == (4 * 520, 1100, 3)
    assert plot[0, 0].tolist() == rgb(DARK.paper).tolist()
    drawn = (plot == rgb(DARK.curve)).all(axis=2).reshape(4, 520, 1100).any(axis=(1, 2))
    assert drawn.tolist() == [False, True, True, False]


def test_thumbnails_keep_their_distance():
    pixels = np.array([[0.0, 0], [1, 0], [10, 0], [10, 9], [30, 0]])
    assert _spread(pixels, apart=10, most=9) == [0, 2, 4]
    assert _spread(pixels, apart=10, most=2) == [0, 2]


def test_values_as_words():
    values = [
        None,
        "",
        float("nan"),
        float("inf"),
        1234567,
        1234.5,
        0.00001234,
        True,
        np.float32(2),
    ]
    assert [number_text(v) for v in values] == [
        "not available",
        "not available",
        "not available",
        "+infinite",
        "1,234,567",
        "1,234",
        "1.23e-05",
        "yes",
        "2",
    ]
    assert [percent(x) for x in (0, 0.0001, 0.5)] == ["0.0%", "< 0.1%", "50.0%"]
    assert duration(float("nan")) == "not available"
    assert flattened({"a": {"b": {"c": 1}, "d": None}, "e": {}, "f": "x"}) == [
        ("a.b.c", "1"),
        ("a.d", "null"),
        ("e", "{}"),
        ("f", "x"),
    ]
    assert clean("é\u202egnp.exe\n\udc80") == "é\\u202egnp.exe\\n\\udc80"
    assert Number("n", 1) == ("n", 1, "", "")
