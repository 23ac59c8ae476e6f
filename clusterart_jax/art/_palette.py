"""The colours of a picture, of a folder, or of each of thousands of pictures."""

from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._checks import check_count, check_images, check_key
from .._errors import ConfigError, DataError
from .._typing import Array, ArrayLike, Bool, Float, Images, Int, KeyArray, UInt8
from ..cluster import kmeans
from ..features import oklab_to_srgb, srgb_to_oklab
from ._counts import (
    Counts,
    check_picture,
    counts_of,
    gathered,
    padded,
    pixel_weights,
    traced_counts,
)

AUTO = 12
"""Colours at most where their number is "auto"."""

_LEFT = 0.02  # share of the squared spread of colours that "auto" leaves unexplained
_SEEN = 0.02  # root mean squared OKLab distance below which more colours would hardly be seen
_APART = 0.05  # OKLab distance of the two nearest colours that "auto" takes


class Palette(NamedTuple):
    """Colours in the order of their shares, the largest first.

    Attributes:
      colors: (k, 3) sRGB in 0…1.
      shares: (k,) of the picture's area that is nearest to each colour; they sum to 1. A colour of
        share 0 is none: there were fewer.
      centers: (k, 3) the same colours in OKLab, unclipped: means of what is nearest to them.
      error: root mean squared OKLab distance of the picture's pixels to their colour.
      n_iter: iterations of k-means.
      converged: whether it stopped by itself.
    """

    colors: Float[Array, "k 3"]
    shares: Float[Array, " k"]
    centers: Float[Array, "k 3"]
    error: Float[Array, ""]
    n_iter: Int[Array, ""]
    converged: Bool[Array, ""]


def palette(
    key: KeyArray,
    image: UInt8[ArrayLike, "h w c"],
    k: int | str = "auto",
    *,
    sample_weight: Float[ArrayLike, "h w"] | None = None,
    n_init: int = 4,
) -> Palette:
    """The k colours that stand for a picture: k-means in OKLab, the largest share first.

    Pixels are counted once, on the host; k-means runs over distinct colours, or, of more than
    32,768, over the means of cubes of 4 levels a side: the cost is one sort of the pixels, and
    does not grow with the picture beyond that. A picture that is traced (under `jit` or `vmap`)
    is counted by XLA, in cubes of 8 levels where it has more than 32,768 pixels.

    "auto" takes the fewest colours, 1 to 12, that leave no more than 2 % of the squared spread of
    the picture's colours, or an error below 0.02, which hardly shows; and stops before two of them
    would be nearer to each other than 0.05, which makes one of them useless.

    Args:
      key: for the starts of k-means.
      image: `uint8` (h, w), (h, w, 1), (h, w, 3), or (h, w, 4), whose pixels weigh by their alpha.
      k: number of colours, or "auto". Static.
      sample_weight: (h, w) weights of pixels ≥ 0, such as a mask; alpha multiplies them.
      n_init: starts of k-means, of which the best is kept. Static.

    Returns:
      A `Palette` of k colours; of fewer where the picture has fewer, or "auto" takes fewer. Under
      `jit` and `vmap` shapes are fixed, and colours that are too many have share 0.

    Raises:
      ValueError: for another shape, or k that cannot be.
      TypeError: for another dtype.
      DataError: when no pixel is visible.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import palette
      >>> flag = np.zeros((30, 30, 3), np.uint8)
      >>> flag[:20] = (255, 0, 0)
      >>> found = palette(jax.random.key(0), flag, 2)
      >>> (255 * found.colors).round().astype(int).tolist()
      [[255, 0, 0], [0, 0, 0]]
      >>> [round(share, 2) for share in found.shares.tolist()]
      [0.67, 0.33]

    References:
      Ottosson, A perceptual color space for image processing, 2020,
      https://bottosson.github.io/posts/oklab/.
    """
    image = check_picture(image)
    weight: Any = sample_weight
    key, number, auto, n_init = _options(key, k, n_init)
    if isinstance(image, jax.core.Tracer) or isinstance(weight, jax.core.Tracer):
        rows, weights = traced_counts(jnp.asarray(image), weight)
        return _palette(key, rows, weights, k=number, auto=auto, n_init=n_init)
    pixels = np.asarray(image)
    counts = counts_of(pixels, pixel_weights(pixels, weight))
    return _of_counts(key, counts, number, auto, n_init)


def shared_palette(
    key: KeyArray,
    images: Iterable[UInt8[ArrayLike, "h w c"]],
    k: int | str = "auto",
    *,
    n_init: int = 4,
) -> Palette:
    """One palette for several pictures of any shapes; each counts the same, whatever its size.

    Pictures are read one after the other, so that a generator serves a folder of any length.

    Args:
      key: for the starts of k-means.
      images: pictures as for `palette`.
      k: number of colours, or "auto". Static.
      n_init: starts of k-means. Static.

    Returns:
      A `Palette`, as `palette` gives it.

    Raises:
      ValueError: for another shape, or k that cannot be.
      TypeError: for another dtype.
      DataError: when there is no picture, or no visible pixel.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import shared_palette
      >>> black, white = np.zeros((9, 9), np.uint8), np.full((20, 30), 255, np.uint8)
      >>> shared_palette(jax.random.key(0), [black, white], 2).shares.tolist()
      [0.5, 0.5]
    """
    key, number, auto, n_init = _options(key, k, n_init)
    sum_ = None
    for image in images:
        one = counts_of(np.asarray(check_picture(image, "images")))
        one = Counts(one.colors, one.weights / max(one.weights.sum(), 1e-30))
        sum_ = one if sum_ is None else gathered([sum_, one])
    if sum_ is None:
        raise DataError("images: there are none")
    return _of_counts(key, sum_, number, auto, n_init)


