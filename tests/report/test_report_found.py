"""Trees and radii: laid out by hand and as SciPy has them, drawn, and set into the page."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import dendrogram, linkage

from clusterart_jax.report import (
    CondensedTree,
    Dendrogram,
    Radius,
    Summary,
    write_figures,
    write_sheets,
)
from clusterart_jax.report._html import render
from clusterart_jax.report._merges import MIXED, condensed, top_of_tree

RNG = np.random.default_rng(0)
POINTS = np.concatenate([RNG.normal(size=(14, 2)), RNG.normal(size=(26, 2)) + 9])
LABELS = np.repeat([1, 0], [14, 26])


@pytest.mark.parametrize("method", ["ward", "single", "average"])
def test_a_whole_tree_is_scipys(method):
    z = linkage(POINTS, method)
    top = top_of_tree(z, LABELS, 40)
    theirs = dendrogram(z, no_plot=True)
    heights = sorted(max(bar.corners[1]) for bar in top.bars)
    np.testing.assert_allclose(heights, z[:, 2])
    mine = {tuple(np.round(bar.corners[1], 9)) for bar in top.bars}
    sides = [[*sorted([d[0], d[3]]), d[1]] for d in theirs["dcoord"]]
    assert {(*sorted([m[0], m[3]]), m[1]) for m in mine} == {tuple(np.round(s, 9)) for s in sides}
    assert sorted(int(leaf.rows[0]) for leaf in top.leaves) == list(range(40))


def test_the_top_of_a_tree():
    z = linkage(POINTS, "ward")
    top = top_of_tree(z, LABELS, 5)
    assert len(top.leaves) == 5
    assert len(top.bars) == 4
    assert sorted(np.concatenate([leaf.rows for leaf in top.leaves]).tolist()) == list(range(40))
    assert [leaf.cluster for leaf in top.leaves] == sorted(
        [leaf.cluster for leaf in top.leaves], reverse=top.leaves[0].cluster == 1
    )
    assert top.bars[-1].cluster == MIXED
    assert sorted(top.bars[-1].below) == [0, 1]
    mixed = top_of_tree(z, np.arange(40) % 2, 3)
    assert {leaf.cluster for leaf in mixed.leaves} == {MIXED}
    assert top_of_tree(z[:0], LABELS[:1], 5).bars == []


def test_a_condensed_tree_by_hand():
    """Rows 0-2 and 3-5 are two groups, 6 is far off; 2 leaves its group early."""
    z = np.array(
        [
            [0, 1, 1.0, 2],
            [3, 4, 1.0, 2],
            [5, 8, 1.5, 3],
            [2, 7, 2.0, 3],
            [9, 10, 5.0, 6],
            [6, 11, 10.0, 7],
        ]
    )
    root, one, two = condensed(z, 2, np.array([0, 0, -1, 1, 1, 1, -1]))
    assert (root.cluster, root.chosen, root.middle) == (-1, False, 3.5)
    np.testing.assert_allclose(root.distance, [10.5, 10, 5])
    assert root.width.tolist() == [7, 6, 6]
    assert {one.cluster, two.cluster} == {0, 1}
    first = one if one.cluster == 0 else two
    np.testing.assert_allclose(first.distance, [5, 2, 1, 1])
    assert first.width.tolist() == [3, 2, 0, 0]
    assert first.chosen
    assert abs(one.middle - two.middle) == 3
    assert one.middle + two.middle == 7


def test_a_cluster_holds_those_inside_it():
    z = linkage(np.array([0, 1, 10, 11, 40, 41.0])[:, None], "single")
    parts = condensed(z, 2, np.array([0, 0, 0, 0, 1, 1]))
    assert sorted((part.cluster, part.chosen) for part in parts) == [
        (-1, False),
        (0, False),
        (0, False),
        (0, True),
        (1, True),
    ]


def test_copies_have_no_height():
    z = linkage(np.zeros((6, 1)), "single")
    (root,) = condensed(z, 5, np.zeros(6, int))
    assert np.isfinite(root.distance).all()
    assert (root.distance > 0).all()


TREE = linkage(POINTS, "single")
KINDS = [
    (Dendrogram(linkage(POINTS, "ward")), "How they merge"),
    (CondensedTree(TREE, 5), "The tree of clusters"),
    (Radius(np.sort(RNG.random(40)), 0.7, 5), "The radius"),
]


@pytest.mark.parametrize(("found", "title"), KINDS, ids=[title for _, title in KINDS])
def test_what_was_found_is_drawn_in_the_page_and_beside_it(make, tmp_path, found, title):
    labels = LABELS.copy()
    labels[:4] = -1
    summary = make(n=40, k=2, labels=labels, found=found, probabilities=RNG.random(40))
    page = render(summary)
    assert f"<h2>{title}</h2>" in page
    assert page.count('href="#found"') == page.count('id="found"') == 1
    assert page.count('id="noise"') == 1
    assert "4 pictures fit no cluster (10.0%)" in page
    assert "median probability" in page
    assert any(path.name == "found.png" for path in write_figures(tmp_path, summary))
    assert render(summary) == page


@pytest.mark.parametrize("found", [None, Dendrogram(np.zeros((0, 4)))])
def test_where_there_is_nothing_to_draw(found):
    images = np.zeros((1 if found else 3, 8, 8, 1), np.uint8)
    page = render(Summary(images=images, labels=np.zeros(len(images), int), found=found))
    assert 'id="found"' not in page


def test_generated_noise_stands_beside_the_real(make):
    labels = np.arange(40) % 4 - 1
    images = RNG.integers(0, 256, (5, 8, 8, 1), np.uint8)
    page = render(make(labels=labels, noise_samples=images))
    assert "10 real pictures of noise" in page
    assert "5 generated pictures of noise" in page


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"found": Dendrogram(TREE[:3])}, r"found has a linkage of shape \(3, 4\); .* \(39, 4\)"),
        ({"probabilities": np.ones(3)}, "probabilities has shape"),
        ({"noise_samples": np.ones((1, 8, 8, 1))}, "noise_samples has shape"),
    ],
)
def test_parts_that_do_not_belong_together(make, parts, text):
    with pytest.raises(ValueError, match=text):
        make(**parts)


def test_a_sheet_of_each_cluster_that_has_pictures(make, tmp_path):
    labels = np.where(np.arange(40) % 2, 2, 0)
    paths = write_sheets(tmp_path / "sheets", make(labels=labels, k=3))
    assert [path.name for path in paths] == ["cluster-0.png", "cluster-2.png"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write to"):
        write_sheets(tmp_path / "file", make())
