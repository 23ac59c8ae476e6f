"""Clustering alone and runs with noise, from files to files: labels are those of the peers."""

import csv
import dataclasses
import json
import re
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from sklearn import cluster as peers

import clusterart_jax as ca
from clusterart_jax._errors import ConfigError
from clusterart_jax.cli import main
from clusterart_jax.data import load
from clusterart_jax.job import _clusters, _shell, cluster_pictures, load_trained
from clusterart_jax.pipeline import ClusterConfig, Found, project

pytestmark = pytest.mark.usefixtures("plain_plots")

N = 120
FILES = {
    *("clustering.npz", "clusters.csv", "clusters.png", "config.json", "map.png"),
    *("metrics.json", "real.png", "report.html", "sheets"),
}
DENSE = ClusterConfig(
    n_components=5, cluster="hdbscan", min_cluster_size=5, min_samples=2, selection="leaf"
)


@pytest.fixture(scope="module")
def pictures():
    return load("digits", limit=N)


@pytest.fixture(scope="module")
def points(pictures):
    return np.asarray(project(pictures.images, ClusterConfig(n_components=5))[1])


def rows(path):
    with (path / "clusters.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labels_of(path):
    return np.array([int(row["cluster"]) for row in rows(path)])


def same_groups(labels, expected):
    """Whether two labellings are equal but for the numbers of the clusters; noise is noise."""
    np.testing.assert_array_equal(labels < 0, expected < 0)
    pairs = {(int(a), int(b)) for a, b in zip(labels, expected, strict=True)}
    assert len(pairs) == len(np.unique(labels)) == len(np.unique(expected))


def wards(points, metrics):
    return peers.AgglomerativeClustering(7).fit_predict(points)


def averages(points, metrics):
    peer = peers.AgglomerativeClustering(None, linkage="average", distance_threshold=2.0)
    return peer.fit_predict(points)


def radius(points, metrics):
    return peers.DBSCAN(eps=metrics["eps"], min_samples=4).fit_predict(points)


def leaves(points, metrics):
    peer = peers.HDBSCAN(5, min_samples=2, cluster_selection_method="leaf", copy=True)
    return peer.fit_predict(points)


@pytest.mark.parametrize(
    ("options", "peer", "columns"),
    [
        ({"cluster": "agglomerative", "k": 7}, wards, []),
        (
            {"cluster": "agglomerative", "linkage": "average", "distance_threshold": 2.0},
            averages,
            [],
        ),
        ({"cluster": "dbscan", "min_samples": 4}, radius, []),
        (dataclasses.asdict(DENSE), leaves, ["probability"]),
    ],
    ids=["ward", "average", "dbscan", "hdbscan"],
)
def test_labels_are_those_of_the_peer(tmp_path, pictures, points, options, peer, columns):
    config = ClusterConfig(**{"n_components": 5, **options})
    done = cluster_pictures(pictures.images, tmp_path / "out", config=config)
    labels = labels_of(done.path)
    same_groups(labels, peer(points, done.metrics))
    assert list(rows(done.path)[0]) == ["file", "cluster", *columns]
    assert {file.name for file in done.path.iterdir()} == {*FILES, "found.png"}
    sheets = {f"cluster-{c}.png" if c >= 0 else "noise.png" for c in np.unique(labels)}
    assert {file.name for file in (done.path / "sheets").iterdir()} == sheets
    if config.finds_number:
        assert done.metrics["clusters"] == labels.max() + 1
        assert done.metrics["noise"] == pytest.approx(np.mean(labels < 0))


@pytest.mark.parametrize("name", ["kmeans", "gmm"])
def test_centres_have_distances_and_mixtures_probabilities(tmp_path, points, name, capsys):
    path = tmp_path / "out"
    words = f"cluster digits -k 4 --n-components 5 --covariance-type diag --limit {N}"
    assert main([*words.split(), "--cluster", name, "--out", str(path), "--quiet"]) == 0
    found = rows(path)
    shares = ["probability"] if name == "gmm" else []
    assert list(found[0]) == ["file", "cluster", "distance", *shares, "label"]
    labels = labels_of(path)
    distances = np.array([float(row["distance"]) for row in found])
    with np.load(path / "clustering.npz") as archive:
        centers = archive[".centers"]
    expected = np.linalg.norm(points - centers[labels], axis=1)
    np.testing.assert_allclose(distances, expected, atol=1e-4)
    if shares:
        assert all(0.2 < float(row["probability"]) <= 1 for row in found)
    assert {file.name for file in path.iterdir()} == FILES
    assert capsys.readouterr().out == f"{path}/report.html\n"


def test_sheets_hold_every_picture_once(tmp_path, pictures):
    config = dataclasses.replace(DENSE, cluster="agglomerative", k=3)
    done = cluster_pictures("digits", tmp_path / "out", config=config, limit=N)
    tiles = []
    for c in range(3):
        with Image.open(done.path / "sheets" / f"cluster-{c}.png") as sheet:
            pixels = np.asarray(sheet)[..., 0]
        count = min(100, int((labels_of(done.path) == c).sum()))
        for i in range(count):
            top, left = 12 + 68 * (i // 10), 12 + 68 * (i % 10)
            tiles.append(pixels[top : top + 64 : 8, left : left + 64 : 8].tobytes())
    shown = sorted(image.tobytes() for image in pictures.images)
    assert sorted(tiles) == shown


class Stop(BaseException):
    """As if the process ended here."""


def test_a_stopped_clustering_goes_on_to_the_same(tmp_path, monkeypatch, capsys):
    whole, path = tmp_path / "whole", tmp_path / "stopped"
    options = f"--limit {N} --cluster hdbscan --selection leaf --n-components 5 --quiet"
    sizes = "--min-cluster-size 5 --min-samples 2"
    words = ["cluster", "digits", *options.split(), *sizes.split(), "--out"]
    assert main([*words, str(whole)]) == 0

    def stop(*args, **options):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(_shell, "write_report", stop)
        with pytest.raises(Stop):
            main([*words, str(path)])
    with monkeypatch.context() as patch:
        patch.setattr(_clusters, "_best", stop)  # it is not clustered again
        assert main([*words, str(path), "--resume"]) == 0
    for name in ("clustering.npz", "clusters.csv", "metrics.json", "found.png", "map.png"):
        assert (whole / name).read_bytes() == (path / name).read_bytes(), name
    capsys.readouterr()
    assert main([*words, str(path), "--resume"]) == 0
    assert "was complete already" in capsys.readouterr().out
    assert main([*words, str(path)]) == 4
    assert main(["generate", str(path)]) == 5
    assert "holds clusters and no generator" in capsys.readouterr().err
    assert main(["run", "digits", "--out", str(path), "--limit", str(N), "--resume"]) == 2
    assert "it was made by clusterart cluster, not run" in capsys.readouterr().err
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert f"run       {path} (finished)" in out
    assert "cluster=hdbscan" in out
    (path / "sheets" / "mine.png").write_bytes(b"mine")
    other = ["cluster", "digits", "--limit", "50", "--cluster", "agglomerative", "-k", "2"]
    assert main([*other, "--quiet", "--out", str(path), "--overwrite"]) == 0
    names = {file.name for file in (path / "sheets").iterdir()}
    assert names == {"cluster-0.png", "cluster-1.png", "mine.png"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            "--cluster dbscan --eps 0.01",
            r"dbscan finds no cluster: all 30 pictures are noise, as none has 5 within eps 0\.01; "
            r"raise --eps \(half of them have at \d+(\.\d+)?\) or lower --min-samples",
        ),
        (
            "--cluster hdbscan --min-cluster-size 20",
            "hdbscan finds no cluster: all 30 pictures are noise, as no two groups of 20 lie "
            "apart; lower --min-cluster-size, or use another --cluster",
        ),
        (
            "--cluster hdbscan --min-samples 31",
            r"min_samples is 31, but there are only 30 picture\(s\)",
        ),
        ("--cluster dbscan --min-samples 31", "min_samples is 31, but"),
        ("--cluster hdbscan --min-cluster-size 31", "min_cluster_size is 31, but"),
        ("--cluster dbscam", "cluster must be one of .*; did you mean 'dbscan'?"),
        ("--eps -1", "eps must be a number above 0 and below 1e6, not -1.0"),
        ("--linkage full", "linkage must be one of ward, complete, average, single, not 'full'"),
        ("--steps 3", "unknown option '--steps'"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(tmp_path, capsys, words, text):
    path = tmp_path / "out"
    capsys.readouterr()
    assert main(["cluster", "digits", "--limit", "30", "--out", str(path), *words.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert re.match(f"clusterart: {text}".replace("'?", r"'\?"), err)
    assert not path.exists()


def test_a_mixture_that_collapses_says_what_to_change():
    none = jnp.full(3, jnp.nan)
    labels = jnp.zeros(3, jnp.int32)
    found = Found(labels, jnp.int32(1), none, None, jnp.int32(3), jnp.bool(False), none[0], {})
    with pytest.raises(ConfigError, match=r"gmm came to no result.*--covariance-type diag"):
        _clusters._refuse_nothing(found, ClusterConfig(cluster="gmm"), 3)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory, tiny):
    """A run with noise, and with more clusters than the generator is told of; to be read only."""
    path = tmp_path_factory.mktemp("runs") / "noisy"
    options = "--cluster hdbscan --min-cluster-size 5 --min-samples 2 --selection leaf -k 3"
    assert main(["run", "digits", "--out", str(path), *tiny, *options.split()]) == 0
    return path


def test_noise_goes_through_the_whole_run(noisy):
    labels = labels_of(noisy)
    assert set(np.unique(labels)) == {-1, 0, 1, 2}
    assert list(rows(noisy)[0]) == ["file", "cluster", "probability", "split", "label"]
    told = json.loads((noisy / "metrics.json").read_text(encoding="utf-8"))
    assert told["metrics"]["clusters"] == 3
    assert told["metrics"]["noise"] == pytest.approx(np.mean(labels < 0))
    assert any(re.match(r"\d+ clusters were found, of which the 3", w) for w in told["warnings"])
    assert any("of the pictures are noise" in warning for warning in told["warnings"])
    page = (noisy / "report.html").read_text(encoding="utf-8")
    for text in ('id="noise"', 'id="found"', "The tree of clusters", "generated pictures of noise"):
        assert text in page
    trained, config = load_trained(noisy)
    assert trained.mask.tolist() == [True] * 4
    assert trained.model.fitted.mean.shape[0] == config.n_codes == 4


def test_pictures_of_clusters_that_exist_and_of_noise(noisy, tmp_path, capsys):
    sheets = {}
    for word in ("0", "2", "noise"):
        sheets[word] = tmp_path / f"{word}.png"
        words = ["-n", "4", "--cluster", word, "--out", str(sheets[word])]
        assert main(["generate", str(noisy), *words]) == 0
    assert len({sheet.read_bytes() for sheet in sheets.values()}) == 3
    np.testing.assert_array_equal(
        ca.generate_pictures(noisy, {-1: 1.0}, n=3), ca.generate_pictures(noisy, {-1: 7.0}, n=3)
    )
    capsys.readouterr()
    assert main(["generate", str(noisy), "--cluster", "3"]) == 2
    assert "cluster 3 does not exist; there are 3 clusters: 0…2" in capsys.readouterr().err
    copy = tmp_path / "run"
    shutil.copytree(noisy, copy)
    assert main(["generate", str(copy), "-n", "4", "--mix", "noise:0.5,1:0.5"]) == 0
    assert main(["generate", str(copy), "-n", "4", "--cluster", "noise"]) == 0
    assert (copy / "noise-seed0.png").exists()
    assert (copy / "mix-noise-0.5_1-0.5-seed0.png").exists()


def test_found_labels_of_new_pictures_follow_the_algorithm(pictures):
    """Pictures of their own get their own labels; strangers to all are noise where there is any."""
    config = DENSE
    key = jax.random.key(0)
    projection, points = project(pictures.images, config)
    found = _clusters._find(key, points, config)
    clustering = _clusters.clustered(projection, points, found, config, 2)
    labels, distances = clustering.assign(pictures.images)
    np.testing.assert_array_equal(labels, clustering.labels)
    np.testing.assert_allclose(distances, clustering.distances, atol=1e-5)
    assert set(np.unique(labels)) == {-1, 0, 1}
    strange = np.full((1, 8, 8, 1), 255, np.uint8)
    assert clustering.assign(strange)[0].tolist() == [-1]
