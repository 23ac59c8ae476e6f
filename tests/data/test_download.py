"""Downloads from a server on this machine: whole and checked, or absent."""

import gzip
import hashlib
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest

from clusterart_jax._errors import DataError, OutputError
from clusterart_jax.data import _download, _named

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")


class Server:
    """Serves a dictionary of files; `cut` closes that one's connection half-way."""

    def __init__(self):
        self.files, self.asked, self.cut = {}, [], None
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.removeprefix("/data/")
                server.asked.append(name)
                content = server.files.get(name)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if name == server.cut else content)

            def log_message(self, *args):
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/data/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(tmp_path, write_idx, monkeypatch):
    """A server of a tiny set, whose checksums are the expected ones."""
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    write_idx(tmp_path / "origin", n=6)
    server = Server()
    sums = {}
    for name in NAMES:
        content = (tmp_path / "origin" / f"{name}.gz").read_bytes()
        server.files[f"{name}.gz"] = content
        sums[name] = hashlib.sha256(gzip.decompress(content)).hexdigest()
    server.sums = sums
    yield server
    server.close()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def get(server, folder):
    _download.download_fashion_mnist(folder, base_url=server.url, sums=server.sums)


def test_what_is_served_is_kept_and_not_asked_for_again(server, tmp_path):
    folder = tmp_path / "deep" / "cache"
    get(server, folder)
    assert names_in(folder) == sorted(server.files)
    for name, content in server.files.items():
        assert (folder / name).read_bytes() == content
    get(server, folder)
    assert len(server.asked) == 2


def test_other_compression_of_the_same_bytes_is_the_same_file(server, tmp_path):
    file = f"{NAMES[0]}.gz"
    server.files[file] = gzip.compress(gzip.decompress(server.files[file]), compresslevel=0)
    get(server, tmp_path / "cache")
    assert (tmp_path / "cache" / file).read_bytes() == server.files[file]


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"other", mtime=0), b"<html>no such thing</html>", b""],
    ids=["other bytes", "a page", "nothing"],
)
def test_a_wrong_checksum_keeps_nothing(server, tmp_path, content):
    server.files[f"{NAMES[1]}.gz"] = content
    with pytest.raises(
        DataError, match=r"labels-idx1-ubyte\.gz is not the file .*SHA-256"
    ) as caught:
        get(server, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path / "cache") == [f"{NAMES[0]}.gz"]  # the finished one stays


def test_a_transfer_that_breaks_off_keeps_nothing_and_can_be_resumed(server, tmp_path):
    server.cut = f"{NAMES[0]}.gz"
    with pytest.raises(DataError, match=r"cannot get http://.*; try again") as caught:
        get(server, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path / "cache") == []
    server.cut = None
    get(server, tmp_path / "cache")
    assert names_in(tmp_path / "cache") == sorted(server.files)


def test_an_interrupt_keeps_nothing(server, tmp_path, monkeypatch):
    def interrupted(url, quiet):
        yield b"half of a file"
        raise KeyboardInterrupt

    monkeypatch.setattr(_download, "_chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path / "cache")
    assert names_in(tmp_path / "cache") == []


def test_a_file_that_is_not_served(server, tmp_path):
    del server.files[f"{NAMES[0]}.gz"]
    with pytest.raises(DataError, match=r"cannot get .*404"):
        get(server, tmp_path / "cache")


def test_no_server(tmp_path, server):
    server.url = "http://127.0.0.1:9/"
    with pytest.raises(DataError, match=r"cannot get http://127.0.0.1:9/.*; try again"):
        get(server, tmp_path / "cache")


def test_a_cache_that_cannot_be_made_is_an_output_error(tmp_path, server):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot create"):
        get(server, tmp_path / "file" / "cache")


def test_a_full_disk_is_an_output_error_not_the_networks(tmp_path, server, monkeypatch):
    real = Path.open

    def full(path, mode="r", *args, **kwargs):
        if mode == "wb":
            raise OSError(28, "No space left on device")
        return real(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match=r"cannot write .*No space left"):
        get(server, tmp_path / "cache")


def test_only_a_download_that_is_asked_for(server, nowhere, monkeypatch):
    monkeypatch.setattr(_download, "FASHION_MNIST_SUMS", server.sums)
    options = {"quiet": True, "base_url": server.url}
    with pytest.raises(DataError, match="not on this machine"):
        _named.fashion_mnist(None, download=False, **options)
    assert server.asked == []
    pictures = _named.fashion_mnist(None, download=True, **options)
    assert pictures.images.shape == (6, 5, 4, 1)
    again = _named.fashion_mnist(None, download=False, **options)
    np.testing.assert_array_equal(again.images, pictures.images)
    assert len(server.asked) == 2


def test_the_sums_are_those_of_the_published_files():
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir():
        pytest.skip("the package dataset-fashion-mnist is not installed")
    for name, expected in _download.FASHION_MNIST_SUMS.items():
        assert _download._sum_inside(folder / f"{name}.gz") == expected
