"""The result: which rows a limit keeps, and what the fingerprint tells apart."""

import numpy as np
import pytest

from clusterart_jax.data import Pictures, load
from clusterart_jax.data._pictures import chosen_rows


@pytest.mark.parametrize(("n", "limit"), [(10, 1), (10, 3), (1797, 100), (7, 7), (100_003, 99_999)])
def test_one_row_out_of_each_equal_stretch(n, limit):
    rows = chosen_rows(n, limit)
    edges = np.arange(limit + 1) * n // limit
    assert len(rows) == limit
    assert (edges[:-1] <= rows).all()
    assert (rows < edges[1:]).all()
    np.testing.assert_array_equal(rows, chosen_rows(n, limit))


@pytest.mark.parametrize("limit", [None, 5, 6])
def test_no_limit_that_binds_keeps_all_rows(limit):
    np.testing.assert_array_equal(chosen_rows(5, limit), np.arange(5))


def test_subjects_that_come_in_turns_are_all_kept():
    # Every tenth row of such a set would be of one subject only.
    subjects = np.arange(1000) % 10
    counts = np.bincount(subjects[chosen_rows(1000, 100)], minlength=10)
    assert counts.min() >= 5


def test_subjects_that_come_in_a_row_are_all_kept():
    subjects = np.repeat(np.arange(10), 100)
    assert set(np.bincount(subjects[chosen_rows(1000, 20)])) == {2}


def test_the_fingerprint_follows_values_and_shape():
    def of(images):
        return Pictures(images, None, (), "array").fingerprint

    images = np.arange(48, dtype=np.uint8).reshape(2, 4, 2, 3)
    changed = images.copy()
    changed[1, 3, 1, 2] ^= 1
    assert of(images) == of(images.copy())
    assert of(np.asfortranarray(images)) == of(images)
    assert len({of(images), of(changed), of(images.reshape(2, 2, 4, 3)), of(images[::-1])}) == 4
    assert len(of(images)) == 64


def test_pictures_compare_and_print_without_their_values():
    pictures = load("digits", limit=5)
    assert pictures != load("digits", limit=5)
    assert repr(pictures) == "<Pictures: 5 of 8×8×1 from 'digits'>"
