import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import OutputError
from clusterart_jax.data import png_bytes
from clusterart_jax.report import Number, Summary, write_report
from clusterart_jax.report._html import render


class Page(HTMLParser):
    """What a test asks of a page: its tags with attributes, its text, its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.inside = ""
        self.feed(text)
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, {name: value or "" for name, value in attributes}))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside != "style":
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def picture(source: str) -> np.ndarray:
    kind, data = source.split(",", 1)
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as image:
        return np.array(image)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_page_is_whole_and_needs_nothing_else(make, tmp_path, channels):
    path = write_report(tmp_path, make(channels=channels))
    assert path == tmp_path / "report.html"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    for tag, attributes in page.tags:
        for name in ("src", "srcset", "href", "action", "data", "poster"):
            value = attributes.get(name, "data:")
            assert value.startswith(("data:", "#")), (tag, name, value[:80])
        assert not any(name.startswith("on") for name in attributes), tag
    assert not page.all("iframe")
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in "".join(page.scripts) + style
    for name in ("clusters", "map", "space", "generated", "reconstructions", "walks", "neighbors"):
        assert name in page.ids()
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert link["href"][1:] in ids


def test_pictures_are_valid_described_and_of_the_size_they_say(make):
    page = Page(render(make(channels=3)))
    images = page.all("img")
    assert len(images) > 10
    for image in images:
        pixels = picture(image["src"])
        assert "alt" in image
        if "width" in image:
            assert image["alt"]
            assert pixels.shape[:2] == (int(image["height"]), int(image["width"]))


def test_the_first_strip_shows_the_nearest_pictures_in_order(make):
    summary = make(n=12, k=1, samples=None, points=None)
    page = Page(render(summary))
    image = next(i for i in page.all("img") if i["alt"] == "12 real pictures of cluster 0")
    sheet = picture(image["src"])
    assert sheet.shape == (128, 512)  # 8 × 8 pixels, eight times enlarged, eight in a row
    order = np.argsort(summary.distances)
    for place, row in enumerate(order):
        top, left = 64 * (place // 8), 64 * (place % 8)
        tile = sheet[top : top + 64 : 8, left : left + 64 : 8]
        np.testing.assert_array_equal(tile, summary.images[row, ..., 0])


def test_same_summary_same_bytes(make):
    assert render(make()) == render(make())


def test_the_only_script_is_ours_and_the_policy_knows_it(make):
    page = Page(render(make(n=6)))
    kinds = [attributes.get("type", "") for attributes in page.all("script")]
    assert sorted(kinds) == ["", "application/json"]
    policy = next(m["content"] for m in page.all("meta") if "Policy" in m.get("http-equiv", ""))
    digest = base64.b64encode(hashlib.sha256(page.scripts[-1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&.png"


def test_names_from_files_are_text_wherever_they_stand(make):
    summary = make(
        title=HOSTILE,
        source=HOSTILE,
        command=HOSTILE,
        names=[HOSTILE] * 39 + ["broken\udcff\u202ename"],
        walk_names=[HOSTILE, HOSTILE],
        skipped=[(HOSTILE, HOSTILE)],
        warnings=[HOSTILE],
        config={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        numbers=[Number(HOSTILE, HOSTILE, HOSTILE, "higher")],
        losses={HOSTILE: np.ones(3)},
        seconds={HOSTILE: 1.0},
        true_labels=np.zeros(40, int),
        true_names=[HOSTILE],
    )
    text = render(summary)
    text.encode("utf-8")  # lone surrogates could not be written
    page = Page(text)
    assert "<script>alert" not in text
    assert len(page.all("script")) == 2
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert "alert(1)" in page.text
    data = json.loads(page.scripts[0])
    assert data["names"][0] == HOSTILE
    assert data["names"][39] == "broken\\udcff\\u202ename"


def test_the_map_in_space_holds_what_it_should(make):
    points = np.zeros((40, 3))
    points[:20, 0] = 2.0
    points[20:, 0] = -2.0
    points[39] = np.nan
    summary = make(points=points, labels=np.r_[np.zeros(30, int), np.full(10, -1)], k=2)
    page = Page(render(summary))
    data = json.loads(page.scripts[0])
    assert len(data["ranks"]) == len(data["names"]) == 39  # the point that is nowhere is left out
    assert len(data["points"]) == 3 * 39
    assert set(data["ranks"]) == {0, -1}
    assert data["clusters"][1]["center"] is None  # an empty cluster lies nowhere
    atlas = next(i for i in page.all("img") if i.get("id") == "scatter-atlas")
    assert picture(atlas["src"]).shape == (8, 39 * 8)
    assert "10 pictures fit no cluster" in page.text
    assert page.all("noscript")


@pytest.mark.parametrize("k", [1, 2, 60])
def test_any_number_of_clusters(make, k):
    page = Page(render(make(n=max(30, k), k=k, points=None)))
    cards = [a["id"] for a in page.all("article")]
    assert len(cards) == k
    assert f"into {k} group" in page.text


def test_many_clusters_of_noise_stay_below_15_mb(make):
    k, side = 200, 64
    picture_shape = (side, side, 3)
    random = np.random.default_rng(0)
    pairs = [random.integers(0, 256, (24, *picture_shape), dtype=np.uint8) for _ in range(4)]
    text = render(
        make(
            n=1600,
            k=k,
            side=side,
            channels=3,
            samples=random.integers(0, 256, (k, 4, *picture_shape), dtype=np.uint8),
            reconstructions=(pairs[0], pairs[1]),
            neighbors=(pairs[2], pairs[3], np.arange(24.0)),
            walks=random.integers(0, 256, (10, 20, *picture_shape), dtype=np.uint8),
            walk_names=(),
        )
    )
    assert len(text) < 15e6
    assert len(Page(text).all("article")) == k
    assert "A cluster shows at most 4 of each" in Page(text).text


def test_clusters_with_no_picture_and_with_one(make):
    labels = np.zeros(40, int)
    labels[7] = 2
    page = Page(render(make(labels=labels, points=None)))
    assert "39 pictures, 97.5%" in page.text
    assert "1 picture, 2.5%" in page.text
    assert "No picture is in this cluster." in page.text
    assert "1 cluster is empty" in page.text
    assert [a["id"] for a in page.all("article")] == ["cluster-0", "cluster-2", "cluster-1"]


def test_only_what_is_there_is_shown(make):
    page = Page(
        render(Summary(images=np.zeros((3, 8, 8, 1), np.uint8), labels=np.zeros(3, np.int32)))
    )
    assert set(page.ids()) == {"numbers", "clusters", "cluster-0", "made"}
    assert "distance" not in page.text
    assert "mostly" not in page.text
    assert "drawn by the model" not in page.text.lower()
    assert not page.all("table")
    assert "Copy" not in page.text


@pytest.mark.parametrize(("dimensions", "map_there"), [(1, False), (2, True)])
def test_few_dimensions_make_fewer_maps(make, dimensions, map_there):
    ids = Page(render(make(points=np.random.default_rng(0).normal(size=(40, dimensions))))).ids()
    assert ("map" in ids) is map_there
    assert "space" not in ids


def test_points_that_are_nowhere_make_no_map(make):
    assert "map" not in Page(render(make(points=np.full((40, 3), np.nan)))).ids()


def test_points_that_are_one_make_a_map(make):
    assert "space" in Page(render(make(points=np.zeros((40, 3))))).ids()


def test_a_subsample_is_said(make):
    page = Page(render(make(n=6000, side=2)))
    assert "5,000 points of 6,000, evenly spaced" in page.text
    assert "3,000 points of 6,000, evenly spaced" in page.text
    assert "All 40 points." in Page(render(make())).text


def test_numbers_that_are_none_are_said_to_be(make):
    numbers = [
        Number("a", float("nan"), "means this", "lower"),
        Number("b", 1234.0),
        Number("c", "x"),
    ]
    page = Page(render(make(points=None, numbers=numbers, distances=np.full(40, np.nan))))
    assert "not available means this ↓ lower is better" in page.text
    assert "1,234" in page.text
    assert "median distance to centre: not available" in page.text
    assert "nan" not in page.text.lower().split()


def test_each_curve_has_its_plot_in_light_and_dark(make):
    page = Page(render(make(points=None, losses={"a": np.ones(5), "b": np.ones(1)})))
    assert len(page.all("source")) == len(page.all("picture")) == 2


def test_the_nearest_of_the_neighbors_come_first(make):
    text = Page(render(make(points=None))).text
    assert re.search(r"closest pairs come first.* 0\.5 +1 +2 ", text)


def test_skipped_files_are_counted_and_listed(make):
    page = Page(render(make(points=None, skipped=[(f"f{i}.png", "too small") for i in range(502)])))
    assert "502 files could not be used and are not part" in page.text
    assert "f499.png" in page.text
    assert "f500.png" not in page.text
    assert "and 2 more." in page.text


def test_a_folder_that_is_not_there_is_an_output_error(make, tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        write_report(tmp_path / "nowhere", make(points=None))


def test_sheets_of_pictures_on_the_way(make):
    sheets = {step: np.full((20, 30 + step, 3), step, np.uint8) for step in (1, 200)}
    page = Page(render(make(progress={step: png_bytes(s) for step, s in sheets.items()})))
    assert "after 1 step" in page.text
    assert "after 200 steps" in page.text
    shown = {i["alt"]: i for i in page.all("img") if i.get("alt", "").startswith("Pictures after")}
    for step, sheet in sheets.items():
        image = shown[f"Pictures after {step} step{'s' if step > 1 else ''}"]
        assert (int(image["width"]), int(image["height"])) == (30 + step, 20)
        np.testing.assert_array_equal(picture(image["src"]), sheet)
    assert "On the way" not in Page(render(make())).text
