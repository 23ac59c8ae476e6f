"""Renderers on photographs, in seconds a picture, beside the scripts that people write for them.

Stippling and low-poly have a peer of the same kind in SciPy, mosaics in a k-d tree of tiles, charts
in Pillow; posters and sheets to paint have none that merges, smooths and numbers areas, and are
timed alone. The picture is the photograph of a flower that comes with scikit-learn, each pixel
doubled, 1.1 megapixels; or made of 25 × that, 27 megapixels, which few renderers notice.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from clusterart_jax import art
from clusterart_jax.features import luminance, srgb_to_oklab

from .harness import Case, Run

DOTS = 10_000
ROUNDS = 20
CORNERS = 2_000
COLORS = 16
COLUMNS = 80
_SIDE = 24  # of a tile


def cases(quick: bool = False) -> list[Case]:
    """The cases; `quick` leaves out the large pictures.

    Args:
      quick: 1 megapixel only.
    """
    found = []
    for times in (2,) if quick else (2, 10):
        size = f"{427 * 640 * times**2 / 1e6:.1f}mp"
        load = partial(photograph, times)

        def case(
            name: str,
            about: str,
            ours: Callable[[Any], Run],
            peers: dict[str, Callable[[Any], Run]],
            loss: Callable[[Any, Any], float],
            loss_name: str,
            load: Callable[[], Any] = load,
            size: str = size,
        ) -> None:
            name, about = f"renderers/{name}-{size}", f"{about}, {size} picture"
            found.append(Case(name, about, load, ours, peers, loss, loss_name))

        case(
            f"stipple-{DOTS}",
            f"{DOTS:,} dots, {ROUNDS} iterations",
            stipple,
            {"SciPy's k-d tree": stipple_scipy},
            spread,
            "mean squared distance to a dot by darkness",
        )
        case(
            f"lowpoly-{CORNERS}",
            f"{CORNERS:,} corners",
            lowpoly,
            {"drawn by edges, SciPy": lowpoly_scipy},
            triangle_error,
            "mean squared error",
        )
        case(
            f"chart-{COLUMNS}",
            f"{COLUMNS} columns, {COLORS} colours",
            chart,
            {"Pillow": chart_pillow},
            chart_error,
            "RMS OKLab",
        )
        case(
            f"numbers-{COLORS}",
            f"{COLORS} colours, areas of 4 mm on A4",
            numbers,
            {},
            poster_error,
            "RMS OKLab",
        )
        case(
            f"mosaic-{COLUMNS}",
            f"{COLUMNS} columns of 4,000 tiles",
            mosaic,
            {"nearest by SciPy's k-d tree": mosaic_scipy},
            tile_error,
            "RMS OKLab",
        )
    return found


def photograph(times: int) -> np.ndarray:
    """The flower, each pixel a square."""
    from sklearn.datasets import load_sample_image

    image = load_sample_image("flower.jpg")
    return np.ascontiguousarray(image.repeat(times, axis=0).repeat(times, axis=1))


def darkness(image: np.ndarray) -> np.ndarray:
    """(h, w) in 0…1."""
    return np.clip(1 - np.asarray(luminance(jnp.asarray(image, jnp.float32) / 255)), 0, 1)


def lab(image: np.ndarray) -> np.ndarray:
    """OKLab of `uint8`."""
    return np.asarray(srgb_to_oklab(jnp.asarray(image, jnp.float32) / 255))


def stipple(image: np.ndarray) -> Run:
    """`art.stipple`, the whole of it."""
    key = jax.random.key(0)
    return lambda: art.stipple(key, image, DOTS, levels=0, max_iter=ROUNDS, tol=1e-9).points


def stipple_scipy(image: np.ndarray) -> Run:
    """Lloyd's iteration by a k-d tree with a thread a core, on as many pixels as ours takes."""
    from PIL import Image
    from scipy.spatial import cKDTree

    def run() -> np.ndarray:
        small = Image.fromarray(image).convert("RGB")
        share = darkness(np.asarray(small.resize((256, 171))))
        zoom = np.sqrt(DOTS * 16 / (share.mean() / share.max()) / image[..., 0].size)
        size = (round(small.width * zoom), round(small.height * zoom))
        dark = darkness(np.asarray(small.resize(size))).ravel()
        y, x = np.divmod(np.arange(len(dark)), size[0])
        pixels = np.stack([x, y], axis=1) + 0.5
        draw = np.random.default_rng(0).choice(len(dark), DOTS, replace=False, p=dark / dark.sum())
        centers = pixels[draw]
        for _ in range(ROUNDS):
            nearest = cKDTree(centers).query(pixels, workers=-1)[1]
            mass = np.bincount(nearest, dark, DOTS)
            sums = [np.bincount(nearest, dark * pixels[:, c], DOTS) for c in (0, 1)]
            moved = np.stack(sums, axis=1) / np.maximum(mass, 1e-9)[:, None]
            centers = np.where(mass[:, None] > 0, moved, centers)
        return centers / zoom

    return run


