import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clusterart_jax.report import Summary, write_figures

ALL = {
    *("clusters", "real", "generated", "map"),
    *("reconstructions", "walks", "losses", "neighbors"),
}


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_figure_is_a_picture_and_the_same_each_time(make, tmp_path, channels):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        paths = write_figures(folder, make(channels=channels))
        assert {path.stem for path in paths} == ALL
    for path in folders[0].iterdir():
        with Image.open(path) as image:
            assert image.mode == "RGB"
            assert not image.info  # no date, no program
        assert path.read_bytes() == (folders[1] / path.name).read_bytes()


def test_a_row_of_clusters_is_number_real_gap_generated(make, tmp_path):
    summary = make(n=40, k=3, points=None)
    write_figures(tmp_path, summary)
    sheet = read(tmp_path / "clusters.png")
    # margin 12, number 64, gap 16, then 16 places of 64 and gaps of 4; twice.
    strip = 16 * 64 + 15 * 4
    assert sheet.shape == (12 + 3 * (64 + 4) + 12, 12 + 64 + 2 * (16 + strip) + 12, 3)
    generated = sheet[12 : 12 + 64 : 8, 12 + 64 + 16 + strip + 16 :][:, :64:8, 0]
    np.testing.assert_array_equal(generated, summary.samples[0, 0, ..., 0])  # 0 is the largest


def test_pairs_stand_above_one_another(make, tmp_path):
    summary = make(points=None)
    write_figures(tmp_path, summary)
    sheet = read(tmp_path / "neighbors.png")[..., 0]
    closest = 1  # its distance is 0.5
    np.testing.assert_array_equal(
        sheet[12 : 12 + 64 : 8, 12 : 12 + 64 : 8], summary.neighbors.samples[closest, ..., 0]
    )
    np.testing.assert_array_equal(
        sheet[80 : 80 + 64 : 8, 12 : 12 + 64 : 8], summary.neighbors.nearest[closest, ..., 0]
    )


def test_only_figures_there_are_parts_for(tmp_path):
    labels = np.array([0, 0, 2, 2, 2])  # no picture is in cluster 1
    summary = Summary(images=np.zeros((5, 100, 40, 3), np.uint8), labels=labels)
    assert [path.stem for path in write_figures(tmp_path, summary)] == ["clusters", "real"]


def test_more_pairs_than_fit_in_a_row_and_many_clusters(make, tmp_path):
    pictures = np.zeros((13, 8, 8, 1), np.uint8)
    summary = make(n=60, k=60, reconstructions=(pictures, pictures), points=None)
    write_figures(tmp_path, summary)
    assert read(tmp_path / "reconstructions.png").shape[1] == 12 + 12 * 68 - 4 + 12
    assert len(read(tmp_path / "real.png")) == 12 + 60 * 36 + 12


def test_importing_the_room_loads_no_plotting():
    program = (
        "import sys, clusterart_jax.report as r; "
        "print([m for m in ('matplotlib', 'jinja2', 'PIL') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert shown.stdout.decode().strip() == "[]"
