"""The door: who reads what, and what is refused before anything is read."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import ConfigError, DataError
from clusterart_jax.data import load


def test_pillow_and_scikit_learn_are_not_loaded_by_importing_the_room():
    code = (
        "import sys, clusterart_jax, clusterart_jax.data;"
        "print(sorted({'PIL', 'sklearn', 'tqdm'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_digits_are_scaled_exactly_from_16_levels():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pictures = load()
    assert pictures.images.shape == (1797, 8, 8, 1)
    assert pictures.images.dtype == np.uint8
    assert pictures.source == "digits"
    assert pictures.names[:2] == ("digits/0", "digits/1")
    assert pictures.labels.dtype == np.int32
    np.testing.assert_array_equal(pictures.labels, bunch.target)
    error = np.abs(pictures.images[..., 0] - bunch.images * 255 / 16)
    assert error.max() <= 0.5
    assert set(np.unique(pictures.images)) >= {0, 255}


def test_limit_takes_the_same_rows_of_pictures_labels_and_names():
    whole, some = load("digits"), load("digits", limit=50)
    rows = [int(name.removeprefix("digits/")) for name in some.names]
    assert len(some) == 50
    np.testing.assert_array_equal(some.images, whole.images[rows])
    np.testing.assert_array_equal(some.labels, whole.labels[rows])


def test_limit_beyond_the_whole_is_the_whole():
    assert len(load("digits", limit=10**6)) == 1797


def test_size_and_channels_apply_to_named_sets_and_arrays():
    assert load("digits", limit=3, size=12, channels=3).images.shape == (3, 12, 12, 3)
    assert load(np.zeros((2, 6, 9, 3), np.uint8), size=4, channels=1).images.shape == (2, 4, 4, 1)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("fashon-mnist", "fashion-mnist"), ("digit", "digits"), ("Digits", "digits")],
)
def test_a_misspelt_name_suggests_the_nearest(name, nearest):
    with pytest.raises(DataError) as caught:
        load(name)
    text = str(caught.value)
    assert f"unknown data {name!r}" in text
    assert f"did you mean {nearest!r}?" in text
    assert "(named sets: digits, fashion-mnist)" in text
    assert "\n" not in text


def test_a_path_that_is_not_there_suggests_nothing(tmp_path):
    with pytest.raises(DataError, match="neither a named set nor a path") as caught:
        load(tmp_path / "holiday")
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_a_path_that_cannot_be_one_is_one_line(path):
    with pytest.raises(DataError):
        load(path)


def test_a_single_picture_is_read_as_a_folder_of_it_would_be(tmp_path):
    for name, grey in (("one", 40), ("two", 200)):
        Image.new("L", (5, 9), grey).save(tmp_path / f"{name}.png")
    one = load(tmp_path / "one.png", size=4)
    assert one.images.shape == (1, 4, 4, 1)
    assert one.names == ("one.png",)
    assert one.source == str(tmp_path / "one.png")
    np.testing.assert_array_equal(one.images, load(tmp_path, size=4).images[:1])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png"):
        load(tmp_path / "broken.png")


def test_another_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"notes\.txt is not read"):
        load(str(tmp_path / "notes.txt"))


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "pics").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "pics" / "a.png")
    assert len(load("~/pics")) == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"size": 3}, "size must be a whole number from 4 to 4096, not 3"),
        ({"size": 4097}, "size .* not 4097"),
        ({"size": 8.0}, "size .* not 8.0"),
        ({"size": True}, "size .* not True"),
        ({"size": "8"}, "size .* not '8'"),
        ({"channels": 2}, "channels must be 1 \\(grey\\) or 3 \\(colour\\), not 2"),
        ({"channels": True}, "channels .* not True"),
        ({"channels": 1.0}, "channels .* not 1.0"),
        ({"limit": 0}, "limit must be a whole number at least 1, not 0"),
        ({"limit": 2.5}, "limit .* not 2.5"),
        ({"max_pixels": 0}, "max_pixels .* not 0"),
    ],
)
def test_options_that_cannot_be(option, message):
    with pytest.raises(ConfigError, match=message):
        load("digits", **option)


def test_numpy_integers_are_whole_numbers():
    assert load("digits", size=np.int64(5), limit=np.uint8(255)).images.shape == (255, 5, 5, 1)


@pytest.mark.parametrize("data", [None, 7, {"images": 1}])
def test_data_of_another_kind_is_refused(data):
    with pytest.raises(ConfigError, match="data must be a name, a path or an array"):
        load(data)
