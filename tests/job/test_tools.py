"""What can be done with a finished run: from Python, and on the command line."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import CheckpointError, ConfigError, DataError
from clusterart_jax.cli import main
from clusterart_jax.data import load
from clusterart_jax.job import (
    edit_pictures,
    generate_pictures,
    interpolate_pictures,
    load_trained,
    measure_pictures,
    restore_pictures,
    translate_pictures,
)

pytestmark = pytest.mark.usefixtures("plain_plots")


@pytest.fixture(scope="module")
def few():
    return load("digits", limit=5).images


def test_walks_begin_and_end_in_their_clusters(finished):
    walks = interpolate_pictures(finished, [{0: 1}, {2: 1}, {0: 1}], 3, rows=2, temperature=0)
    assert walks.shape == (2, 7, 8, 8, 1)
    np.testing.assert_array_equal(walks[0, 0], walks[0, 6])  # without chance, the middle again
    assert np.abs(walks[0, 0].astype(int) - walks[0, 3]).max() > 0
    again = interpolate_pictures(finished, [{0: 1}, {2: 1}, {0: 1}], 3, rows=2, temperature=0)
    np.testing.assert_array_equal(walks, again)
    one, other = interpolate_pictures(finished, [{1: 1}, {1: 1}], 2, rows=2, seed=5)
    assert np.abs(one.astype(int) - other).max() > 0


def test_a_picture_translated_to_its_own_cluster_is_its_reconstruction(finished, few):
    done = translate_pictures(finished, few, {1: 1.0})
    assert done.after.shape == done.before.shape == few.shape
    np.testing.assert_array_equal(done.before, few)
    own = [
        translate_pictures(finished, few[i : i + 1], {int(c): 1.0}).after[0]
        for i, c in enumerate(done.clusters[:2])
    ]
    restored = restore_pictures(finished, few[:2], cluster=int(done.clusters[0]))
    assert restored.clusters.tolist() == [done.clusters[0]] * 2
    kept = np.abs(own[0].astype(int) - few[0]).mean()
    assert np.abs(restored.after[0].astype(int) - few[0]).mean() <= kept + 1  # it is looked for


def test_an_edit_of_nothing_changes_nothing_and_more_changes_more(finished, few):
    none, some, more = (
        edit_pictures(finished, few, 0, 2, amount).after.astype(int) for amount in (0.0, 1.0, 2.0)
    )
    moved = [np.abs(other - none).mean() for other in (some, more)]
    assert 0 < moved[0] < moved[1]


def test_holes_and_half_the_size(finished, few):
    hole = np.zeros((8, 8), int)
    hole[2:5, 2:5] = 1
    filled = restore_pictures(finished, few, mask=hole).after
    np.testing.assert_array_equal(filled[:, hole == 0], few[:, hole == 0])
    small = few.reshape(5, 4, 2, 4, 2, 1).mean(axis=(2, 4)).round().astype(np.uint8)
    done = restore_pictures(finished, small, double=True)
    assert done.before.shape == (5, 4, 4, 1)
    assert done.after.shape == (5, 8, 8, 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda run: interpolate_pictures(run, [{0: 1}]), ConfigError, "two places or more"),
        (lambda run: interpolate_pictures(run, [{0: 1}, {9: 1}]), ConfigError, "cluster 9 does"),
        (lambda run: interpolate_pictures(run, [{0: 1}] * 2, 0), ConfigError, "steps must be"),
        (lambda run: translate_pictures(run, "digits", {-1: 1}), ConfigError, "no noise"),
        (lambda run: translate_pictures(run, np.zeros((1, 9, 7, 3), np.uint8), {0: 1}), None, ""),
        (lambda run: edit_pictures(run, "digits", 7, 0), ConfigError, "cluster 7 does not exist"),
        (
            lambda run: restore_pictures(run, "digits", mask=np.zeros((3, 3)), limit=2),
            ConfigError,
            r"mask has shape \(3, 3\); the pictures make it \(8, 8\)",
        ),
        (lambda run: restore_pictures(run, "digit"), DataError, "did you mean 'digits'"),
        (lambda run: measure_pictures(run, n=3), ConfigError, "n must be"),
        (lambda run: measure_pictures(run, "alexnet"), ConfigError, "one of efficientnet-lite0"),
        (lambda run: measure_pictures(run, data=np.zeros((120, 8, 8, 1), np.uint8)), None, "other"),
        (lambda run: measure_pictures(run / "no"), CheckpointError, "no"),
    ],
)
def test_what_cannot_be_is_named(finished, call, error, message):
    if error is None and not message:
        assert call(finished).after.shape == (1, 8, 8, 1)  # brought to the generator's size
        return
    with pytest.raises(error or DataError, match=message):
        call(finished)


@pytest.fixture(scope="module")
def measured(finished, tmp_path_factory):
    run = tmp_path_factory.mktemp("measured") / "run"
    shutil.copytree(finished, run)
    return run, *measure_pictures(run)


def test_measures_are_written_with_their_network_and_floor(measured):
    run, scores, consistency, file = measured
    told = json.loads(file.read_text(encoding="utf-8"))
    assert file.parent == run
    assert told["network"] == scores.network == "classifier of digits"
    assert told["frechet"] == float(scores.frechet) > told["frechet_floor"] > 0
    assert told["cluster_consistency"] == consistency
    assert (told["n_real"], told["n_generated"], told["real"]) == (120, 108, "all pictures")
    assert 0 <= told["recall"] <= 1
    assert 1 <= told["inception_score"] <= 10


def test_the_network_is_kept_and_the_numbers_are_the_same(measured, capsys):
    run, scores, *_ = measured
    before = (run / "classifier.npz").stat().st_mtime_ns
    assert main(["measure", str(run), "--out", str(run / "copy.json")]) == 0
    assert (run / "classifier.npz").stat().st_mtime_ns == before
    out = capsys.readouterr().out
    assert f"Fréchet distance     {float(scores.frechet):.4g}" in out
    assert json.loads((run / "copy.json").read_text())["frechet"] == float(scores.frechet)


def test_commands_write_what_they_say(finished, tmp_path, capsys):
    run, out = str(finished), tmp_path / "results"
    words = ["restore", run, "digits", "--limit", "3", "--out", str(out)]
    assert main(words) == 0
    names = [file.name for file in sorted(out.iterdir())]
    chosen = load("digits", limit=3).names
    assert names == [f"{i}-{name.split('/')[1]}.png" for i, name in enumerate(chosen)]
    film = tmp_path / "walk.gif"
    assert main(["interpolate", run, "--through", "0", "1:0.5,2:0.5", "--out", str(film)]) == 0
    with Image.open(film) as moving:
        assert moving.n_frames == 16
    capsys.readouterr()
    assert main(["interpolate", run, "--through", "0", "1", "--out", "walk.mp4"]) == 2
    assert "--out must end in .png or .gif or .apng" in capsys.readouterr().err
    assert main(["translate", run, "digits", "--to", "x"]) == 2
    assert "--to must be like 3:0.6,7:0.4" in capsys.readouterr().err


def test_a_single_picture_and_a_mask_file(finished, tmp_path):
    Image.fromarray(np.full((9, 8, 3), 90, np.uint8)).save(tmp_path / "photo.png")
    mask = np.zeros((8, 8), np.uint8)
    mask[3:, 3:] = 255
    Image.fromarray(mask).save(tmp_path / "hole.png")
    done = restore_pictures(finished, tmp_path / "photo.png", mask=tmp_path / "hole.png")
    assert done.names == ("photo.png",)
    np.testing.assert_array_equal(done.after[0][mask == 0], 90)


def test_samples_do_not_depend_on_how_many_there_are(finished):
    few, many = (generate_pictures(finished, {0: 1.0}, n=n) for n in (3, 40))
    np.testing.assert_array_equal(few, many[:3])
    assert load_trained(finished)[0].family.encodes
