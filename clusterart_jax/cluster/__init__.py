"""Points → a `Result` with labels; one algorithm a file.

- `kmeans`: k-means by Lloyd's iteration from greedy k-means++ seeds.
- `nearest_centers`: the cluster of new points, and their distance to its centre.
"""

from ._kmeans import KMeansResult, kmeans, nearest_centers

__all__ = ["KMeansResult", "kmeans", "nearest_centers"]
