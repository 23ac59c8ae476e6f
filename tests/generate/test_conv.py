"""Both ways to convolve are one function; squares of pixels move to channels and back."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from clusterart_jax.generate import conv
from clusterart_jax.generate._conv import _native, _shifted, depth_to_space, space_to_depth


def by_hand(x, kernel, stride):
    """The sum that defines a convolution, in NumPy, one output pixel after the other."""
    reach = kernel.shape[0] // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    h, w = x.shape[1] // stride, x.shape[2] // stride
    out = np.zeros((len(x), h, w, kernel.shape[3]))
    for i in range(h):
        for j in range(w):
            rows = slice(i * stride, i * stride + kernel.shape[0])
            columns = slice(j * stride, j * stride + kernel.shape[1])
            out[:, i, j] = np.einsum("bhwc,hwco->bo", padded[:, rows, columns], kernel)
    return out


@pytest.mark.parametrize(
    ("shape", "size", "stride"),
    [
        ((2, 8, 8, 3), 3, 1),
        ((2, 8, 8, 3), 3, 2),
        ((1, 6, 10, 2), 3, 2),
        ((3, 5, 7, 1), 3, 1),
        ((2, 8, 6, 2), 5, 2),
        ((2, 4, 4, 3), 1, 1),
        ((1, 1, 1, 2), 3, 1),
        ((2, 6, 5, 6), 3, 1),  # more channels than come out: the product comes first
        ((2, 5, 7, 5), 5, 1),
        ((2, 4, 8, 6), 3, 2),
        ((2, 14, 15, 16), 3, 1),  # large, with many channels: derivatives of its own
        ((1, 13, 14, 17), 5, 1),
    ],
)
def test_both_ways_equal_the_sum_and_each_other_also_in_gradients(shape, size, stride):
    rng = np.random.default_rng(0)
    out = 18 if shape[3] >= 16 else 4
    x, kernel = rng.normal(size=shape), rng.normal(size=(size, size, shape[3], out))
    expected = by_hand(x, kernel, stride)
    cotangent = jnp.asarray(rng.normal(size=expected.shape))

    @jax.jit
    def all_ways(x, kernel):
        values, gradients = [], []
        for way in (_shifted, _native, conv):
            y, pull = jax.vjp(partial(way, stride=stride), x, kernel)
            values.append(y)
            gradients.append(pull(cotangent))
        return values, gradients

    values, gradients = all_ways(x, kernel)
    for y in values:
        np.testing.assert_allclose(y, expected, atol=1e-12)
    for other in gradients[1:]:
        for a, b in zip(gradients[0], other, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize(("channels", "stride"), [(2, 1), (6, 1), (2, 2), (16, 1)])
def test_second_derivatives_and_vmap_are_those_of_the_native_way(channels, stride):
    """Penalties on gradients need the first."""
    rng = np.random.default_rng(1)
    h, w, out = (12, 13, 17) if channels == 16 else (4, 6, 4)  # 16: derivatives of its own
    x, kernel = rng.normal(size=(3, 2, h, w, channels)), rng.normal(size=(3, 3, channels, out))

    def slopes(way, x, kernel):
        def steep(x, kernel):
            return jnp.sum(
                jax.grad(lambda x: jnp.sum(jnp.sin(way(x, kernel, stride=stride))))(x) ** 2
            )

        return jax.vmap(jax.grad(steep, (0, 1)), (0, None))(x, kernel)

    ours, native = (jax.jit(partial(slopes, way))(x, kernel) for way in (conv, _native))
    for a, b in zip(ours, native, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)


def test_it_is_the_same_inside_a_scan(key):
    x = jax.random.normal(key, (2, 8, 8, 2))
    kernel = jax.random.normal(key, (3, 3, 2, 2)) / 5

    @jax.jit
    def scanned(x):
        return lax.scan(lambda x, _: (conv(x, kernel), None), x, length=3)[0]

    expected = x
    for _ in range(3):
        expected = _native(expected, kernel, stride=1)
    np.testing.assert_allclose(scanned(x), expected, atol=1e-10)


def test_the_cpu_program_holds_no_convolution_and_the_gpu_program_does(key):
    """XLA's convolution is slow in a loop on CPU; slices are slow on a GPU."""
    x, kernel = jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 1))
    cpu, cuda = (
        jax.export.export(jax.jit(conv), platforms=[name])(x, kernel).mlir_module()
        for name in ("cpu", "cuda")
    )
    assert "stablehlo.convolution" not in cpu
    assert "stablehlo.convolution" in cuda


@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (1, 2, 2, 1)])
def test_space_to_depth_moves_each_square_to_a_pixel_and_back(shape):
    x = jnp.arange(np.prod(shape)).reshape(shape)
    deep = space_to_depth(x)
    assert deep.shape == (shape[0], shape[1] // 2, shape[2] // 2, 4 * shape[3])
    np.testing.assert_array_equal(deep[0, 0, 0], x[0, :2, :2].reshape(-1))
    np.testing.assert_array_equal(depth_to_space(deep), x)
