"""A photograph in the colours and textures of examples, without a network."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_count, check_key
from .._errors import ConfigError, DataError
from .._typing import Array, Float, KeyArray, UInt8
from ..features import oklab_to_srgb, srgb_to_oklab
from ._scales import between, grown, guided, half, means
from ._sliced import PATCH, color_step, patch_step

_LEVELS = 3  # scales on which patches are compared, each half of the one before
_STEPS = (10, 16, 16)  # steps on each, the finest first
_SAMPLES = 4096  # pixels or patches that stand for a picture
_COLOR_STEPS, _COLOR_PACE = 4, 0.5
_BLOCK = 2**16  # pixels
_TILE = 64  # sides are filled up to a multiple of it, so that few shapes are compiled
_ROWS = 256  # of a large picture that are finished at once


def transfer(
    key: KeyArray,
    picture: UInt8[np.ndarray, "h w c"],
    examples: Sequence[UInt8[np.ndarray, "h w c"]],
    *,
    weights: Sequence[float] | None = None,
    strength: float = 0.8,
    keep_colors: bool = False,
    size: int = 512,
) -> UInt8[np.ndarray, "h w c"]:
    """A picture whose colours and small patches are distributed as those of examples.

    What the picture shows stays, since it is where the way begins. Colours go by the affine map
    that moves one Gaussian to another at least cost, then along axes of random frames; patches of
    5 × 5 pixels on three scales along random directions: on a line the cheapest way from one
    distribution to another is known, and the barycentre of several is the mean of their quantiles.
    No network, and nothing is trained.

    Worked on at no more than `size` pixels a side; what that changes is then laid over the picture
    in its own size, whose detail stays. Cost of about 80 steps O(size²) each; peak extra memory
    O(size²) and a strip of the picture. Steps are compiled once for each multiple of 64 pixels.

    Args:
      key: for the frames and directions.
      picture: `uint8` (h, w, c), c = 1, 3 or 4; alpha comes back as it was, and what is transparent
        has no say.
      examples: pictures of that kind, each of its own shape: those of a style, or of several.
      weights: of the examples, ≥ 0; they are scaled to sum 1. None: all alike.
      strength: 0 leaves the picture as it is, 1 leaves it none of its own colours and textures.
      keep_colors: take the textures only.
      size: at most so many pixels a side are worked on; 16 at least.

    Returns:
      `uint8` (h, w, 3), or (h, w, 4) where the picture has alpha; (h, w, 1) for a grey one whose
      colours are kept.

    Raises:
      ConfigError: for a strength beyond 0…1, or weights that cannot be.
      DataError: for pictures of another shape or type.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> noise = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)
      >>> art.transfer(jax.random.key(0), noise[0], [noise[1] // 2], size=32).shape
      (32, 40, 3)

    References:
      Pitié, Kokaram and Dahyot, Automated colour grading using colour distribution transfer, 2007,
      doi:10.1016/j.cviu.2006.11.011. Heitz et al., A sliced Wasserstein loss for neural texture
      synthesis, 2021, arXiv:2006.07229. Elnekave and Weiss, Generating natural images with direct
      patch distributions matching, 2022, arXiv:2203.11862. He, Sun and Tang, Guided image
      filtering, 2013, doi:10.1109/TPAMI.2012.213.
    """
    key = check_key(key)
    check_count(size, "size", low=16)
    check_picture(picture, "picture")
    if not len(examples):
        raise DataError("examples: there are none")
    for i, example in enumerate(examples):
        check_picture(example, f"examples[{i}]")
    shares = _shares(weights, len(examples)) * _share(strength)
    alpha = picture[..., 3:] if picture.shape[2] == 4 else None
    photo = _color(picture)
    factor = -(-max(photo.shape[:2]) // size)
    small, seen = _shrunk(photo, alpha, factor)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    styles = [_shrunk(_color(x), _alpha(x), -(-max(x.shape[:2]) // size)) for x in examples]
    before = _lab(small)
    known = [(_lab(x), mask) for x, mask in styles]
    if keep_colors:
        to = before[seen]
        known = [(_affine(x, _map(x[mask], to)), mask) for x, mask in known]
    after = _worked(key, rng, before, seen, known, shares)
    if keep_colors:
        after[..., 1:] = before[..., 1:]
    made = _finished(photo, after - before, factor)
    if keep_colors and picture.shape[2] == 1:
        return made[..., :1]
    return made if alpha is None else np.concatenate([made, alpha], axis=2)


def check_picture(picture: Any, name: str) -> None:
    """Refuses what is no picture."""
    shape = np.shape(picture)
    if len(shape) != 3 or 0 in shape or shape[2] not in (1, 3, 4):
        raise DataError(f"{name} must have shape (h, w, c) with c = 1, 3 or 4, not {shape}")
    if np.asarray(picture).dtype != np.uint8:
        raise DataError(f"{name} must be uint8 values 0…255, not {np.asarray(picture).dtype}")


def _share(strength: float) -> float:
    if not 0 <= strength <= 1:
        raise ConfigError(f"strength must be between 0 and 1, not {strength!r}")
    return float(strength)


def _shares(weights: Sequence[float] | None, count: int) -> np.ndarray:
    shares = np.ones(count) if weights is None else np.asarray(weights, float)
    if shares.shape != (count,) or not (shares >= 0).all() or not 0 < shares.sum() < np.inf:
        raise ConfigError(f"weights must be {count} numbers ≥ 0, not all 0, not {weights!r}")
    return shares / shares.sum()


def _color(picture: np.ndarray) -> np.ndarray:
    return np.broadcast_to(picture[..., :3], (*picture.shape[:2], 3))


def _alpha(picture: np.ndarray) -> np.ndarray | None:
    return picture[..., 3:] if picture.shape[2] == 4 else None


def _shrunk(
    color: np.ndarray, alpha: np.ndarray | None, factor: int
) -> tuple[np.ndarray, np.ndarray]:
    """Means of squares of `factor` pixels, 0…255, and where most of a square can be seen.

    Elsewhere it has the mean colour of the rest, so that what is clear changes nothing.
    """
    small = means(color, factor)
    clear = np.full(small.shape[:2], 255.0) if alpha is None else means(alpha, factor)[..., 0]
    seen = clear >= 128
    if not seen.any():
        return small, np.ones_like(seen)
    if not seen.all():
        small = np.where(seen[..., None], small, small[seen].mean(axis=0))
    return small, seen


@jax.jit
def _lab_block(colors: Array) -> Array:
    return srgb_to_oklab(colors / 255)


@jax.jit
def _srgb_block(lab: Array) -> Array:
    return jnp.clip(jnp.round(255 * oklab_to_srgb(lab)), 0, 255).astype(jnp.uint8)


def _by_blocks(program: Any, pixels: np.ndarray) -> np.ndarray:
    """A program of rows of colours over pictures of any shape, compiled once."""
    flat = pixels.reshape(-1, 3).astype(np.float32)
    parts = []
    for start in range(0, len(flat), _BLOCK):
        block = flat[start : start + _BLOCK]
        filled = np.pad(block, ((0, _BLOCK - len(block)), (0, 0)))
        parts.append(np.asarray(program(filled))[: len(block)])
    return np.concatenate(parts).reshape(pixels.shape)


def _lab(pixels: np.ndarray) -> np.ndarray:
    return _by_blocks(_lab_block, pixels)


def _map(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """m, A and n of the cheapest map (x − m) A + n between Gaussians."""
    m, n = source.mean(axis=0, dtype=float), target.mean(axis=0, dtype=float)
    floor = 1e-5 * np.eye(3)
    s, t = (np.atleast_2d(np.cov(x.T.astype(float), ddof=0)) + floor for x in (source, target))
    root = _root(s)
    inverse = np.linalg.inv(root)
    return m, inverse @ _root(root @ t @ root) @ inverse, n


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    root: np.ndarray = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def _affine(x: np.ndarray, way: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    m, matrix, n = way
    return ((x - m) @ matrix + n).astype(np.float32)


def _worked(
    key: KeyArray,
    rng: np.random.Generator,
    photo: np.ndarray,
    seen: np.ndarray,
    styles: list[tuple[np.ndarray, np.ndarray]],
    shares: np.ndarray,
) -> Float[np.ndarray, "h w 3"]:
    """The picture in the colours and textures of the styles, all in OKLab."""
    own = 1 - shares.sum()
    pixels = [x[mask] for x, mask in styles]
    whole = photo[seen]
    ways = [_map(whole, p) for p in pixels]
    colored = own * photo + sum(
        share * _affine(photo, way) for share, way in zip(shares, ways, strict=True)
    )
    x = colored.astype(np.float32)
    if len(shares) & (len(shares) - 1):  # a power of two of examples: fewer programs
        missing = 2 ** len(shares).bit_length() - len(shares)
        styles, shares = styles + styles[:1] * missing, np.pad(shares, (0, missing))
        pixels += pixels[:1] * missing
    sizes = [x.shape[:2]]
    while len(sizes) < _LEVELS and min(sizes[-1]) >= 4 * PATCH:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    masks, photos, known = [seen], [photo], [styles]
    for _ in sizes[1:]:
        masks.append(half(masks[-1]))
        photos.append(means(photos[-1], 2))
        known.append([(means(style, 2), half(mask)) for style, mask in known[-1]])
    weights = jnp.asarray(shares, jnp.float32), jnp.float32(own)
    colors = np.stack([p[rng.integers(0, len(p), _SAMPLES)] for p in pixels])
    own_colors = whole[rng.integers(0, len(whole), _SAMPLES)]

    places, work = _places(rng, seen), _filled(x)
    for step in range(_COLOR_STEPS):
        turn = jax.random.fold_in(jax.random.fold_in(key, 1), step)
        work = color_step(
            turn, work, places, colors, weights[0], own_colors, weights[1], jnp.float32(_COLOR_PACE)
        )
    first = np.asarray(work)[: x.shape[0], : x.shape[1]]
    first = photo + guided(first - photo, photo[..., 0])
    starts = [first]
    for _ in sizes[1:]:
        starts.append(means(starts[-1], 2))
    x = starts[-1]
    for level in reversed(range(len(sizes))):
        turn = jax.random.fold_in(key, 2 + level)
        if level < len(sizes) - 1:
            x = (
                starts[level]
                + grown(x - starts[level + 1], 2)[: sizes[level][0], : sizes[level][1]]
            )
        places = _places(rng, masks[level])
        patches = np.stack([_patches(style, _places(rng, mask)) for style, mask in known[level]])
        own_patches = _patches(photos[level], _places(rng, masks[level]))
        work = _filled(x)
        for step in range(_STEPS[level]):
            now = jax.random.fold_in(turn, step)
            work = patch_step(now, work, places, patches, weights[0], own_patches, weights[1])
        x = np.asarray(work)[: x.shape[0], : x.shape[1]]
    return np.array(x)


def _places(rng: np.random.Generator, seen: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(seen)
    chosen = rng.integers(0, len(rows), _SAMPLES)
    return np.stack([rows[chosen], columns[chosen]], axis=1).astype(np.int32)


def _patches(x: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(m, PATCH² · 3): the squares around places, mirrored at the edges."""
    reach = PATCH // 2
    padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    offsets = np.arange(PATCH)
    rows = places[:, 0, None, None] + offsets[None, :, None]
    columns = places[:, 1, None, None] + offsets[None, None, :]
    return padded[rows, columns].reshape(len(places), -1)


def _filled(x: np.ndarray) -> Array:
    """Mirrored at the far edges up to multiples of the tile."""
    more = [-side % _TILE for side in x.shape[:2]]
    return jnp.asarray(np.pad(x, ((0, more[0]), (0, more[1]), (0, 0)), mode="symmetric"))


def _finished(photo: np.ndarray, change: np.ndarray, factor: int) -> UInt8[np.ndarray, "h w 3"]:
    """The picture in its own size, changed strip by strip."""
    made = np.empty(photo.shape, np.uint8)
    for top in range(0, len(photo), _ROWS):
        strip = photo[top : top + _ROWS]
        here = change[top : top + _ROWS]
        if factor > 1:
            here = between(change, np.arange(top, top + len(strip)), factor, 0)
            here = between(here, np.arange(strip.shape[1]), factor, 1)
        made[top : top + _ROWS] = _by_blocks(_srgb_block, _lab(strip) + here)
    return made
