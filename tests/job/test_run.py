"""A run on disk: every file, every number, and the same ones however often it is stopped."""

import csv
import json
import re
import resource
import shutil
import signal
from contextlib import contextmanager
from dataclasses import asdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import clusterart_jax as ca
from clusterart_jax._errors import CheckpointError, ConfigError
from clusterart_jax.cli import main
from clusterart_jax.data import load
from clusterart_jax.features import pixels
from clusterart_jax.generate import Checkpoints, _checkpoints
from clusterart_jax.job import _clusters, _shell, _training, describe, load_trained
from clusterart_jax.job import _run as stages
from clusterart_jax.job._feeds import batches_over
from clusterart_jax.job._folder import begin

pytestmark = pytest.mark.usefixtures("plain_plots")

FILES = {
    "clustering.npz",
    "clusters.csv",
    "clusters.png",
    "config.json",
    "generated.png",
    "generator.npz",
    "losses.png",
    "map.png",
    "metrics.json",
    "neighbors.png",
    "real.png",
    "reconstructions.png",
    "report.html",
    "training",
    "walks.png",
}
NUMBERS = {
    "inertia",
    "silhouette",
    "accuracy",
    "adjusted Rand index",
    "normalised mutual information",
    "cluster consistency",
    "reconstruction error",
    "generated to nearest training picture",
    "held-out to nearest training picture",
    "copying ratio",
}
TIMES = re.compile(r"(reading|clustering|training|measuring|drawing|in all)</th><td>[^<]*")


def kept(path):
    """The arrays of the last checkpoint of training, by name."""
    with Checkpoints(path / "training") as checkpoints:
        return _checkpoints._read(path / "training" / str(checkpoints.step))


