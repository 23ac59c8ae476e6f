"""Some files of a folder as squares."""

import numpy as np

from clusterart_jax.data import load, read_squares, write_picture

RNG = np.random.default_rng(0)


def test_as_load_reads_them_in_the_order_asked_for(tmp_path):
    for name in "abc":
        write_picture(tmp_path / f"{name}.png", RNG.integers(0, 256, (30, 40, 3), np.uint8))
    whole = load(tmp_path, size=16, channels=3).images
    images, reasons = read_squares(tmp_path, ["c.png", "a.png"], 16)
    assert np.array_equal(images, whole[[2, 0]])
    assert reasons == [None, None]


def test_what_cannot_be_read_is_black_and_says_why(tmp_path):
    write_picture(tmp_path / "grey.png", np.full((20, 20, 1), 7, np.uint8))
    (tmp_path / "bad.png").write_bytes(b"none")
    images, reasons = read_squares(tmp_path, ["bad.png", "grey.png", "no.png"], 8)
    assert (images[0] == 0).all()
    assert (images[1] == 7).all()
    assert images.shape == (3, 8, 8, 3)
    assert "not a picture" in reasons[0]
    assert reasons[1] is None
    assert reasons[2] == "no such file or directory"


def test_none_are_none(tmp_path):
    images, reasons = read_squares(tmp_path, [], 8)
    assert images.shape == (0, 8, 8, 3)
    assert reasons == []
