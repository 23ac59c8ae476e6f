"""Labels or pictures → numbers.

- `silhouette_score`, `silhouette_samples`: how much nearer a row is to its own cluster.
- `adjusted_rand_score`, `normalized_mutual_info_score`, `clustering_accuracy`: agreement of labels.
- `nearest_neighbors`: distance to the nearest rows of another set; shows copying.
"""

from ._agreement import adjusted_rand_score, clustering_accuracy, normalized_mutual_info_score
from ._neighbors import nearest_neighbors
from ._silhouette import silhouette_samples, silhouette_score

__all__ = [
    "adjusted_rand_score",
    "clustering_accuracy",
    "nearest_neighbors",
    "normalized_mutual_info_score",
    "silhouette_samples",
    "silhouette_score",
]
