"""SLIC beside scikit-image's, on pictures of which the true regions are known.

Regions have winding borders. Mosaics hold photographs and textures, cut at random places; blobs
hold one colour each, with noise. scikit-image gives fewer segments than it is asked for, so it is
asked for as many as bring its count to ours: both are compared at the same number.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from clusterart_jax.art import slic

from .harness import Case, Run

Made = Callable[[int, int, int, int], tuple[np.ndarray, np.ndarray]]


class Scene(NamedTuple):
    """A picture (h, w, 3), its true regions (h, w), and how many segments to find.

    Attributes:
      image: `uint8`.
      truth: numbers of regions.
      asked: segments that we are asked for.
      peer: segments that scikit-image must be asked for to give as many as we do.
    """

    image: np.ndarray
    truth: np.ndarray
    asked: int
    peer: int


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` takes small pictures only.

    Args:
      quick: up to 320 × 480 pixels.
    """
    asked: list[tuple[str, Made, int, int, int]] = [
        ("mosaic", mosaic, 320, 480, 100),
        ("mosaic", mosaic, 320, 480, 400),
        ("mosaic", mosaic, 320, 480, 1000),
        ("blobs", blobs, 320, 480, 100),
        ("blobs", blobs, 320, 480, 400),
        ("blobs", blobs, 320, 480, 1000),
    ]
    if not quick:
        asked += [("mosaic", mosaic, 1080, 1920, 2000), ("mosaic", mosaic, 4000, 6000, 2000)]
    found = []
    for name, made, height, width, count in asked:
        scenes = 3 if height < 1000 else 1
        regions = 24 if height < 1000 else 96
        load = partial(load_scenes, made, scenes, height, width, regions, count)
        about = f"{scenes} of {width} × {height} pixels, {regions} regions, {count} segments"
        for kind, loss in (("recall", missed), ("leakage", leaked))[: 2 if height < 2000 else 1]:
            label = f"slic/{name}-{width}x{height}-k{count}-{kind}"
            found.append(_case(label, about, load, loss, compared=height < 2000))
    return found


def _case(
    name: str, about: str, load: Callable[[], list[Scene]], loss: Any, compared: bool = True
) -> Case:
    what = "share of borders missed" if loss is missed else "under-segmentation error"
    return Case(
        name=name,
        about=about,
        load=load,
        ours=ours,
        peers={"scikit-image": skimage} if compared else {},
        loss=loss,
        loss_name=what,
    )


@cache
def load_scenes(
    made: Made, scenes: int, height: int, width: int, regions: int, count: int
) -> list[Scene]:
    """Pictures with their regions, and what the peer must be asked for."""
    found = []
    for seed in range(scenes):
        image, truth = made(seed, height, width, regions)
        have = slic(image, count).n_segments
        found.append(Scene(image, truth, count, peer_count(image, have)))
    return found


def peer_count(image: np.ndarray, wanted: int) -> int:
    """How many segments scikit-image must be asked for to give about `wanted`."""
    from skimage.segmentation import slic as peer

    if image.size > 3 * 10**7:  # which it would take minutes for, and is not timed on
        return wanted
    best, asked = (np.inf, wanted), wanted
    for _ in range(6):
        count = int(peer(image, asked, start_label=0).max()) + 1
        best = min(best, (abs(count - wanted), asked))
        if best[0] <= 0.01 * wanted:
            break
        asked = max(2, round(asked * wanted / count))
    return int(best[1])


def ours(scenes: list[Scene]) -> Run:
    return lambda: [slic(scene.image, scene.asked).labels for scene in scenes]


def skimage(scenes: list[Scene]) -> Run:
    """scikit-image's own defaults."""
    from skimage.segmentation import slic as peer

    return lambda: [peer(scene.image, scene.peer, start_label=0) for scene in scenes]


