"""Files of palettes are read back as they were written; names, contrast and colour blindness."""

import json
import re
import struct
import xml.etree.ElementTree as ET
from itertools import pairwise

import jax.numpy as jnp
import matplotlib.colors
import numpy as np
import pytest

from clusterart_jax import art
from clusterart_jax._errors import ConfigError
from clusterart_jax.features import linear_to_srgb, srgb_to_linear, srgb_to_oklab

COLORS = np.array([[230, 57, 70], [241, 250, 238], [29, 53, 87]]) / 255
CODES = ["#e63946", "#f1faee", "#1d3557"]


@pytest.fixture(scope="module")
def found():
    centers = srgb_to_oklab(jnp.asarray(COLORS, jnp.float32))
    shares = jnp.array([0.5, 0.4995, 0.0005], jnp.float32)
    error, steps = jnp.float32(0.01), jnp.int32(3)
    return art.Palette(
        jnp.asarray(COLORS, jnp.float32), shares, centers, error, steps, jnp.array(True)
    )


def read_ase(content):
    """Blocks of an ASE file: (kind, name, model, channels, type)."""
    mark, major, minor, count = struct.unpack_from(">4sHHI", content)
    assert (mark, major, minor) == (b"ASEF", 1, 0)
    blocks, at = [], 12
    for _ in range(count):
        kind, length = struct.unpack_from(">HI", content, at)
        body, at = content[at + 6 : at + 6 + length], at + 6 + length
        if kind == 0xC002:
            assert body == b""
            blocks.append((kind, None, None, None, None))
            continue
        units = struct.unpack_from(">H", body)[0]
        text, rest = body[2 : 2 + 2 * units].decode("utf-16-be"), body[2 + 2 * units :]
        assert text.endswith("\0")
        if kind == 0xC001:
            assert rest == b""
            blocks.append((kind, text[:-1], None, None, None))
        else:
            model, *channels, usage = struct.unpack(">4s3fH", rest)
            blocks.append((kind, text[:-1], model, channels, usage))
    assert at == len(content)
    return blocks


def test_ase_is_read_back(found):
    blocks = read_ase(art.palette_ase(found, "Élan"))
    assert [block[0] for block in blocks] == [0xC001, 1, 1, 1, 0xC002]
    assert blocks[0][1] == "Élan"
    for block, color, code in zip(blocks[1:-1], COLORS, CODES, strict=True):
        assert block[1].endswith(code)
        assert block[2] == b"RGB "
        assert np.allclose(block[3], color, atol=1e-6)
        assert block[4] == 0


def test_gpl_is_what_gimp_reads(found):
    lines = art.palette_gpl(found, "two\nlines").splitlines()
    assert lines[:4] == ["GIMP Palette", "Name: two lines", "Columns: 3", "#"]
    levels = [[int(word) for word in line.split("\t")[0].split()] for line in lines[4:]]
    assert levels == np.round(255 * COLORS).astype(int).tolist()


def test_css_has_one_property_a_colour(found):
    properties = re.findall(r"--brand-(\d): (#[0-9a-f]{6});", art.palette_css(found, "brand"))
    assert properties == [(str(i), code) for i, code in enumerate(CODES, 1)]


def test_json_says_all(found):
    facts = json.loads(art.palette_json(found))
    assert [color["hex"] for color in facts["colors"]] == CODES
    assert facts["colors"][0]["rgb"] == [230, 57, 70]
    assert np.isclose(sum(color["share"] for color in facts["colors"]), 1)
    each = np.array(facts["contrast"])
    assert np.array_equal(each, each.T)
    assert (np.diag(each) == 1).all()


def test_svg_is_well_formed_and_its_bar_whole(found):
    root = ET.fromstring(art.palette_svg(found, "a < b & c"))
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text == "a < b & c"
    boxes = [box.attrib for box in root.findall(f"{space}rect")][1:]
    bar = [box for box in boxes if box["y"] == boxes[0]["y"]]
    assert int(bar[0]["x"]) == 48
    for left, right in pairwise(bar):
        assert int(left["x"]) + int(left["width"]) == int(right["x"])
    assert int(bar[-1]["x"]) + int(bar[-1]["width"]) == 912
    words = [text.text for text in root.findall(f"{space}text")]
    assert {"50 %", "< 0.1 %", *CODES} <= set(words)


