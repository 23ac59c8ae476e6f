"""Small real files that the tests of the data room read."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def quadrants():
    """A 64×64 colour picture: red, green / blue, white, so that turns and mirrors show."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:32, :32] = (255, 0, 0)
    picture[:32, 32:] = (0, 255, 0)
    picture[32:, :32] = (0, 0, 255)
    picture[32:, 32:] = 255
    return Image.fromarray(picture)


@pytest.fixture
def write_idx():
    """Writes a small IDX training set into a folder; returns its pictures and labels."""

    def write(folder, n=6, *, compress=True, seed=0):
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 256, (n, 5, 4), dtype=np.uint8)
        labels = rng.integers(0, 10, n, dtype=np.uint8)
        payloads = {
            "train-images-idx3-ubyte": struct.pack(">4B3I", 0, 0, 8, 3, n, 5, 4) + images.tobytes(),
            "train-labels-idx1-ubyte": struct.pack(">4B1I", 0, 0, 8, 1, n) + labels.tobytes(),
        }
        for name, payload in payloads.items():
            if compress:
                (folder / f"{name}.gz").write_bytes(gzip.compress(payload))
            else:
                (folder / name).write_bytes(payload)
        return images, labels

    return write


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine on which no set is to be found; returns the folder its cache would be in."""
    monkeypatch.delenv("CLUSTERART_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("clusterart_jax.data._named.SYSTEM_FOLDER", tmp_path / "system")
    return tmp_path / "cache" / "clusterart_jax"
