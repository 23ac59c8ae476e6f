import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax._errors import ConfigError
from clusterart_jax.condition import encode, mix


def test_codes_by_hand():
    codes, mask = encode(jnp.array([2, -1, 0, 2]), 4)
    expected = [[0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]]
    assert codes.tolist() == expected
    assert mask.tolist() == [True, False, True, False]
    assert codes.dtype == jnp.float32


@pytest.mark.parametrize("label", [-2, 3, 44 + 256])
def test_labels_outside_are_noise(label):
    assert not encode(jnp.array([label]), 3).codes.any()


def test_narrow_labels_do_not_wrap():
    codes = encode(np.array([44], np.uint8), 301).codes
    assert np.flatnonzero(codes[0]).tolist() == [44]


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, list])
def test_labels_of_any_whole_type(kind):
    labels = [0, 1, 1] if kind is list else np.array([0, 1, 1], kind)
    assert encode(labels, 2).codes.tolist() == [[1, 0], [0, 1], [0, 1]]


def test_traced_labels():
    labels = jnp.array([[0, 1], [1, -1]])
    batched = jax.jit(jax.vmap(lambda labels: encode(labels, 2)))(labels)
    assert batched.codes.tolist() == [[[1, 0], [0, 1]], [[0, 1], [0, 0]]]
    assert batched.mask.tolist() == [[True, True], [False, True]]


@pytest.mark.parametrize(
    ("labels", "width", "error", "text"),
    [
        ([0.5], 2, TypeError, "labels must be whole numbers"),
        ([[0]], 2, TypeError, "labels must be whole numbers"),
        ([0], 0, ValueError, "max_clusters must be at least 1, not 0"),
        ([0], 2.0, TypeError, "max_clusters must be a whole number"),
    ],
)
def test_bad_labels(labels, width, error, text):
    with pytest.raises(error, match=text):
        encode(jnp.array(labels), width)


def test_noise_has_a_code_of_its_own_where_asked():
    codes, mask = encode(jnp.array([2, -1, 0, 7]), 3, noise=True)
    assert codes.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1]]
    assert mask.tolist() == [True, False, True, True]
    np.testing.assert_array_equal(mix({-1: 2.0}, 3, noise=True), codes[1])
    assert mix({-1: 1.0, 0: 1.0}, 3, noise=True).tolist() == [0.5, 0, 0, 0.5]
    everything = encode(jnp.array([-1, -1]), 2, noise=True)
    assert everything.mask.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("mask", "cluster", "text"),
    [
        ([True, True, False, True], 2, "cluster 2 does not exist; there are 2 clusters: 0…1"),
        ([True, False, True, True], 1, "cluster 1 does not exist; there are 2 clusters: 0, 2"),
        ([False, True, False, True], 0, "cluster 0 does not exist; there is only cluster 1"),
        ([False, False, False, True], 0, "cluster 0 does not exist; there are no clusters"),
        ([True, True, True, False], -1, "there is no noise; there are 3 clusters: 0…2"),
        ([True, True, True, True], -2, "cluster -2 does not exist"),
        ([True, True, True, True], 3, "cluster 3 does not exist"),
    ],
)
def test_only_what_exists_can_be_asked_for(mask, cluster, text):
    with pytest.raises(ConfigError, match=text):
        mix({cluster: 1.0}, 3, noise=True, mask=mask)


def test_mix_by_hand():
    code = mix({1: 1.0, 3: 3.0}, 5)
    assert code.tolist() == [0, 0.25, 0, 0.75, 0]
    assert code.dtype == jnp.float32
    assert mix({0: 1e300}, 2).tolist() == [1, 0], "any finite share is a share"


def test_mix_of_one_is_its_code():
    assert mix({2: 7.0}, 4).tolist() == encode(jnp.array([2]), 4).codes[0].tolist()


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ({5: 1.0}, "cluster 5 does not exist; there are 3 clusters: 0…2"),
        ({-1: 1.0}, "there is no noise; there are 3 clusters: 0…2"),
        ({0: -1.0}, "share of cluster 0 must be a number ≥ 0, not -1.0"),
        ({0: float("nan")}, "not nan"),
        ({0: float("inf")}, "not inf"),
        ({0: 0.0}, "at least one share above 0"),
        ({}, "at least one share above 0"),
    ],
)
def test_bad_mixtures(shares, text):
    with pytest.raises(ConfigError, match=text):
        mix(shares, 3)