def spread(image: np.ndarray, points: np.ndarray) -> float:
    """Σ darkness · squared distance to the nearest dot / Σ darkness, in pixels²."""
    from scipy.spatial import cKDTree

    step = max(1, image.shape[0] // 854)
    dark = darkness(image[::step, ::step])
    y, x = np.mgrid[: dark.shape[0], : dark.shape[1]]
    far, _ = cKDTree(points).query((np.stack([x, y], axis=2).reshape(-1, 2) + 0.5) * step)
    return float(np.sum(dark.ravel() * far**2) / dark.sum())


def lowpoly(image: np.ndarray) -> Run:
    """`art.lowpoly`."""
    key = jax.random.key(0)

    def run() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found = art.lowpoly(key, image, CORNERS)
        return found.points, found.triangles, found.colors

    return run


def lowpoly_scipy(image: np.ndarray) -> Run:
    """Corners drawn by the strength of edges, as scripts do; the mean colour of each triangle."""
    from PIL import Image
    from scipy.ndimage import gaussian_gradient_magnitude
    from scipy.spatial import Delaunay

    def run() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        zoom = np.sqrt(100 * CORNERS / image[..., 0].size)
        size = (round(image.shape[1] * zoom), round(image.shape[0] * zoom))
        small = np.asarray(Image.fromarray(image).resize(size))
        edges = gaussian_gradient_magnitude(small.mean(axis=2), 1.0).ravel()
        weight = np.sqrt(edges) + 0.12 * np.sqrt(edges).mean()
        draw = np.random.default_rng(0).choice(len(edges), CORNERS, False, weight / weight.sum())
        points = np.stack([draw % size[0], draw // size[0]], axis=1) + 0.5
        w, h = size
        t = np.linspace(0, 1, 12)
        frame = [np.stack([t * w, 0 * t + side * h], axis=1) for side in (0, 1)]
        frame += [np.stack([0 * t + side * w, t * h], axis=1) for side in (0, 1)]
        points = np.unique(np.concatenate([*frame, points]), axis=0)
        mesh = Delaunay(points)
        y, x = np.mgrid[:h, :w]
        owner = mesh.find_simplex(np.stack([x, y], axis=2).reshape(-1, 2) + 0.5)
        count = np.bincount(owner, minlength=len(mesh.simplices))
        rows = small.reshape(-1, 3)
        sums = [np.bincount(owner, rows[:, c], len(count)) for c in range(3)]
        colors = np.stack(sums, axis=1) / np.maximum(count, 1)[:, None] / 255
        return points / zoom, mesh.simplices, colors

    return run


def triangle_error(image: np.ndarray, found: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    """Mean squared difference of the picture and its triangles, sRGB in 0…1."""
    h, w = image.shape[:2]
    step = max(1, h // 427)
    shapes = [
        art.Shape((corners,), c, 0.5)
        for corners, c in zip(found[0][found[1]], found[2], strict=True)
    ]
    painted = art.raster(art.Drawing(w, h, tuple(shapes)), 1 / step)
    wanted = image[step // 2 :: step, step // 2 :: step][: painted.shape[0], : painted.shape[1]]
    painted = painted[: wanted.shape[0], : wanted.shape[1]]
    return float(np.mean((painted / 255 - wanted / 255) ** 2))


def chart(image: np.ndarray) -> Run:
    """`art.chart`, every square by itself as Pillow's are."""
    key = jax.random.key(0)

    def run() -> np.ndarray:
        found = art.chart(key, image, COLUMNS, COLORS, smoothness=0.0)
        return np.rint(255 * found.colors[found.cells]).astype(np.uint8)

    return run


def chart_pillow(image: np.ndarray) -> Run:
    """Pillow's mean of boxes, and its quantiser by median cut with k-means after it."""
    from PIL import Image

    rows = round(COLUMNS * image.shape[0] / image.shape[1])

    def run() -> np.ndarray:
        small = Image.fromarray(image).resize((COLUMNS, rows), Image.Resampling.BOX)
        return np.asarray(
            small.quantize(COLORS, kmeans=10, dither=Image.Dither.NONE).convert("RGB")
        )

    return run


def chart_error(image: np.ndarray, cells: np.ndarray) -> float:
    """Root mean squared OKLab distance of squares to the means of what they stand for."""
    from PIL import Image

    size = cells.shape[1::-1]
    wanted = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    return float(np.sqrt(np.mean(np.sum((lab(cells) - lab(wanted)) ** 2, axis=2))))


def numbers(image: np.ndarray) -> Run:
    """`art.paint_by_numbers` and the text of its SVG."""
    key = jax.random.key(0)

    def run() -> art.PaintByNumbers:
        sheet = art.paint_by_numbers(key, image, COLORS)
        art.svg_text(art.draw_numbers(sheet))
        return sheet

    return run


def poster_error(image: np.ndarray, sheet: art.PaintByNumbers) -> float:
    """Root mean squared OKLab distance of the painted sheet to the picture."""
    step = max(1, image.shape[0] // 427)
    painted = art.raster(art.draw_poster(sheet.poster), 1 / step)
    wanted = image[step // 2 :: step, step // 2 :: step][: painted.shape[0], : painted.shape[1]]
    painted = painted[: wanted.shape[0], : wanted.shape[1]]
    return float(np.sqrt(np.mean(np.sum((lab(painted) - lab(wanted)) ** 2, axis=2))))


def tiles_of(image: np.ndarray) -> np.ndarray:
    """4,000 tiles: parts of scikit-learn's other photograph in many sizes, some recoloured."""
    from sklearn.datasets import load_sample_image

    other, rng = load_sample_image("china.jpg"), np.random.default_rng(0)
    found = np.empty((4000, _SIDE, _SIDE, 3), np.uint8)
    for i in range(len(found)):
        side = int(rng.integers(_SIDE, 200))
        y, x = rng.integers(0, 427 - side), rng.integers(0, 640 - side)
        at = np.arange(_SIDE) * side // _SIDE
        found[i] = np.roll(other[y + at][:, x + at], i % 3, axis=2)
    return found


def mosaic(image: np.ndarray) -> Run:
    """`art.mosaic`, without a cost of repeats, as the peer has none."""
    key, tiles = jax.random.key(0), tiles_of(image)
    return lambda: tiles[art.mosaic(key, image, tiles, COLUMNS, variety=0.0).tiles]


def mosaic_scipy(image: np.ndarray) -> Run:
    """The tile nearest in 4 × 4 colours of OKLab, by a k-d tree."""
    from PIL import Image
    from scipy.spatial import cKDTree

    tiles = tiles_of(image)
    rows = round(COLUMNS * image.shape[0] / image.shape[1])

    def run() -> np.ndarray:
        looks = tiles.reshape(-1, 4, _SIDE // 4, 4, _SIDE // 4, 3).mean(axis=(2, 4))
        tree = cKDTree(lab(looks).reshape(len(tiles), -1))
        size = (4 * COLUMNS, 4 * rows)
        small = lab(np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX)))
        places = small.reshape(rows, 4, COLUMNS, 4, 3).transpose(0, 2, 1, 3, 4)
        nearest = tree.query(places.reshape(rows * COLUMNS, -1), workers=-1)[1]
        return tiles[nearest.reshape(rows, COLUMNS)]

    return run


def tile_error(image: np.ndarray, laid: np.ndarray) -> float:
    """Root mean squared OKLab distance of 4 × 4 fields."""
    from PIL import Image

    rows, columns = laid.shape[:2]
    fields = laid.reshape(rows, columns, 4, _SIDE // 4, 4, _SIDE // 4, 3).mean(axis=(3, 5))
    size = (4 * columns, 4 * rows)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    wanted = small.reshape(rows, 4, columns, 4, 3).transpose(0, 2, 1, 3, 4)
    return float(np.sqrt(np.mean(np.sum((lab(fields) - lab(wanted)) ** 2, axis=-1))))
