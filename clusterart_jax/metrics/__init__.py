"""Labels or pictures → numbers.

- `silhouette_score`, `silhouette_samples`: how much nearer a row is to its own cluster.
- `mean_intra_cluster_distance`, `davies_bouldin_score`, `calinski_harabasz_score`: how tight and
  how far apart clusters are.
- `adjusted_rand_score`: agreement of labels, pair by pair.
- `normalized_mutual_info_score`, `adjusted_mutual_info_score`, `homogeneity_score`,
  `completeness_score`, `v_measure_score`: what one labelling tells about the other.
- `clustering_accuracy`, `precision_recall_matched`: clusters as classes, matched at their best.
- `choose_k`: how many clusters, by silhouette, elbow, gap statistic or BIC.
- `frechet_distance`, `gaussian_frechet_distance`: between Gaussians fitted to real and generated
  features; FID on those of Inception.
- `kernel_distance`: unbiased, with its standard error; KID on features of Inception.
- `precision_recall`, `density_coverage`: how good generated features are, and how much they show.
- `inception_score`: how sure a classifier is, over how many classes.
- `picture_scores`: all of these at once, with their floor and the name of the network.
- `nearest_neighbors`: distance to the nearest rows of another set; shows copying.
"""

from ._agreement import adjusted_rand_score
from ._choose import KChoice, choose_k
from ._dispersion import calinski_harabasz_score, davies_bouldin_score
from ._frechet import frechet_distance, gaussian_frechet_distance
from ._inception_score import InceptionScore, inception_score
from ._information import (
    adjusted_mutual_info_score,
    completeness_score,
    homogeneity_score,
    normalized_mutual_info_score,
    v_measure_score,
)
from ._kernel import KernelDistance, kernel_distance
from ._manifold import DensityCoverage, PrecisionRecall, density_coverage, precision_recall
from ._matching import MatchedScores, clustering_accuracy, precision_recall_matched
from ._neighbors import nearest_neighbors
from ._pictures import PictureScores, picture_scores
from ._silhouette import mean_intra_cluster_distance, silhouette_samples, silhouette_score

__all__ = [
    "DensityCoverage",
    "InceptionScore",
    "KChoice",
    "KernelDistance",
    "MatchedScores",
    "PictureScores",
    "PrecisionRecall",
    "adjusted_mutual_info_score",
    "adjusted_rand_score",
    "calinski_harabasz_score",
    "choose_k",
    "clustering_accuracy",
    "completeness_score",
    "davies_bouldin_score",
    "density_coverage",
    "frechet_distance",
    "gaussian_frechet_distance",
    "homogeneity_score",
    "inception_score",
    "kernel_distance",
    "mean_intra_cluster_distance",
    "nearest_neighbors",
    "normalized_mutual_info_score",
    "picture_scores",
    "precision_recall",
    "precision_recall_matched",
    "silhouette_samples",
    "silhouette_score",
    "v_measure_score",
]
