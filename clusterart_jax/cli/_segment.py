"""`clusterart segment`: a picture's parts, as pictures and masks."""

import argparse
from typing import TYPE_CHECKING, Any

from .._errors import ConfigError
from ._artwork import key_of, on_picture, out_beside, picture_of

if TYPE_CHECKING:
    import numpy as np

    from ..art import Segments

_WAYS = ("kmeans", "gmm", "dbscan", "agglomerative", "slic")
_SHOWN = ("outlines", "mean", "colors", "labels", "mask", "cutout")
_LISTED = 32  # segments at most that are told of


def add_segment(commands: Any) -> None:
    """`clusterart segment`."""
    parser = on_picture(
        commands,
        "segment",
        _segment,
        "Divide a picture into parts, and show or mask them.",
        "clusterart segment photo.jpg -k 6 --as mean --out parts.png",
    )
    parser.add_argument(
        "-k",
        type=int,
        metavar="N",
        help="parts (default: 8; 400 for slic; dbscan finds how many)",
    )
    parser.add_argument(
        "--method",
        choices=_WAYS,
        default="kmeans",
        help=f"{', '.join(_WAYS)}; slic gives superpixels (default: kmeans)",
    )
    parser.add_argument(
        "--as",
        dest="shown",
        choices=_SHOWN,
        default="outlines",
        help="outlines on the picture, mean colours, colors that tell parts apart, labels (8 or 16 "
        "bits, 0 is none), mask (white where --only is), cutout (the rest is clear)",
    )
    parser.add_argument(
        "--only", metavar="N[,N…]", help="numbers of the parts that mask and cutout are of"
    )
    parser.add_argument("--place", type=float, help="how much place counts beside colour")
    parser.add_argument("--superpixels", type=int, metavar="N", help="of which parts are made")
    parser.add_argument(
        "--compactness", type=float, default=10.0, help="of superpixels (default: 10)"
    )
    parser.add_argument("--eps", type=float, help="of dbscan: what is near in colour and place")
    parser.add_argument(
        "--connected", action="store_true", help="every connected part has a number of its own"
    )
    parser.add_argument("--width", type=int, default=1, help="of outlines, in pixels (default: 1)")
    parser.add_argument("--out", metavar="PNG", help="default: PICTURE-segments.png, here")
    parser.set_defaults(names={"n_segments": "-k", "n_superpixels": "--superpixels"})


def _segment(options: argparse.Namespace) -> int:
    from ..data import write_picture

    out = out_beside(options, "segments", (".png",))
    numbers = _numbers(options)
    image = picture_of(options)
    found = _found(options, image)
    drawn = _drawn(options, image, found, numbers)
    write_picture(out, drawn)
    if not options.quiet and found.n_segments <= _LISTED:
        _tell(found)
    print(out)
    return 0


def _numbers(options: argparse.Namespace) -> list[int]:
    needed = options.shown in ("mask", "cutout")
    if needed != (options.only is not None):
        what = "needs --only, the numbers of parts" if needed else "takes no --only"
        raise ConfigError(f"--as {options.shown} {what}")
    try:
        return [int(word) for word in options.only.split(",")] if needed else []
    except ValueError:
        raise ConfigError(f"--only must be numbers as 4 or 1,4, not {options.only!r}") from None


def _found(options: argparse.Namespace, image: "np.ndarray") -> "Segments":
    from ..art import segment, slic

    if options.method == "slic":
        for name in ("place", "superpixels", "eps"):
            if getattr(options, name) is not None:
                raise ConfigError(f"--method slic takes no --{name}")
        if options.connected:
            raise ConfigError("--method slic takes no --connected: its parts are connected")
        return slic(image, 400 if options.k is None else options.k, compactness=options.compactness)
    k = options.k
    if k is None and options.method != "dbscan":
        k = min(8, image.shape[0] * image.shape[1])  # of very small pictures, a pixel each
    elif k is not None and options.method == "dbscan":
        raise ConfigError("--method dbscan finds by itself how many: it takes no -k")
    return segment(
        key_of(options),
        image,
        k,
        method=options.method,
        place=options.place,
        n_superpixels=options.superpixels,
        compactness=options.compactness,
        eps=options.eps,
        parts=options.connected,
    )


def _drawn(
    options: argparse.Namespace, image: "np.ndarray", found: "Segments", numbers: list[int]
) -> "np.ndarray":
    from .. import art

    if options.shown == "outlines":
        return art.draw_outlines(image, found, width=options.width)
    if options.shown == "mean":
        return art.draw_means(found)
    if options.shown == "colors":
        return art.draw_labels(found)
    if options.shown == "labels":
        return art.label_map(found)
    if options.shown == "cutout":
        return art.cut_out(image, found, numbers)
    return art.segment_mask(found, numbers).astype("uint8") * 255


def _tell(found: "Segments") -> None:
    for number, (size, color) in enumerate(zip(found.sizes, found.colors, strict=True)):
        share = size / found.sizes.sum()
        red, green, blue = color if len(color) == 3 else [color[0]] * 3
        print(f"{number:3d}  {share:6.1%}  #{red:02x}{green:02x}{blue:02x}")