@pytest.mark.parametrize("shape", [(40, 90, 1), (90, 40, 3), (40, 2000, 4)])
def test_card_shows_picture_and_colours(found, shape):
    picture = np.full(shape, 77, np.uint8)
    plain, card = art.palette_card(found, "x"), art.palette_card(found, "x", picture)
    assert card.shape[1:] == (960, 3)
    assert len(card) > len(plain)
    shades = {tuple(color) for color in card[::3, ::3].reshape(-1, 3).tolist()}
    assert {tuple(np.round(255 * color).astype(int)) for color in COLORS[:2]} <= shades
    seen = 77 if shape[2] < 4 else round(255 + (77 - 255) * 77 / 255)
    assert (card[96:110, 480] == seen).all()


@pytest.mark.parametrize("k", [1, 2, 7, 24, 60])
def test_a_card_holds_any_number_of_colours(found, k):
    colors = jnp.linspace(0, 1, 3 * k, dtype=jnp.float32).reshape(k, 3)
    many = found._replace(colors=colors, centers=colors, shares=jnp.full(k, 1 / k))
    card = art.palette_card(many)
    # Nothing ends at the paper's edge.
    assert (card[:40] == 255).all()
    assert (card[-40:] == 255).all()
    assert (card[:, :40] == 255).all()
    assert (card[:, -40:] == 255).all()


def test_names_are_those_of_css():
    assert art.css_colors() == {
        name: code.lower() for name, code in matplotlib.colors.CSS4_COLORS.items()
    }


def test_a_named_colour_has_its_own_name():
    names = [n for n in art.css_colors() if "grey" not in n and n not in ("aqua", "fuchsia")]
    colors = [matplotlib.colors.to_rgb(art.css_colors()[name]) for name in names]
    assert art.color_names(np.array(colors)) == names


def test_dark_browns_are_no_dark_blues():
    assert art.color_names(np.array([[28, 23, 17]]) / 255) == ["black"]


def test_contrast_by_hand():
    grey = np.full(3, 118 / 255)  # of luminance 0.1812
    assert np.isclose(float(art.contrast(grey, np.ones(3))), 1.05 / 0.2312, rtol=1e-3)
    assert np.isclose(float(art.contrast(np.zeros(3), grey)), 0.2312 / 0.05, rtol=1e-3)
    assert float(art.contrast(grey, grey)) == 1


@pytest.mark.parametrize("vision", ["protan", "deutan", "tritan"])
def test_the_colour_blind_see_grey_as_it_is_and_two_dimensions_of_colour(vision):
    greys = np.linspace(0, 1, 9)[:, None].repeat(3, axis=1)
    assert np.allclose(art.color_blind(greys, vision), greys, atol=5e-3)
    # Of three dimensions of light they see two: the map is nearly singular.
    lights = 0.4 + 0.1 * np.concatenate([np.eye(3), np.zeros((1, 3))])
    seen = np.asarray(srgb_to_linear(art.color_blind(linear_to_srgb(lights), vision)))
    values = np.linalg.svd((seen[:3] - seen[3:]) / 0.1, compute_uv=False)
    assert values[2] < 0.2 * values[1]


def test_red_and_green_are_confused_by_those_who_lack_green():
    pairs = art.confusions(np.array([[0.75, 0.35, 0.1], [0.5, 0.5, 0.1], [0.1, 0.2, 0.9]]))
    assert [(p.first, p.second, p.vision) for p in pairs] == [(0, 1, "deutan")]
    assert pairs[0].before > 0.08
    assert pairs[0].after < 0.04
    assert art.confusions(np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])) == []


def test_what_cannot_be_is_named():
    with pytest.raises(ConfigError, match="vision must be one of protan, deutan, tritan"):
        art.color_blind(COLORS, "blind")
    with pytest.raises(ConfigError, match="near must be above 0"):
        art.confusions(COLORS, near=0.0)
