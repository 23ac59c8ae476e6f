"""`python -m benchmarks.quantize`: twenty photographs in few colours, beside the peers.

Every contender gives a picture of at most k colours. Measured of all of them in the same way: mean
OKLab distance and PSNR, bytes of an indexed PNG by our writer, seconds a megapixel; of dithered
ones also the OKLab distance of what is seen from afar, blurred in linear light. Contenders follow
each other picture by picture in an order that turns; each had a call before that is not timed.
"""

import argparse
import io
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from clusterart_jax._files import write_text
from clusterart_jax.art import quantize
from clusterart_jax.data import indexed_png_bytes
from clusterart_jax.features import linear_to_srgb, srgb_to_linear, srgb_to_oklab

from .harness import OURS, order
from .setting import Others, setting

COLORS = (8, 16, 64, 256)
PEERS = ("pillow", "scikit-image", "colorthief", "imagequant")  # and `pngquant`, a program

Contender = Callable[[np.ndarray, int], np.ndarray]


def photographs() -> dict[str, np.ndarray]:
    """Two squares of 256 pixels of each of ten photographs of scikit-image and scikit-learn."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    whole = {
        "astronaut": data.astronaut(),
        "chelsea": data.chelsea(),
        "coffee": data.coffee(),
        "rocket": data.rocket(),
        "ihc": data.immunohistochemistry(),
        "motorcycle": data.stereo_motorcycle()[0],
        "hubble": data.hubble_deep_field(),
        "retina": data.retina(),
        "china": load_sample_image("china.jpg"),
        "flower": load_sample_image("flower.jpg"),
    }
    found = {}
    for name, image in whole.items():
        h, w = image.shape[:2]
        for i, part in enumerate(((h - 256) // 4, (h - 256) * 3 // 4), 1):
            left = (w - 256) * (2 * i - 1) // 4
            square = image[part : part + 256, left : left + 256, :3]
            found[f"{name} {i}"] = np.ascontiguousarray(square)
    return found


def _ours(**options: float) -> Contender:
    def run(image: np.ndarray, k: int) -> np.ndarray:
        found = quantize(jax.random.key(0), image, k, **options)
        return found.colors[found.indices]

    return run


def _pillow(method: int, kmeans: int = 0, dither: bool = False) -> Contender:
    def run(image: np.ndarray, k: int) -> np.ndarray:
        from PIL import Image

        picture = Image.fromarray(image)
        found = picture.quantize(k, method=method, kmeans=kmeans, dither=Image.Dither.NONE)
        if dither:
            found = picture.quantize(palette=found, dither=Image.Dither.FLOYDSTEINBERG)
        return np.asarray(found.convert("RGB"))

    return run


def _kmeans(image: np.ndarray, k: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    found = KMeans(k, n_init=1, random_state=0).fit(image.reshape(-1, 3) / np.float32(255))
    colors = np.round(found.cluster_centers_ * 255).clip(0, 255).astype(np.uint8)
    return colors[found.labels_].reshape(image.shape)


def _kmeans_lab(image: np.ndarray, k: int) -> np.ndarray:
    from skimage.color import lab2rgb, rgb2lab
    from sklearn.cluster import KMeans

    lab = rgb2lab(image).reshape(-1, 3).astype(np.float32)
    found = KMeans(k, n_init=1, random_state=0).fit(lab)
    colors = np.round(lab2rgb(found.cluster_centers_[None])[0] * 255).clip(0, 255).astype(np.uint8)
    return colors[found.labels_].reshape(image.shape)


def _colorthief(image: np.ndarray, k: int) -> np.ndarray:
    from colorthief import ColorThief
    from PIL import Image
    from scipy.spatial import KDTree

    file = io.BytesIO()
    Image.fromarray(image).save(file, format="PNG", compress_level=0)
    found = ColorThief(file).get_palette(color_count=k, quality=1)
    colors = np.array(found[:k], np.uint8)
    nearest = KDTree(colors.astype(float)).query(image.reshape(-1, 3).astype(float))[1]
    return colors[nearest].reshape(image.shape)


def _imagequant(dither: float) -> Contender:
    def run(image: np.ndarray, k: int) -> np.ndarray:
        import imagequant
        from PIL import Image

        found = imagequant.quantize_pil_image(
            Image.fromarray(image), dithering_level=dither, max_colors=k
        )
        return np.asarray(found.convert("RGB"))

    return run


def _pngquant(image: np.ndarray, k: int) -> np.ndarray:
    from PIL import Image

    if shutil.which("pngquant") is None:
        raise ModuleNotFoundError("pngquant")
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="PNG", compress_level=0)
    words = ["pngquant", "--nofs", "--speed", "1", str(k), "-"]
    said = subprocess.run(words, input=file.getvalue(), capture_output=True, check=True)
    return np.asarray(Image.open(io.BytesIO(said.stdout)).convert("RGB"))


def contenders() -> dict[str, Contender]:
    """Name → what makes a picture of k colours."""
    return {
        OURS: _ours(),
        f"{OURS}, perceptual=0": _ours(perceptual=0.0),
        f"{OURS}, perceptual=1": _ours(perceptual=1.0),
        "scikit-learn k-means, sRGB": _kmeans,
        "scikit-image CIELAB + k-means": _kmeans_lab,
        "imagequant": _imagequant(0.0),
        "pngquant --speed 1": _pngquant,
        "Pillow median cut": _pillow(0),
        "Pillow median cut + k-means": _pillow(0, kmeans=10),
        "Pillow max coverage": _pillow(1),
        "Pillow fast octree": _pillow(2),
        "colorthief": _colorthief,
        f"{OURS}, dithered": _ours(dither=0.75),
        "imagequant, dithered": _imagequant(1.0),
        "Pillow median cut + k-means, dithered": _pillow(0, kmeans=10, dither=True),
    }


def oklab(image: np.ndarray) -> np.ndarray:
    """OKLab of a picture 0…255 (h, w, 3)."""
    return np.asarray(srgb_to_oklab(image.astype(np.float32) / 255), np.float64)


def afar(image: np.ndarray, sigma: float = 2.0) -> np.ndarray:
    """The picture 0…255 as it is seen where pixels are too small: light, blurred."""
    from scipy.ndimage import gaussian_filter

    light = np.asarray(srgb_to_linear(image.astype(np.float32) / 255))
    blurred = gaussian_filter(light, (sigma, sigma, 0))
    return 255 * np.asarray(linear_to_srgb(blurred)).clip(0, 1)


def judged(image: np.ndarray, given: np.ndarray) -> dict[str, float]:
    """What is measured of a picture of few colours."""
    square = float(np.mean((image.astype(float) - given) ** 2))
    colors, indices = np.unique(given.reshape(-1, 3), axis=0, return_inverse=True)
    # The most frequent first, as our writer is given them.
    ranks = np.argsort(np.argsort(-np.bincount(indices), kind="stable"))
    order_ = np.argsort(ranks)
    small = ranks[indices].reshape(image.shape[:2]).astype(np.uint8)
    return {
        "colors": len(colors),
        "psnr": float(10 * np.log10(255**2 / max(square, 1e-9))),
        "oklab": float(np.linalg.norm(oklab(image) - oklab(given), axis=2).mean()),
        "afar": float(np.linalg.norm(oklab(afar(image)) - oklab(afar(given)), axis=2).mean()),
        "bytes": len(indexed_png_bytes(small, colors[order_])),
    }


def measure(
    pictures: dict[str, np.ndarray], runs: dict[str, Contender], k: int
) -> list[dict[str, Any]]:
    """One row a contender and picture; who is not installed has none."""
    rows: list[dict[str, Any]] = []
    left = dict(runs)
    for i, (name, image) in enumerate(pictures.items()):
        left[OURS](image, k)  # compiles what is not yet there for such a number of colours
        for who in order(list(left), i):
            try:
                if i == 0:
                    left[who](image, k)
                start = time.perf_counter()
                given = left[who](image, k)
                seconds = time.perf_counter() - start
            except ModuleNotFoundError:
                del left[who]
                continue
            megapixels = image.shape[0] * image.shape[1] / 1e6
            row = {"k": k, "picture": name, "who": who, "s_per_mp": seconds / megapixels}
            rows.append({**row, **judged(image, given)})
    return rows


def table(rows: list[dict[str, Any]], k: int) -> str:
    """Means over the pictures, as Markdown."""
    own = {row["picture"]: row for row in rows if row["k"] == k and row["who"] == OURS}
    lines = [
        f"k = {k}, {len(own)} pictures",
        "",
        "| | OKLab error | ours ≤ | PSNR, dB | ours ≥ | afar | bytes | s/MP | peer/ours |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for who in dict.fromkeys(row["who"] for row in rows if row["k"] == k):
        mine = [row for row in rows if row["k"] == k and row["who"] == who]

        def mean(what: str, mine: list[dict[str, Any]] = mine) -> float:
            return statistics.mean(row[what] for row in mine)

        closer = sum(own[row["picture"]]["oklab"] <= row["oklab"] for row in mine)
        better = sum(own[row["picture"]]["psnr"] >= row["psnr"] for row in mine)
        ratio = statistics.median(row["s_per_mp"] / own[row["picture"]]["s_per_mp"] for row in mine)
        seconds = statistics.median(row["s_per_mp"] for row in mine)
        lines.append(
            f"| {who} | {mean('oklab'):.5f} | {closer} | {mean('psnr'):.2f} | {better} | "
            f"{mean('afar'):.5f} | {mean('bytes'):.0f} | {seconds:.2f} | {ratio:.2f} |"
        )
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str]) -> None:
    """Prints tables; `--out` keeps every row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quantize", description=__doc__)
    parser.add_argument("-k", type=int, nargs="+", default=list(COLORS))
    parser.add_argument("--pictures", type=int, help="only so many of them")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    pictures = dict(list(photographs().items())[: options.pictures])
    rows: list[dict[str, Any]] = []
    others = Others()
    for k in options.k:
        rows += measure(pictures, contenders(), k)
        print(table(rows, k), flush=True)
        if options.out:
            about = {**setting(["quantize", *arguments]), "noisy": others.noisy()}
            write_text(options.out, json.dumps({"setting": about, "rows": rows}, indent=0) + "\n")
    if others.noisy():
        print("NOISY: other processes were at work; the times prove nothing.")


if __name__ == "__main__":
    main(sys.argv[1:])
