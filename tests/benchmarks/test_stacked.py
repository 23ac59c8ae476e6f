"""Stacked pictures have the modes that they are counted by."""

import json

import numpy as np
import pytest

from benchmarks import stacked


def test_channels_are_pictures_and_their_classes_the_mode(few):
    images, labels = few[:2]
    made, modes = stacked.stacked(images, labels, 50, seed=3)
    assert made.shape == (50, 8, 8, 3)
    flat = images.reshape(300, -1)
    for picture, mode in zip(made, modes, strict=True):
        digits = []
        for c in range(3):
            same = (flat == picture[..., c].ravel()).all(axis=1)
            digits.append(labels[same][0])
        assert mode == 100 * digits[0] + 10 * digits[1] + digits[2]


def test_modes_are_read_channel_by_channel():
    def classifier(images):  # a picture shows the class that its pixels have
        return None, np.eye(10)[images[:, 0, 0, 0]]

    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[0, ..., :] = 1, 2, 3
    images[1, ..., 2] = 9
    assert stacked.modes_of(images, classifier).tolist() == [123, 9]


def test_divergence_by_hand():
    real = np.repeat([0, 1, 2, 3], 25)
    assert stacked.compared(real, real) == (4, 0)
    found = stacked.compared(np.repeat([0, 1], 50), real)
    assert found.modes == 2
    assert found.divergence == pytest.approx(np.log(2))


def test_rows_are_kept(few, tmp_path, capsys):
    out = tmp_path / "stacked.json"
    words = "--losses relativistic --clusters 4 --pictures 64 --samples 40 --steps 2"
    words += f" --batch-size 8 --width 4 --classifier-steps 20 --out {out}"
    assert stacked.main(words.split()) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("relativistic/4/0 ")
    row = json.loads(out.read_text(encoding="utf-8"))["rows"]["relativistic/4/0"]
    assert 1 <= row["modes"] <= 40
    assert row["divergence"] >= 0
    assert stacked.main(words.split()) == 0
    assert capsys.readouterr().out == ""