def contents(path):
    """What a run's files hold, but for the times its stages took."""
    found = {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
    found["training"] = {name: (a.dtype, a.tobytes()) for name, a in kept(path).items()}
    page = found["report.html"].decode()
    assert len(TIMES.findall(page)) == 6
    found["report.html"] = TIMES.sub("", page)
    return found


def same(path, other):
    """Whether two runs are equal bit for bit; their folders, in the command, may differ."""
    one, two = contents(path), contents(other)
    assert set(one) == set(two)
    for name in sorted(one):
        if name in ("config.json", "report.html"):
            texts = [c if isinstance(c, str) else c.decode() for c in (one[name], two[name])]
            assert texts[0].replace(str(path), "") == texts[1].replace(str(other), ""), name
        else:
            assert one[name] == two[name], name


def rows(path):
    with (path / "clusters.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files_in(path):
    return [file for file in path.rglob("*") if file.is_file()]


@contextmanager
def files_below(size):
    """As on a disk that runs full: no file grows beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_every_file_is_there_and_no_other(finished):
    assert {file.name for file in finished.iterdir()} == FILES


def test_the_report_needs_no_other_file_and_no_network(finished):
    page = (finished / "report.html").read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", page)
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    assert "@import" not in page
    assert not re.search(r"url\((?!['\"]?data:)", page)


def test_figures_are_pictures(finished):
    for file in finished.glob("*.png"):
        with Image.open(file) as picture:
            picture.load()
            assert min(picture.size) >= 8, file.name


def test_clusters_csv_holds_a_line_for_each_picture(finished):
    found, pictures = rows(finished), load("digits", limit=120)
    assert list(found[0]) == ["file", "cluster", "distance", "split", "label"]
    assert [row["file"] for row in found] == list(pictures.names)
    assert [int(row["label"]) for row in found] == pictures.labels.tolist()
    assert sum(row["split"] == "held-out" for row in found) == 12
    assert {row["split"] for row in found} == {"held-out", "training"}
    assert {row["cluster"] for row in found} == {"0", "1", "2"}


def test_distances_are_those_to_the_mean_of_the_cluster_among_components(finished):
    found = rows(finished)
    x = np.asarray(pixels(load("digits", limit=120).images), np.float64)
    x -= x.mean(axis=0)
    points = x @ np.linalg.svd(x, full_matrices=False)[2][:5].T
    clusters = np.array([int(row["cluster"]) for row in found])
    distances = np.array([float(row["distance"]) for row in found])
    for c in range(3):
        own = points[clusters == c]
        expected = np.linalg.norm(own - own.mean(axis=0), axis=1)
        np.testing.assert_allclose(distances[clusters == c], expected, atol=1e-4)
    told = json.loads((finished / "metrics.json").read_text())["metrics"]
    assert told["inertia"] == pytest.approx(np.sum(distances**2), rel=1e-4)


def test_metrics_json_holds_every_number_with_its_meaning(finished):
    told = json.loads((finished / "metrics.json").read_text(encoding="utf-8"))
    assert set(told["metrics"]) == set(told["meanings"]) == NUMBERS
    assert all(isinstance(value, float) for value in told["metrics"].values())
    assert all(len(meaning) > 20 for meaning in told["meanings"].values())
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in NUMBERS)


def test_config_json_tells_how_to_make_it_again(finished, tiny, tmp_path, capsys):
    config = json.loads((finished / "config.json").read_text(encoding="utf-8"))
    assert config["command"].startswith(f"clusterart run digits --out {finished} ")
    words = config["command"].split()
    for option, value in zip(tiny[:-1:2], tiny[1::2], strict=True):
        assert words[words.index(option) + 1] == value
    assert config["pipeline"]["steps"] == 12
    assert config["pipeline"]["learning_rate"] == ca.PipelineConfig().learning_rate
    assert config["data"]["shape"] == [8, 8, 1]
    assert config["versions"]["jax"] == jax.__version__
    assert config["versions"]["clusterart_jax"] == ca.__version__
    assert "device" in config["versions"]
    assert (finished / "report.html").read_text(encoding="utf-8").count(config["command"])
    words[words.index("--out") + 1] = str(tmp_path / "again")
    assert main([*words[1:], "--quiet"]) == 0
    same(finished, tmp_path / "again")  # the command makes the same run, bit for bit


def test_a_run_is_the_pipeline_in_pieces(tmp_path):
    """With nothing held out, files and function of arrays come to the same."""
    config = ca.PipelineConfig(
        k=3,
        n_components=5,
        n_init=3,
        steps=12,
        batch_size=8,
        n_samples=7,
        width=4,
        latent=2,
        components=1,
    )
    heard = []
    options = {"config": config, "seed": 5, "limit": 60, "holdout": 0}
    run = ca.run("digits", tmp_path / "run", **options, callback=heard.append)
    assert (heard[-1].step, len(heard[-1].losses["loss"])) == (12, 12)
    images = load("digits", limit=60).images
    result = jax.jit(ca.cluster_then_generate, static_argnums=2)(jax.random.key(5), images, config)
    assert [int(row["cluster"]) for row in rows(run.path)] == result.labels.tolist()
    trained, same_config = load_trained(run.path)
    assert same_config == config
    for a, b in zip(jax.tree.leaves(trained.model), jax.tree.leaves(result.model), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    consistency = np.mean(np.asarray(result.found_labels) == np.asarray(result.sample_labels))
    assert run.metrics["cluster consistency"] == pytest.approx(consistency)
    assert run.metrics["copying ratio"] is None  # there is nothing to compare with
    assert {row["split"] for row in rows(run.path)} == {"training"}


@contextmanager
def ctrl_c_after(monkeypatch, chunks):
    """A real signal while training, after so many chunks."""
    plain = _training.progress

    @contextmanager
    def interrupted(*args, **options):
        with plain(*args, **options) as bar:
            update, left = bar.update, iter(range(chunks))

            def count(n):
                update(n)
                if next(left, None) == chunks - 1:
                    signal.raise_signal(signal.SIGINT)

            bar.update = count
            yield bar

    with monkeypatch.context() as patch:
        patch.setattr(_training, "progress", interrupted)
        yield


def test_devices_share_the_batches_of_a_run(finished, tiny, tmp_path, monkeypatch):
    """To the same result, to rounding: here on a CPU, by default on accelerators."""
    asked = []

    def all_of_them(batch_size):
        asked.append(batch_size)
        return batches_over(jax.devices())

    monkeypatch.setattr(stages, "spread_over", all_of_them)
    path = tmp_path / "run"
    assert main(["run", "digits", "--out", str(path), *tiny]) == 0
    assert asked == [8]
    assert (path / "clusters.csv").read_bytes() == (finished / "clusters.csv").read_bytes()
    one, other = (load_trained(run)[0].model for run in (finished, path))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=2e-3)
    one, other = (describe(run)["metrics"]["reconstruction error"] for run in (finished, path))
    assert other == pytest.approx(one, rel=1e-2)


class Stop(BaseException):
    """As if the process ended here."""


def stop(*args, **options):
    raise Stop


def stopped_at(stage, command, module=stages):
    """Runs a command until a module of the job calls `stage`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, stage, stop)
        with pytest.raises(Stop):
            main(command)


def test_a_run_stopped_in_every_stage_ends_as_one_that_was_not(
    finished, tiny, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "stopped"
    command = ["run", "digits", "--out", str(path), *tiny]
    stopped_at("save_tree", command, _clusters)  # clustered, and nothing of it kept
    assert {file.name for file in path.iterdir()} == {"config.json"}
    command.append("--resume")
    stopped_at("train_in_chunks", command)
    assert {file.name for file in path.iterdir()} == {
        "config.json",
        "clustering.npz",
        "clusters.csv",
    }
    capsys.readouterr()
    with ctrl_c_after(monkeypatch, 1):
        assert main(command) == 130
    assert "stopped; the same command with --resume goes on" in capsys.readouterr().err
    training = kept(path)
    steps, curve = int(training["state/step"]), training["curves/loss"]
    assert 0 < steps < 12
    np.testing.assert_array_equal(np.isfinite(curve), np.arange(12) < steps)
    assert describe(path)["finished"] is False
    stopped_at("evaluate", command)
    assert (path / "generator.npz").exists()
    stopped_at("write_report", command, _shell)
    assert not (path / "report.html").exists()
    assert main(command) == 0
    same(path, finished)


def test_ctrl_c_in_the_last_steps_stops_too(finished, tiny, tmp_path, monkeypatch, capsys):
    """All steps are done then, but measuring and reporting would still take their time."""
    path = tmp_path / "run"
    command = ["run", "digits", "--out", str(path), *tiny]
    with ctrl_c_after(monkeypatch, 2):
        assert main(command) == 130
    assert not (path / "generator.npz").exists()
    assert int(kept(path)["state/step"]) == 12


def test_a_disk_that_runs_full_loses_nothing(finished, tiny, tmp_path, capsys):
    path = tmp_path / "full"
    command = ["run", "digits", "--out", str(path), *tiny]
    sizes = {file.name: file.stat().st_size for file in finished.iterdir()}
    sizes["training"] = sum(array.nbytes for array in kept(finished).values())
    for broken, whole in (
        ("training", ["config.json", "clustering.npz", "clusters.csv"]),
        ("report.html", ["generator.npz", "metrics.json", "clusters.png", "walks.png"]),
    ):
        limit = (sizes[broken] + max(sizes[name] for name in whole)) // 2
        assert limit < sizes[broken]
        capsys.readouterr()
        with files_below(limit):
            assert main(command) == 4
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert re.match(rf"clusterart: cannot write {path}/{broken}: File too large", err)
        for name in whole:
            if name.endswith(".npz"):
                with np.load(path / name) as archive:
                    assert all(archive[key].size for key in archive.files)
            elif name != "config.json":
                assert (path / name).read_bytes() == (finished / name).read_bytes()
        assert not [file.name for file in path.iterdir() if file.name.startswith(".")]
        if command[-1] != "--resume":
            command.append("--resume")
    assert main(command) == 0
    same(path, finished)


def test_resuming_what_is_finished_changes_nothing(finished, tiny, tmp_path, monkeypatch, capsys):
    before = {file.name: (file.stat().st_mtime_ns) for file in finished.iterdir()}
    monkeypatch.setattr(stages, "_stages", stop)
    capsys.readouterr()
    assert main(["run", "digits", "--out", str(finished), *tiny, "--resume"]) == 0
    assert "report.html (was complete already)" in capsys.readouterr().out
    assert {file.name: file.stat().st_mtime_ns for file in finished.iterdir()} == before


def test_a_result_that_was_removed_is_made_again(finished, tiny, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    before = contents(path)
    for name in ("metrics.json", "generator.npz"):
        (path / name).unlink()
    assert describe(path)["finished"] is False
    assert main(["run", "digits", "--out", str(path), *tiny, "--resume"]) == 0
    assert contents(path) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--steps", "13"], "steps was 12, is 13"),
        (["-k", "4"], "k was 3, is 4"),
        (["--seed", "1"], "seed was 0, is 1"),
        (["--holdout", "0.2"], "holdout was 0.1, is 0.2"),
        (["--limit", "121"], "pictures was 120, is 121"),
        (["--size", "9"], r"shape was \[8, 8, 1\], is \[9, 9, 1\]"),
        (["--learning-rate", "0.1"], "learning_rate was None, is 0.1"),
    ],
)
def test_another_run_is_not_resumed(finished, tiny, capsys, change, words):
    capsys.readouterr()
    before = (finished / "config.json").read_bytes()
    command = ["run", "digits", "--out", str(finished), *tiny, *change, "--resume"]
    assert main(command) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(f"clusterart: cannot resume .*: {words}; use --overwrite .*\n", err)
    assert (finished / "config.json").read_bytes() == before


def test_options_that_are_several_words_are_the_same_when_resumed(finished, tmp_path):
    """JSON knows no tuples; what is written is held against what is asked."""
    config = ca.PipelineConfig(generator="gan", augment=("color", "cutout"))
    asked = json.loads((finished / "config.json").read_text(encoding="utf-8"))
    asked["pipeline"] = asdict(config)
    begin(tmp_path, asked, resume=True, overwrite=False)
    begin(tmp_path, asked, resume=True, overwrite=False)
    asked["pipeline"]["augment"] = ("color",)
    with pytest.raises(ConfigError, match=r"augment was \['color', 'cutout'\], is \['color'\]"):
        begin(tmp_path, asked, resume=True, overwrite=False)


def test_other_pictures_are_not_resumed(finished, tiny, tmp_path, capsys):
    images = load("digits", limit=120).images.copy()
    images[7, 0, 0] ^= 1
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    config = json.loads((path / "config.json").read_text())
    config["data"]["source"] = "array"
    (path / "config.json").write_text(json.dumps(config))
    options = ca.PipelineConfig.from_dict(config["pipeline"])
    with pytest.raises(ConfigError, match="the pictures have changed"):
        ca.run(images, path, config=options, resume=True)


def test_the_same_pictures_by_another_name_are_resumed(finished):
    options = ca.PipelineConfig.from_dict(
        json.loads((finished / "config.json").read_text())["pipeline"]
    )
    images = load("digits", limit=120).images
    assert ca.run(images, finished, config=options, resume=True).complete_before


def test_what_a_killed_run_was_writing_is_swept_up(finished, tiny, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    for name in (".generator.0a1b2c3d.npz", ".progress-000500.0a1b2c3d.png", ".notes.0a1b2c3d.txt"):
        (path / name).write_bytes(b"half")
    assert main(["run", "digits", "--out", str(path), *tiny, "--resume"]) == 0
    assert not (path / ".generator.0a1b2c3d.npz").exists()
    assert not (path / ".progress-000500.0a1b2c3d.png").exists()
    assert (path / ".notes.0a1b2c3d.txt").exists()


def test_a_training_that_an_earlier_version_kept_is_told(finished, tiny, tmp_path, capsys):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    before = contents(path)
    shutil.rmtree(path / "training")
    (path / "training.npz").write_bytes(b"of before")
    assert ca.generate_pictures(path, n=2).shape == (2, 8, 8, 1)  # which needs no training
    (path / "generator.npz").unlink()
    capsys.readouterr()
    command = ["run", "digits", "--out", str(path), *tiny, "--resume"]
    assert main(command) == 5
    assert "training.npz was written by an earlier version" in capsys.readouterr().err
    (path / "training.npz").unlink()  # as it says
    assert main(command) == 0
    assert contents(path) == before


def test_a_config_with_a_key_of_before_is_told(finished, tiny, tmp_path, capsys):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    config = json.loads((path / "config.json").read_text())
    config["pipeline"]["depth"] = 3
    (path / "config.json").write_text(json.dumps(config))
    capsys.readouterr()
    assert main(["run", "digits", "--out", str(path), *tiny, "--resume"]) == 2
    assert "depth was 3, is None" in capsys.readouterr().err


def damaged(path, name, how):
    file = path / name
    if file.is_dir():  # the largest of its files holds the numbers
        file = max(files_in(file), key=lambda file: file.stat().st_size)
    whole = file.read_bytes()
    if how == "truncated":
        file.write_bytes(whole[: len(whole) // 2])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "flipped":
        place = len(whole) // 2
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    elif how == "other version":
        file.write_bytes(whole.replace(b'"format": 2', b'"format": 99'))
    elif how == "no object":
        file.write_text("[1, 2]")
    elif how == "bare":
        file.write_text('{"format": 2}')


@pytest.mark.parametrize(
    ("name", "how", "words"),
    [
        ("training", "truncated", "damaged or truncated"),
        ("training", "flipped", "damaged or truncated"),
        ("clustering.npz", "truncated", "damaged or truncated"),
        ("clustering.npz", "empty", "damaged or truncated"),
        ("config.json", "truncated", "is damaged"),
        ("config.json", "empty", "is damaged"),
        ("config.json", "other version", "format 99, this version reads 2"),
        ("config.json", "no object", "format None, this version reads 2"),
        ("config.json", "bare", "is damaged"),
    ],
)
def test_damage_is_told_and_nothing_more_is_lost(
    finished, tiny, tmp_path, capsys, name, how, words
):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    (path / "report.html").unlink()  # not finished: everything is read
    damaged(path, name, how)
    before = {file: file.read_bytes() for file in files_in(path)}
    capsys.readouterr()
    assert main(["run", "digits", "--out", str(path), *tiny, "--resume"]) == 5
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err
    assert "--overwrite" in err or "--resume" in err
    assert {file: file.read_bytes() for file in files_in(path)} == before


@pytest.mark.parametrize("how", ["truncated", "empty", "no object", "bare"])
def test_damaged_numbers_are_told(finished, tiny, tmp_path, capsys, how):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    damaged(path, "metrics.json", how)
    for command in (["info", str(path)], ["run", "--out", str(path), *tiny, "--resume"]):
        capsys.readouterr()
        assert main(command) == 5
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "metrics.json is damaged" in err
        assert "--resume" in err


@pytest.mark.parametrize("how", ["truncated", "flipped", "empty"])
def test_a_damaged_generator_is_told(finished, tmp_path, how):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    damaged(path, "generator.npz", how)
    with pytest.raises(CheckpointError, match=r"generator\.npz is damaged or truncated"):
        ca.generate_pictures(path)


def test_overwrite_replaces_the_run_and_leaves_what_is_not_its_own(
    finished, tiny, tmp_path, monkeypatch
):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    (path / "notes.txt").write_text("mine")
    (path / "holiday.png").write_bytes(b"mine too")
    (path / "progress-000500.png").write_bytes(b"of the run")
    (path / "old").mkdir()
    stopped_at(
        "_stages", ["run", "digits", "--out", str(path), *tiny, "--seed", "9", "--overwrite"]
    )
    assert {file.name for file in path.iterdir()} == {
        "config.json",
        "notes.txt",
        "holiday.png",
        "old",
    }
    assert json.loads((path / "config.json").read_text())["seed"] == 9
    assert (path / "holiday.png").read_bytes() == b"mine too"


def test_a_damaged_config_can_be_overwritten(finished, tiny, tmp_path, monkeypatch):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    damaged(path, "config.json", "truncated")
    stopped_at("_stages", ["run", "digits", "--out", str(path), *tiny, "--overwrite"])
    assert [file.name for file in path.iterdir()] == ["config.json"]


def test_bad_pictures_leave_an_overwritten_run_alone(finished, tiny, tmp_path, capsys):
    path = tmp_path / "run"
    shutil.copytree(finished, path)
    before = contents(path)
    assert main(["run", str(tmp_path / "none"), "--out", str(path), *tiny, "--overwrite"]) == 3
    assert contents(path) == before


def test_a_diverging_run_says_so_and_keeps_its_checkpoint(tiny, tmp_path, capsys):
    path = tmp_path / "run"
    command = ["run", "digits", "--out", str(path), *tiny, "--learning-rate", "9e5"]
    capsys.readouterr()
    assert main(command) == 6
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert re.search(r"no longer finite at step \d+; .*; try a lower --learning-rate", err)
    assert (path / "clusters.csv").exists()


@pytest.fixture
def album(tmp_path):
    """Colour pictures in several formats and sizes, in folders, three of the files broken."""
    folder = tmp_path / "album"
    (folder / "more").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(24):
        tint = np.array([[230, 40, 40], [40, 200, 60], [50, 60, 220]])[i % 3]
        grain = rng.integers(-30, 30, (20 + i, 24, 3))
        picture = Image.fromarray((tint + grain).clip(0, 255).astype(np.uint8))
        kind = ("png", "jpg", "webp")[i % 3 if i < 12 else 1]
        picture.save(folder / ("more" if i % 2 else "") / f"{i:02}.{kind}")
    whole = (folder / "more" / "13.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "letter.png").write_text("not a picture")
    (folder / "more" / "empty.gif").write_bytes(b"")
    return folder


def test_a_folder_of_colour_pictures_with_broken_ones(album, tiny, tmp_path, capsys):
    path = tmp_path / "run"
    options = ["--size", "10", *tiny, "--limit", "999"]
    options.remove("--quiet")
    capsys.readouterr()
    assert main(["run", str(album), "--out", str(path), *options]) == 0
    out, err = capsys.readouterr()
    assert "note: 3 file(s) could not be read and were skipped" in out
    assert out.splitlines()[-1] == str(path / "report.html")
    assert err == ""
    found = rows(path)
    assert len(found) == 24
    assert list(found[0]) == ["file", "cluster", "distance", "split"]  # no labels here
    by_name = {row["file"]: row["cluster"] for row in found}
    assert "more/01.jpg" in by_name
    for tint in range(3):  # tints are clusters
        numbers = [(int(re.search(r"(\d\d)\.", name)[1]), c) for name, c in by_name.items()]
        assert len({c for number, c in numbers if number % 3 == tint}) == 1
    page = (path / "report.html").read_text(encoding="utf-8")
    for name in ("cut.jpg", "letter.png", "more/empty.gif"):
        assert name in page
    told = json.loads((path / "metrics.json").read_text())
    assert "accuracy" not in told["metrics"]
    with Image.open(path / "generated.png") as picture:
        assert picture.mode == "RGB"
    assert main(["run", str(album), "--out", str(tmp_path / "strict"), "--strict", *tiny]) == 3
    assert not (tmp_path / "strict").exists()


def test_an_array_file_and_its_labels(finished, tmp_path):
    images = load("digits", limit=120).images  # as many as of `finished`, whose programs serve
    np.savez(tmp_path / "mine.npz", images=images, labels=np.arange(120) % 2)
    told = json.loads((finished / "config.json").read_text())["pipeline"]
    config = ca.PipelineConfig.from_dict({**told, "n_samples": 1})
    run = ca.run(tmp_path / "mine.npz", tmp_path / "run", config=config)
    assert [row["label"] for row in rows(run.path)] == [str(i % 2) for i in range(120)]
    assert [row["file"] for row in rows(run.path)][:2] == ["row 0", "row 1"]
    assert set(run.metrics) == NUMBERS
    assert any("few for 3 clusters" in warning for warning in run.warnings) is False
    assert run.report.exists()  # one sample for three clusters


@pytest.mark.parametrize(
    ("data", "name"), [("digits", "digits"), ("a/b.npz", "b"), ("..", None), (".", None)]
)
def test_the_folder_is_named_after_the_pictures(data, name, tmp_path, monkeypatch):
    here = tmp_path / "photos" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    expected = name or {"..": "photos", ".": "here"}[data]
    assert _shell.short_name(data) == expected
    assert _shell.short_name(np.zeros(3)) == "array"


@pytest.mark.parametrize(
    "bad",
    [{"seed": -1}, {"seed": 2**32}, {"seed": 1.5}, {"holdout": 0.6}, {"holdout": float("nan")}],
)
def test_options_that_cannot_be(tmp_path, bad):
    with pytest.raises(ConfigError, match=f"{next(iter(bad))} must be"):
        ca.run("digits", tmp_path / "run", **bad)
    assert not (tmp_path / "run").exists()


def test_pictures_from_a_run(finished):
    pictures = ca.generate_pictures(finished, {1: 1.0}, n=5, seed=3)
    assert pictures.shape == (5, 8, 8, 1)
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, ca.generate_pictures(finished, {1: 2.0}, n=5, seed=3))
    assert (pictures != ca.generate_pictures(finished, {1: 1.0}, n=5, seed=4)).any()
    assert (pictures != ca.generate_pictures(finished, {0: 1.0}, n=5, seed=3)).any()
    cold = ca.generate_pictures(finished, {1: 1.0}, n=3, temperature=0.0)
    assert (cold == cold[:1]).all()
    trained, config = load_trained(finished)
    assert config.k == 3
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(trained.model))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n must be"),
        ({"n": True}, "n must be"),
        ({"seed": -1}, "seed must be"),
        ({"seed": 2**70}, "seed must be"),
        ({"temperature": -1}, "temperature must be"),
        ({"temperature": float("nan")}, "temperature must be"),
        ({"shares": {3: 1.0}}, "cluster 3 does not exist; there are 3 clusters: 0…2"),
        ({"shares": {0: 0.0}}, "at least one share above 0"),
    ],
)
def test_pictures_that_cannot_be_made(finished, options, words):
    with pytest.raises(ConfigError, match=words):
        ca.generate_pictures(finished, **options)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(CheckpointError, match=r"is not a run: it has no config\.json"):
        ca.generate_pictures(tmp_path)
    with pytest.raises(CheckpointError, match="is not a run"):
        describe(tmp_path / "none")


def test_a_file_that_is_no_folder_and_one_below_it(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "below"):
        with pytest.raises(CheckpointError, match="is not a run"):
            describe(path)
