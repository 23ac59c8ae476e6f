"""Vectors of pictures → the styles among them, and styles that none of them has."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import check_count, check_finite, check_key, check_number
from .._errors import ConfigError, DataError
from .._typing import Array, ArrayLike, Float, Int, KeyArray
from ..cluster import GMMResult, gmm, kmeans, nearest_centers
from ..features import PCAState, ScaleState, pca, scale
from ..metrics import choose_k

MOST = 12
"""Styles at most where their number is "auto"."""

_COMPONENTS = 16


class Styles(NamedTuple):
    """Clusters of pictures by style, the largest first, and a density over styles.

    Attributes:
      labels: (n,) the style of each picture, 0…k − 1.
      distances: (n,) to the centre of its style, in the space of the mixture.
      means: (k, d) mean vector of each style.
      scaling: brings the columns of vectors to one scale.
      projection: from there to m principal components, the space of the mixture.
      mixture: k Gaussians over these, from which new styles are drawn.
      scores: mean silhouette for each number of styles from 2 on, where it was "auto"; else empty.
    """

    labels: Int[np.ndarray, " n"]
    distances: Float[np.ndarray, " n"]
    means: Float[np.ndarray, "k d"]
    scaling: ScaleState
    projection: PCAState
    mixture: GMMResult
    scores: Float[np.ndarray, " t"]

    def place(self, vectors: Float[ArrayLike, "q d"]) -> Float[Array, "q m"]:
        """Where vectors lie in the space of the mixture."""
        return self.projection.transform(self.scaling.transform(vectors))


def find_styles(
    key: KeyArray, vectors: Float[ArrayLike, "n d"], k: int | str = "auto", *, n_init: int = 8
) -> Styles:
    """The styles among pictures: k-means in principal components of their scaled vectors.

    Columns are brought to one scale and to 16 components at most. "auto" takes the number of
    styles, from 2 to 12, whose mean silhouette is highest. A Gaussian mixture that starts from the
    clusters says how styles are spread: with a covariance for each where there are pictures
    enough for it, else with one for all, else with variances only.

    Cost of `kmeans` with 12 centres, for each number tried; memory O(n d).

    Args:
      key: for the starts.
      vectors: (n, d) of pictures, n ≥ 2: `style_vectors`, or what `features` gives.
      k: number of styles, or "auto".
      n_init: starts of k-means.

    Returns:
      `Styles`.

    Raises:
      ConfigError: for a `k` that cannot be.
      DataError: for fewer than two pictures, or vectors that are not finite.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> two = np.repeat([[0.0, 5.0], [9.0, 1.0]], 5, axis=0)
      >>> vectors = two + np.random.default_rng(0).normal(size=(10, 2))
      >>> art.find_styles(jax.random.key(0), vectors).labels.tolist()
      [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    """
    key = check_key(key)
    x = np.asarray(vectors, np.float32)
    if x.ndim != 2 or len(x) < 2:
        raise DataError(f"styles are found among two pictures or more, not {x.shape[:1]}")
    check_finite(x, "vectors")
    n, d = x.shape
    if k != "auto" and (isinstance(k, str | bool) or not 1 <= k <= n):
        raise ConfigError(f'k must be "auto" or between 1 and {n}, the pictures, not {k!r}')
    of_k, of_kmeans, of_gmm = (jax.random.fold_in(key, i) for i in range(3))
    scaling = scale(x, "standard")
    scaled = scaling.transform(x)
    projection = pca(scaled, max(1, min(_COMPONENTS, d, n - 1)))
    points = projection.transform(scaled)
    m = points.shape[1]
    scores = np.zeros(0)
    if k == "auto":
        tried = range(2, min(MOST, n - 1) + 1)
        number = 1
        if len(tried) > 0:
            choice = choose_k(of_k, points, tried, n_init=n_init)
            number, scores = int(choice.k), np.asarray(choice.scores)
    else:
        number = int(k)
    found = kmeans(of_kmeans, points, number, n_init=n_init)
    there, first, sizes = np.unique(np.asarray(found.labels), return_index=True, return_counts=True)
    order = there[np.lexsort((first, -sizes))]
    centers = found.centers[order]
    labels, distances = (np.asarray(a) for a in nearest_centers(points, centers))
    number = len(order)
    kind = "full" if n >= 4 * number * m else "tied" if n >= 4 * m else "diag"
    spread = float(jnp.mean(jnp.var(points, axis=0)))
    mixture = gmm(
        of_gmm,
        points,
        number,
        covariance_type=kind,
        init=centers,
        reg_covar=max(1e-6, 1e-2 * spread),
    )
    means = np.stack([x[labels == i].mean(axis=0) for i in range(number)])
    return Styles(labels, distances, means, scaling, projection, mixture, scores)


def invent_styles(
    key: KeyArray, styles: Styles, n: int, *, temperature: float = 1.5
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n m"]]:
    """New styles: draws from the mixture of those that were found.

    Args:
      key: for the draws.
      styles: from `find_styles`.
      n: how many.
      temperature: how far from the middle of a style, as a multiple of how far its pictures lie:
        1 draws styles like those of pictures, more reaches between and beyond them, 0 repeats
        the middles.

    Returns:
      Vectors (n, d) like those that styles were found among, and where they lie in the space of
      the mixture (n, m).

    Raises:
      ConfigError: for a negative temperature.
      ValueError: for an n below 1.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax import art
      >>> x = np.random.default_rng(0).normal(size=(30, 5))
      >>> styles = art.find_styles(jax.random.key(0), x, 3)
      >>> art.invent_styles(jax.random.key(1), styles, 4)[0].shape
      (4, 5)
    """
    n = check_count(n, "n")
    check_number(temperature, "temperature", jnp.float32, low=0)
    drawn, labels = styles.mixture.sample(check_key(key), n)
    middle = styles.mixture.means[labels]
    points = middle + jnp.asarray(temperature, middle.dtype) * (drawn - middle)
    scaled = styles.projection.inverse_transform(points)
    return np.asarray(styles.scaling.inverse_transform(scaled)), np.asarray(points)
