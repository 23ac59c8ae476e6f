"""A palette as a file for other programs: JSON, CSS, GIMP's GPL, Adobe's ASE."""

import json
import struct
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._card import percent
from ._contrast import confusions, contrast
from ._names import color_names, hex_codes
from ._palette import Palette


def palette_facts(found: Palette) -> dict[str, Any]:
    """All that is known of a palette, in types of JSON.

    Args:
      found: from `palette` or `shared_palette`.

    Returns:
      `colors`: of each its `hex`, `rgb` (0…255), `oklab`, `share`, `name` (the nearest of CSS), and
      WCAG contrast `on_black` and `on_white`; `contrast`: (k, k), of each with each;
      `confusions`: pairs that people of one kind of colour blindness take for one another, with
      their OKLab distances; `error`: root mean squared OKLab distance of pixels to their colour.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import palette, palette_facts
      >>> facts = palette_facts(palette(jax.random.key(0), np.zeros((8, 8), np.uint8), 1))
      >>> facts["colors"][0]["name"], facts["colors"][0]["on_white"]
      ('black', 21.0)
    """
    colors = jnp.asarray(found.colors, jnp.float32)
    codes, names = hex_codes(colors), color_names(colors)
    black = np.asarray(contrast(colors, jnp.zeros_like(colors)), np.float64)
    white = np.asarray(contrast(colors, jnp.ones_like(colors)), np.float64)
    each = np.asarray(contrast(colors[:, None], colors[None]), np.float64)
    return {
        "colors": [
            {
                "hex": codes[i],
                "rgb": list(bytes.fromhex(codes[i][1:])),
                "oklab": [round(float(value), 4) for value in found.centers[i]],
                "share": round(float(found.shares[i]), 6),
                "name": names[i],
                "on_black": round(float(black[i]), 2),
                "on_white": round(float(white[i]), 2),
            }
            for i in range(len(codes))
        ],
        "contrast": each.round(2).tolist(),
        "confusions": [
            {
                "colors": [codes[pair.first], codes[pair.second]],
                "vision": pair.vision,
                "before": round(pair.before, 4),
                "after": round(pair.after, 4),
            }
            for pair in confusions(colors)
        ],
        "error": round(float(found.error), 6),
    }


def palette_json(found: Palette) -> str:
    """`palette_facts` as the text of a JSON file."""
    return json.dumps(palette_facts(found), indent=1) + "\n"


def palette_css(found: Palette, prefix: str = "palette") -> str:
    """Custom properties `--palette-1` and so on, for a style sheet.

    Args:
      found: from `palette` or `shared_palette`.
      prefix: the beginning of their names: letters, digits, - and _.

    Returns:
      The text of a CSS file.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import palette, palette_css
      >>> print(palette_css(palette(jax.random.key(0), np.zeros((8, 8), np.uint8), 1)), end="")
      :root {
        --palette-1: #000000; /* black, 100 % */
      }
    """
    lines = [
        f"  --{prefix}-{i}: {code}; /* {name}, {percent(share)} */"
        for i, (code, name, share) in enumerate(_rows(found), 1)
    ]
    return "\n".join([":root {", *lines, "}", ""])


def palette_gpl(found: Palette, title: str = "palette") -> str:
    """A palette for GIMP, Inkscape and Krita.

    Args:
      found: from `palette` or `shared_palette`.
      title: its name, one line.

    Returns:
      The text of a GPL file.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import palette, palette_gpl
      >>> black = palette(jax.random.key(0), np.zeros((8, 8), np.uint8), 1)
      >>> palette_gpl(black, "night").splitlines()[:2]
      ['GIMP Palette', 'Name: night']
    """
    lines = [
        " ".join(f"{level:3d}" for level in bytes.fromhex(code[1:])) + f"\t{name} {percent(share)}"
        for code, name, share in _rows(found)
    ]
    head = ["GIMP Palette", f"Name: {' '.join(title.split())}", f"Columns: {min(16, len(lines))}"]
    return "\n".join([*head, "#", *lines, ""])


def palette_ase(found: Palette, title: str = "palette") -> bytes:
    """A palette for Adobe's programs: Adobe Swatch Exchange, a group of RGB colours.

    Args:
      found: from `palette` or `shared_palette`.
      title: the name of the group.

    Returns:
      The bytes of an ASE file: big-endian, names in UTF-16, channels as float32 in 0…1.

    Example:
      >>> import jax, numpy as np
      >>> from clusterart_jax.art import palette, palette_ase
      >>> palette_ase(palette(jax.random.key(0), np.zeros((8, 8), np.uint8), 1))[:4]
      b'ASEF'
    """
    blocks = [_block(0xC001, _utf16(title))]
    for code, name, _ in _rows(found):
        channels = [level / 255 for level in bytes.fromhex(code[1:])]
        entry = _utf16(f"{name} {code}") + b"RGB " + struct.pack(">3fH", *channels, 0)
        blocks.append(_block(0x0001, entry))
    blocks.append(_block(0xC002, b""))
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks)) + b"".join(blocks)


def _block(kind: int, content: bytes) -> bytes:
    return struct.pack(">HI", kind, len(content)) + content


def _utf16(words: str) -> bytes:
    """Its length in units of two bytes, with the zero at its end, and itself."""
    coded = words.encode("utf-16-be", "replace") + b"\0\0"
    return struct.pack(">H", len(coded) // 2) + coded


def _rows(found: Palette) -> list[tuple[str, str, float]]:
    shares = np.asarray(found.shares, np.float64).tolist()
    return list(zip(hex_codes(found.colors), color_names(found.colors), shares, strict=True))