def palettes(key: KeyArray, images: Images, k: int | str = "auto", *, n_init: int = 1) -> Palette:
    """A palette of each of many pictures of one shape, in one compiled call.

    The same as `palette` under `vmap`, but some pictures at a time, so that memory is bounded: on
    a CPU they follow each other, elsewhere 64 run side by side.

    Args:
      key: for the starts of k-means; each picture has its own.
      images: `uint8` (n, h, w, c), c = 1, 3 or 4.
      k: number of colours, or "auto". Static.
      n_init: starts of k-means. Static.

    Returns:
      A `Palette` with a leading axis n; colours that are too many have share 0.

    Raises:
      ValueError: for another shape, or k that cannot be.
      TypeError: for another dtype.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import palettes
      >>> greys = np.repeat(np.uint8([[0, 100, 200]]).T, 16 * 16).reshape(3, 16, 16, 1)
      >>> (255 * palettes(jax.random.key(0), greys, 1).colors[:, 0, 0]).round().tolist()
      [0.0, 100.0, 200.0]
    """
    images = check_images(images)
    if images.shape[3] not in (1, 3, 4):
        raise ValueError(f"images must have 1, 3 or 4 channels, not shape {images.shape}")
    _options(key, k, n_init)
    return _palettes(check_key(key), images, k=k, n_init=n_init)


@partial(jax.jit, static_argnames=("k", "n_init"))
def _palettes(key: KeyArray, images: Array, *, k: int | str, n_init: int) -> Palette:
    keys = jax.random.split(key, len(images))
    size = 1 if jax.default_backend() == "cpu" else 64

    def one(pair: tuple[Array, Array]) -> Palette:
        return palette(pair[0], pair[1], k, n_init=n_init)

    found: Palette = lax.map(one, (keys, images), batch_size=size)
    return found


def _options(key: KeyArray, k: int | str, n_init: int) -> tuple[KeyArray, int, bool, int]:
    """The key, the number of colours at most, whether fewer may do, and the number of starts."""
    if isinstance(k, str) and k != "auto":
        raise ConfigError(f"k must be a whole number or 'auto', not {k!r}")
    number = AUTO if isinstance(k, str) else check_count(k, "k", high=2**12)
    return check_key(key), number, isinstance(k, str), check_count(n_init, "n_init")


def _of_counts(key: KeyArray, counts: Counts, k: int, auto: bool, n_init: int) -> Palette:
    if not len(counts.weights):
        raise DataError("image: no pixel of it is visible")
    rows, weights = padded(counts)
    found = _palette(key, rows, weights, k=k, auto=auto, n_init=n_init)
    if isinstance(found.shares, jax.core.Tracer):
        return found
    there = int(np.count_nonzero(np.asarray(found.shares)))
    return found._replace(
        colors=found.colors[:there], shares=found.shares[:there], centers=found.centers[:there]
    )


@partial(jax.jit, static_argnames=("k", "auto", "n_init"))
def _palette(
    key: KeyArray, rows: Array, weights: Array, *, k: int, auto: bool, n_init: int
) -> Palette:
    points = srgb_to_oklab(rows)
    most = jnp.clip(jnp.sum(weights > 0, dtype=jnp.int32), 1, k)

    def run(active: Array) -> Any:
        return kmeans(key, points, k, sample_weight=weights, n_init=n_init, active=active)

    if auto:
        enough = _enough(run, points, weights, k)
        most = jnp.minimum(most, enough)
    found = run(most)
    shares = jax.ops.segment_sum(weights, found.labels, k)
    shares = shares / jnp.maximum(jnp.sum(shares), 1e-30)
    order = jnp.argsort(-shares)
    there = shares[order] > 0
    centers = jnp.where(there[:, None], found.centers[order], 0)
    return Palette(
        jnp.clip(oklab_to_srgb(centers), 0, 1),
        shares[order],
        centers,
        jnp.sqrt(jnp.maximum(found.inertia, 0)),
        found.n_iter,
        found.converged,
    )


def _enough(run: Any, points: Array, weights: Array, k: int) -> Array:
    """The fewest colours that explain nearly all of the spread."""
    mean = jnp.sum(weights[:, None] * points, axis=0)
    spread = jnp.sum(weights * jnp.sum((points - mean[None]) ** 2, axis=1))
    allowed = jnp.maximum(_LEFT * spread, _SEEN**2)

    def goes_on(state: tuple[Array, Array, Array]) -> Array:
        active, left, apart = state
        return apart & (left > allowed) & (active < k)

    def more(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        found = run(state[0] + 1)
        used = jnp.arange(k, dtype=jnp.int32) <= state[0]
        centers = jnp.where(used[:, None], found.centers, 0)
        gaps = jnp.sum((centers[:, None] - centers[None]) ** 2, axis=2)
        pairs = used[:, None] & used[None] & ~jnp.eye(k, dtype=bool)
        apart = jnp.all(~pairs | (gaps >= _APART**2))
        return state[0] + 1, found.inertia, apart

    active, _, apart = lax.while_loop(goes_on, more, (jnp.int32(1), spread, jnp.array(True)))
    return jnp.where(apart, active, active - 1)