def missed(scenes: list[Scene], labels: list[np.ndarray]) -> float:
    """Mean share of true borders that no border of segments is near to."""
    pairs = zip(scenes, labels, strict=True)
    return float(np.mean([1 - boundary_recall(found, s.truth) for s, found in pairs]))


def leaked(scenes: list[Scene], labels: list[np.ndarray]) -> float:
    """Mean under-segmentation error."""
    pairs = zip(scenes, labels, strict=True)
    return float(np.mean([under_segmentation(found, s.truth) for s, found in pairs]))


def borders(labels: np.ndarray) -> np.ndarray:
    """Pixels on both sides of every border."""
    found = np.zeros(labels.shape, bool)
    down, across = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= across
    found[:, :-1] |= across
    return found


def boundary_recall(labels: np.ndarray, truth: np.ndarray, reach: int = 1) -> float:
    """Share of the true borders' pixels with a border of segments within `reach` pixels."""
    from scipy.ndimage import maximum_filter

    true = borders(truth)
    return float((true & maximum_filter(borders(labels), 2 * reach + 1)).sum() / true.sum())


def under_segmentation(labels: np.ndarray, truth: np.ndarray) -> float:
    """Σ over pairs of a region and a segment of the smaller part, inside or out, per pixel.

    Source: Neubert and Protzel, Superpixel benchmark and comparison, 2012.
    """
    regions = int(truth.max()) + 1
    joint = np.bincount((labels * np.int64(regions) + truth).ravel())
    joint = np.pad(joint, (0, -len(joint) % regions)).reshape(-1, regions)
    outside = joint.sum(axis=1, keepdims=True) - joint
    return float(np.minimum(joint, outside).sum() / labels.size)


def winding(seed: int, height: int, width: int, regions: int) -> np.ndarray:
    """Cells of random points, with borders that wind: (h, w) numbers of regions."""
    from scipy.ndimage import gaussian_filter
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1, (regions, 2)) * [height, width]
    places = np.moveaxis(np.mgrid[:height, :width], 0, -1).astype(float)
    side = np.sqrt(height * width / regions)
    for axis in range(2):
        bent = gaussian_filter(rng.normal(size=(height, width)), 0.3 * side)
        places[..., axis] += 0.25 * side * bent / bent.std()
    return cKDTree(points).query(places)[1].astype(np.int32)


def mosaic(seed: int, height: int, width: int, regions: int) -> tuple[np.ndarray, np.ndarray]:
    """Regions cut from scikit-image's photographs and textures and scikit-learn's two."""
    truth = winding(seed, height, width, regions)
    rng = np.random.default_rng(seed + 1000)
    image = np.zeros((height, width, 3), np.uint8)
    y, x = np.mgrid[:height, :width]
    for region in range(regions):
        source = sources()[rng.integers(len(sources()))]
        top, left = rng.integers(0, source.shape[0]), rng.integers(0, source.shape[1])
        mine = truth == region
        rows, columns = (y[mine] + top) % source.shape[0], (x[mine] + left) % source.shape[1]
        image[mine] = source[rows, columns]
    return image, truth


@cache
def sources() -> tuple[np.ndarray, ...]:
    """Pictures (h, w, 3) that come with the packages."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    grey = [data.brick(), data.grass(), data.gravel()]
    photographs = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    textures = [plane[..., None].repeat(3, axis=2) for plane in grey]
    return (*textures, *photographs, *load_sample_images().images)


def blobs(seed: int, height: int, width: int, regions: int) -> tuple[np.ndarray, np.ndarray]:
    """Regions of one colour each, blurred a little, with noise."""
    from scipy.ndimage import gaussian_filter

    truth = winding(seed + 100, height, width, regions)
    rng = np.random.default_rng(seed + 1100)
    noise = rng.normal(size=(height, width, 3)) * 20
    image = rng.uniform(40, 215, (regions, 3))[truth] + noise
    image = gaussian_filter(image, (0.7, 0.7, 0))
    return np.clip(np.round(image), 0, 255).astype(np.uint8), truth
