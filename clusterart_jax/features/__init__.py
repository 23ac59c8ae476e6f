"""Pictures → points: what the clustering sees of a picture.

Rows:

- `pixels`: pictures → rows of pixel values, scaled to 0…1.
- `pca`: principal components; the state it returns transforms rows there and back.
- `pca_update`: the same from batches of rows.
- `lda`: directions in which classes differ most; the state classifies, too.
- `scale`, `unit_rows`: columns brought to one scale, rows to one length.
- `extract_patches`, `random_patches`, `normalize_patches`, `merge_patches`: small squares of
  pictures as rows, and back.

- `color_statistics`, `texture_statistics`: what colours a picture has, and how it is drawn.
- `network`: a pretrained network by name; its features are what pictures are compared by.

Pictures and colours:

- `resize`: pictures of another size.
- `srgb_to_linear`, `srgb_to_xyz`, `srgb_to_lab`, `srgb_to_oklab`, `srgb_to_hsv`, each with its
  inverse, and `luminance`, which is grey.
"""

from ._color_statistics import color_statistics
from ._colors import (
    hsv_to_srgb,
    lab_to_srgb,
    linear_to_srgb,
    luminance,
    oklab_to_srgb,
    srgb_to_hsv,
    srgb_to_lab,
    srgb_to_linear,
    srgb_to_oklab,
    srgb_to_xyz,
    xyz_to_srgb,
)
from ._lda import lda
from ._lda_state import LDAState
from ._network import Network, NetworkOutput, network
from ._patches import extract_patches, merge_patches, normalize_patches, random_patches
from ._pca import pca
from ._pca_state import PCAState
from ._pca_stream import PCASums, pca_update
from ._pixels import pixels
from ._resize import resize
from ._scaling import ScaleState, scale, unit_rows
from ._texture_statistics import texture_statistics

__all__ = [
    "LDAState",
    "Network",
    "NetworkOutput",
    "PCAState",
    "PCASums",
    "ScaleState",
    "color_statistics",
    "extract_patches",
    "hsv_to_srgb",
    "lab_to_srgb",
    "lda",
    "linear_to_srgb",
    "luminance",
    "merge_patches",
    "network",
    "normalize_patches",
    "oklab_to_srgb",
    "pca",
    "pca_update",
    "pixels",
    "random_patches",
    "resize",
    "scale",
    "srgb_to_hsv",
    "srgb_to_lab",
    "srgb_to_linear",
    "srgb_to_oklab",
    "srgb_to_xyz",
    "texture_statistics",
    "unit_rows",
    "xyz_to_srgb",
]
