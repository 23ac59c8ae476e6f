"""Pictures → points: what the clustering sees of a picture.

- `pixels`: pictures → rows of pixel values, scaled to 0…1.
- `pca`: principal components; the state it returns transforms rows there and back.
"""

from ._pca import PCAState, pca
from ._pixels import pixels

__all__ = ["PCAState", "pca", "pixels"]
