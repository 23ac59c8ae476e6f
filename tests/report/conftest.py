from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from clusterart_jax.report import Neighbors, Number, Pairs, Summary


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def make() -> Callable[..., Summary]:
    """A summary with every part, n pictures spread over k clusters; options replace parts."""

    def build(n: int = 40, k: int = 3, side: int = 8, channels: int = 1, **parts: Any) -> Summary:
        picture = (side, side, channels)
        generator = np.random.default_rng(1)
        full = {
            "title": "A test",
            "source": "made pictures",
            "command": "clusterart run 'my pictures' --clusters 3",
            "versions": {"jax": "0.10"},
            "config": {"model": {"latent": 8}, "seed": 0},
            "numbers": [Number("silhouette", 0.25, "how well apart", "higher")],
            "images": noise(n, *picture),
            "labels": np.arange(n) % k,
            "distances": generator.random(n),
            "points": generator.normal(size=(n, 4)),
            "samples": noise(k, 5, *picture, seed=2),
            "reconstructions": Pairs(noise(4, *picture), noise(4, *picture, seed=3)),
            "walks": noise(2, 6, *picture, seed=4),
            "walk_names": ["cluster 0 → cluster 1", "cluster 1 → cluster 2"],
            "losses": {"loss": np.exp(-np.arange(50) / 20) + 1},
            "neighbors": Neighbors(
                noise(3, *picture), noise(3, *picture, seed=5), np.array([2.0, 0.5, 1.0])
            ),
            "seconds": {"load": 0.5, "train": 75.0},
        }
        return Summary(**(full | parts))

    return build
