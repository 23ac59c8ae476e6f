"""Linkages by the distance of centres, which may fall as clusters merge: the nearest two first."""

from typing import NamedTuple, TypeAlias

import jax.numpy as jnp
from jax import lax

from .._typing import Array
from ._linkage_format import Merges

_Found: TypeAlias = tuple[Array, Array, Array, Array]


class _State(NamedTuple):
    """Clusters in slots.

    Attributes:
      centers: (d, n) centres.
      gone: (n,) 0 for live clusters, infinity for the others.
      mass: (n,) weights.
      node: (n,) number of each cluster in the tree, in the order of merging.
      nearest: (n,) slot of the nearest cluster, where `sure`.
      least: (n,) squared distance to it; not more than that, where not `sure`.
      sure: (n,) whether those are known.
      merges: what was merged, and how many merges there were.
    """

    centers: Array
    gone: Array
    mass: Array
    node: Array
    nearest: Array
    least: Array
    sure: Array
    merges: Merges


def center_merges(x: Array, weights: Array, method: str) -> Merges:
    """Merges of all rows with a weight, at the squared distance of the two centres.

    The nearest two clusters are merged, one pair after the other. A cluster whose nearest
    neighbour is gone keeps the distance as a bound, and is searched for again only once no other
    bound is lower.

    Args:
      x: rows (n, d), centred.
      weights: (n,).
      method: "centroid", the mean of the rows, or "median", the middle of the two centres.
    """
    n = len(x)
    here = jnp.arange(n, dtype=jnp.int32)
    present = weights > 0
    start = _State(
        centers=jnp.where(present[:, None], x, 0).T,
        gone=jnp.where(present, 0, jnp.inf).astype(x.dtype),
        mass=jnp.where(present, weights, 1),
        node=here,
        nearest=here,
        least=jnp.where(present, 0, jnp.inf).astype(x.dtype),
        sure=jnp.zeros(n, bool),
        merges=Merges.empty(n, x.dtype),
    )
    needed = jnp.sum(present, dtype=jnp.int32) - 1

    def distances(s: _State, i: Array) -> Array:
        center = lax.dynamic_slice_in_dim(s.centers, i, 1, axis=1)
        far = jnp.sum((s.centers - center) ** 2, axis=0) + s.gone
        return jnp.where(here == i, jnp.inf, far)

    def first(values: Array) -> tuple[Array, Array]:
        least = jnp.min(values)
        return least, jnp.min(jnp.where(values <= least, here, n - 1))

    def step(s: _State) -> _State:
        def search(found: _Found) -> _Found:
            nearest, least, sure, i = found
            far, j = first(distances(s, i))
            nearest, least = nearest.at[i].set(j), least.at[i].set(far)
            return nearest, least, sure.at[i].set(True), first(least)[1]

        found = (s.nearest, s.least, s.sure, first(s.least)[1])
        nearest, least, sure, i = lax.while_loop(lambda f: ~f[2][f[3]], search, found)
        return merge(s._replace(nearest=nearest, least=least, sure=sure), i, nearest[i])

    def merge(s: _State, a: Array, b: Array) -> _State:
        x, y = (lax.dynamic_slice_in_dim(s.centers, i, 1, axis=1) for i in (a, b))
        both = s.mass[a] + s.mass[b]
        share = s.mass[b] / both if method == "centroid" else jnp.asarray(0.5, x.dtype)
        new, centers = lax.optimization_barrier((x + share * (y - x), s.centers))
        m = s.merges
        merges = m.add(m.done, s.node[a], s.node[b], s.least[a], both, m.done + 1)
        s = s._replace(
            centers=lax.dynamic_update_slice_in_dim(centers, new, b, axis=1),
            gone=s.gone.at[a].set(jnp.inf),
            mass=s.mass.at[b].set(both),
            node=s.node.at[b].set(n + m.done),
            merges=merges,
        )
        far = distances(s, b)
        # The new one may be nearer than all others were; who lost its neighbour keeps a bound.
        lost = (s.nearest == a) | (s.nearest == b)
        nearer = far <= s.least
        least, j = first(far)
        return s._replace(
            nearest=jnp.where(nearer, b, s.nearest).at[b].set(j),
            least=jnp.minimum(far, s.least).at[b].set(least).at[a].set(jnp.inf),
            sure=((s.sure & ~lost) | nearer).at[b].set(True),
        )

    return lax.while_loop(lambda s: s.merges.done < needed, step, start).merges
