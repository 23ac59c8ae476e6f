"""Pictures, their clusters and palettes → pictures that people hang, print and use.

Functions take and give arrays, or the text of a vector file; reading and writing is `data`'s.
"""

from ._segments import Segments
from ._slic import slic

__all__ = ["Segments", "slic"]
