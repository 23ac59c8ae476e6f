"""InceptionV3 block by block beside a NumPy network with random weights, and its resizing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.features import network
from clusterart_jax.features._inception import STAGES, inception
from clusterart_jax.features._layers import bilinear, fold, shapes_of

SIDE = 107  # the least but for one at which the last maps are larger than a pixel


class Reference:
    """The network of pytorch-fid in NumPy, channels first; makes random weights as it goes."""

    def __init__(self):
        self.rng, self.state = np.random.default_rng(0), {}

    def unit(self, x, name, width, size, stride=1, pad=0):
        size, pad = ((a, a) if isinstance(a, int) else a for a in (size, pad))
        shape = (width, x.shape[1], *size)
        if f"{name}.conv.weight" not in self.state:
            scale = np.sqrt(2 / np.prod(shape[1:]))
            numbers = {
                "conv.weight": self.rng.normal(scale=scale, size=shape),
                "bn.weight": self.rng.uniform(0.8, 1.2, width),
                "bn.bias": self.rng.normal(scale=0.1, size=width),
                "bn.running_mean": self.rng.normal(scale=0.1, size=width),
                "bn.running_var": self.rng.uniform(0.5, 1.5, width),
            }
            self.state |= {f"{name}.{k}": np.float32(v) for k, v in numbers.items()}
        w, gamma, beta, mean, var = (
            self.state[f"{name}.{k}"].astype(np.float64)
            for k in ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")
        )
        x = np.pad(x, ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2))
        high, wide = ((x.shape[2 + i] - size[i]) // stride + 1 for i in (0, 1))
        out = 0
        for i in range(size[0]):
            for j in range(size[1]):
                part = x[:, :, i : i + stride * high : stride, j : j + stride * wide : stride]
                part = part[:, :, :high, :wide]
                out = out + np.tensordot(w[:, :, i, j], part, axes=(1, 1)).transpose(1, 0, 2, 3)
        gamma, beta, mean, var = (a[None, :, None, None] for a in (gamma, beta, mean, var))
        return np.maximum((out - mean) / np.sqrt(var + 0.001) * gamma + beta, 0)

    @staticmethod
    def pool(x, stride, pad, kind):
        fill = {"max": -np.inf, "mean": np.nan}[kind]
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=fill)
        parts = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
        parts = parts[:, :, ::stride, ::stride]
        return (np.max if kind == "max" else np.nanmean)(parts, axis=(4, 5))

    def stem(self, x):
        x = self.unit(x, "Conv2d_1a_3x3", 32, 3, stride=2)
        x = self.unit(x, "Conv2d_2a_3x3", 32, 3)
        x = self.unit(x, "Conv2d_2b_3x3", 64, 3, pad=1)
        x = self.pool(x, 2, 0, "max")
        x = self.unit(x, "Conv2d_3b_1x1", 80, 1)
        x = self.unit(x, "Conv2d_4a_3x3", 192, 3)
        return self.pool(x, 2, 0, "max")

    def a(self, x, name, pooled):
        one = self.unit(x, f"{name}.branch1x1", 64, 1)
        five = self.unit(x, f"{name}.branch5x5_1", 48, 1)
        five = self.unit(five, f"{name}.branch5x5_2", 64, 5, pad=2)
        three = self.unit(x, f"{name}.branch3x3dbl_1", 64, 1)
        three = self.unit(three, f"{name}.branch3x3dbl_2", 96, 3, pad=1)
        three = self.unit(three, f"{name}.branch3x3dbl_3", 96, 3, pad=1)
        mean = self.unit(self.pool(x, 1, 1, "mean"), f"{name}.branch_pool", pooled, 1)
        return np.concatenate([one, five, three, mean], axis=1)

    def b(self, x, name):
        three = self.unit(x, f"{name}.branch3x3", 384, 3, stride=2)
        double = self.unit(x, f"{name}.branch3x3dbl_1", 64, 1)
        double = self.unit(double, f"{name}.branch3x3dbl_2", 96, 3, pad=1)
        double = self.unit(double, f"{name}.branch3x3dbl_3", 96, 3, stride=2)
        return np.concatenate([three, double, self.pool(x, 2, 0, "max")], axis=1)

    def c(self, x, name, width):
        along, down = {"size": (1, 7), "pad": (0, 3)}, {"size": (7, 1), "pad": (3, 0)}
        one = self.unit(x, f"{name}.branch1x1", 192, 1)
        seven = self.unit(x, f"{name}.branch7x7_1", width, 1)
        seven = self.unit(seven, f"{name}.branch7x7_2", width, **along)
        seven = self.unit(seven, f"{name}.branch7x7_3", 192, **down)
        double = self.unit(x, f"{name}.branch7x7dbl_1", width, 1)
        double = self.unit(double, f"{name}.branch7x7dbl_2", width, **down)
        double = self.unit(double, f"{name}.branch7x7dbl_3", width, **along)
        double = self.unit(double, f"{name}.branch7x7dbl_4", width, **down)
        double = self.unit(double, f"{name}.branch7x7dbl_5", 192, **along)
        mean = self.unit(self.pool(x, 1, 1, "mean"), f"{name}.branch_pool", 192, 1)
        return np.concatenate([one, seven, double, mean], axis=1)

    def d(self, x, name):
        three = self.unit(x, f"{name}.branch3x3_1", 192, 1)
        three = self.unit(three, f"{name}.branch3x3_2", 320, 3, stride=2)
        seven = self.unit(x, f"{name}.branch7x7x3_1", 192, 1)
        seven = self.unit(seven, f"{name}.branch7x7x3_2", 192, (1, 7), pad=(0, 3))
        seven = self.unit(seven, f"{name}.branch7x7x3_3", 192, (7, 1), pad=(3, 0))
        seven = self.unit(seven, f"{name}.branch7x7x3_4", 192, 3, stride=2)
        return np.concatenate([three, seven, self.pool(x, 2, 0, "max")], axis=1)

    def e(self, x, name, kind):
        along, down = {"size": (1, 3), "pad": (0, 1)}, {"size": (3, 1), "pad": (1, 0)}
        one = self.unit(x, f"{name}.branch1x1", 320, 1)
        three = self.unit(x, f"{name}.branch3x3_1", 384, 1)
        left = self.unit(three, f"{name}.branch3x3_2a", 384, **along)
        right = self.unit(three, f"{name}.branch3x3_2b", 384, **down)
        double = self.unit(x, f"{name}.branch3x3dbl_1", 448, 1)
        double = self.unit(double, f"{name}.branch3x3dbl_2", 384, 3, pad=1)
        double_left = self.unit(double, f"{name}.branch3x3dbl_3a", 384, **along)
        double_right = self.unit(double, f"{name}.branch3x3dbl_3b", 384, **down)
        pooled = self.unit(self.pool(x, 1, 1, kind), f"{name}.branch_pool", 192, 1)
        parts = [one, left, right, double_left, double_right, pooled]
        return np.concatenate(parts, axis=1)

    def stages(self, x):
        """The input and the output of each block."""
        blocks = [
            self.stem,
            *(
                lambda x, n=n, p=p: self.a(x, f"Mixed_5{n}", p)
                for n, p in zip("bcd", (32, 64, 64), strict=True)
            ),
            lambda x: self.b(x, "Mixed_6a"),
            *(
                lambda x, n=n, w=w: self.c(x, f"Mixed_6{n}", w)
                for n, w in zip("bcde", (128, 160, 160, 192), strict=True)
            ),
            lambda x: self.d(x, "Mixed_7a"),
            lambda x: self.e(x, "Mixed_7b", "mean"),
            lambda x: self.e(x, "Mixed_7c", "max"),
        ]
        for block in blocks:
            before, x = x, block(x)
            yield before, x


@pytest.fixture(scope="module")
def reference():
    """Inputs and outputs of all blocks, and the weights as pytorch-fid names them."""
    network = Reference()
    pictures = np.random.default_rng(1).uniform(-1, 1, (2, 3, SIDE, SIDE))
    stages = list(network.stages(pictures))
    rng = np.random.default_rng(2)
    network.state["fc.weight"] = np.float32(rng.normal(scale=0.02, size=(1008, 2048)))
    network.state["fc.bias"] = np.float32(rng.normal(size=1008))
    return stages, network.state


def last(x):
    return np.asarray(x).transpose(0, 2, 3, 1)


def test_every_block(reference):
    stages, state = reference
    weights = fold(state, inception, SIDE, "random weights")
    inputs = [jnp.asarray(last(before), jnp.float32) for before, _ in stages]

    @jax.jit
    def run(weights, inputs):
        def take(name, norm, shape):
            return weights[name]

        return [stage(take, x) for stage, x in zip(STAGES, inputs, strict=True)]

    for number, (ours, (_, after)) in enumerate(zip(run(weights, inputs), stages, strict=True)):
        assert ours.shape == last(after).shape
        scale = np.abs(after).max()
        assert 0.1 < scale < 100, "no numbers to compare"
        np.testing.assert_allclose(ours, last(after), atol=1e-5 * scale, err_msg=f"block {number}")
    assert stages[-1][1].shape == (2, 2048, 2, 2)


def test_features_and_logits(reference):
    stages, state = reference
    weights = fold(state, inception, SIDE, "random weights")
    run = jax.jit(lambda weights, x: inception(lambda name, norm, shape: weights[name], x))
    features, logits = run(weights, jnp.asarray(last(stages[0][0]), jnp.float32))
    expected = stages[-1][1].mean(axis=(2, 3))
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4 * expected.max())
    unbiased = expected @ state["fc.weight"].T
    np.testing.assert_allclose(logits, unbiased, atol=1e-4 * np.abs(unbiased).max())


def test_every_tensor_is_used(reference):
    _, state = reference
    used = shapes_of(inception, SIDE)
    assert len(used) == 95
    known = {name.rsplit(".", 1)[0] for name in state}
    assert known == set(used) | {norm for norm, _ in used.values() if norm}
    assert sum(np.prod(shape) for _, shape in used.values()) == sum(
        state[f"{name}.weight"].size for name in used
    )


def test_average_pools_leave_out_padding_and_the_last_takes_maxima(reference):
    """The quirks are seen by these tests: with the others, blocks differ."""
    stages, state = reference
    kinds = Reference()
    kinds.state = state
    for index, wrong in ((10, "max"), (11, "mean")):
        before, after = stages[index]
        other = kinds.e(before, f"Mixed_7{'bc'[index - 10]}", wrong)
        assert np.abs(other - after).max() > 0.01 * np.abs(after).max()


@pytest.mark.parametrize(("h", "w"), [(32, 32), (400, 299), (2, 3)])
@pytest.mark.parametrize("half_pixels", [True, False])
def test_bilinear(h, w, half_pixels):
    images = np.random.default_rng(0).integers(0, 256, (2, h, w, 3), dtype=np.uint8)
    ours = bilinear(jnp.asarray(images), 299, half_pixels=half_pixels)
    shift = 0.5 if half_pixels else 0
    for _ in range(200):
        rng = np.random.default_rng(_)
        i, j = rng.integers(0, 299, 2)
        y, x = (max((a + shift) * side / 299 - shift, 0) for a, side in ((i, h), (j, w)))
        top, left = int(y), int(x)
        down, right = min(top + 1, h - 1), min(left + 1, w - 1)
        dy, dx = y - top, x - left
        corners = images.astype(float)
        expected = (corners[:, top, left] * (1 - dx) + corners[:, top, right] * dx) * (1 - dy) + (
            corners[:, down, left] * (1 - dx) + corners[:, down, right] * dx
        ) * dy
        np.testing.assert_allclose(ours[:, i, j], expected, atol=0.02)


def test_weights_of_another_network(save, reference):
    _, state = reference
    with pytest.raises(ConfigError, match="'inception-v3' needs weights=PATH of pt_inception-2015"):
        network("inception-v3")
    few = {name: state[name] for name in list(state)[:40]}
    with pytest.raises(DataError, match=r"weights.pth is no inception-v3: it has no tensor \w+"):
        network("inception-v3", weights=save(few))
    other = few | {"Conv2d_1a_3x3.conv.weight": np.zeros((32, 3, 5, 5), np.float32)}
    message = r"Conv2d_1a_3x3.conv.weight has shape \(32, 3, 5, 5\), not \(32, 3, 3, 3\)"
    with pytest.raises(DataError, match=message):
        network("inception-v3-clean", weights=save(other))
