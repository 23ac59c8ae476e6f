"""Files, named sets and arrays → pictures as one `uint8` array; the only importer of Pillow.

- `load`: a named set, a folder, a picture, an .npy/.npz file or an array → `Pictures`.
- `read_picture`: one picture of any shape, alpha kept; `SAMPLES`: two that are always there;
  `find_files`: the names of those below a folder.
- `read_squares`: some files of a folder as squares, and why others cannot be read.
- `Pictures`: the array, and where each picture of it came from.
- `Skipped`: a file of a folder that could not be read, and why.
- `resize`: an array of pictures → squares of another size, antialiased.
- `write_picture`: one picture → a file, whole or absent; `write_png`: always as PNG.
- `write_animation`: several → a GIF or an animated PNG.
- `LARGE_BYTES`: more than so many of an .npy file stay in it, and are read where touched.
- `png_bytes`: one picture → the bytes of a PNG.
- `write_indexed_png`, `indexed_png_bytes`: a picture of at most 256 colours, an index a pixel.
- `draw_text`: words on a picture.
"""

from ._arrays import LARGE_BYTES
from ._folder import find_files, read_squares
from ._indexed import indexed_png_bytes, write_indexed_png
from ._load import load
from ._photograph import SAMPLES, read_picture
from ._pictures import Pictures, Skipped
from ._resize import resize
from ._text import draw_text
from ._write import png_bytes, write_animation, write_picture, write_png

__all__ = [
    "LARGE_BYTES",
    "SAMPLES",
    "Pictures",
    "Skipped",
    "draw_text",
    "find_files",
    "indexed_png_bytes",
    "load",
    "png_bytes",
    "read_picture",
    "read_squares",
    "resize",
    "write_animation",
    "write_indexed_png",
    "write_picture",
    "write_png",
]
