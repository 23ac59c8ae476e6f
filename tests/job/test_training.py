"""Training in chunks: who is told between them, what is drawn, and on how many devices."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from clusterart_jax._errors import DivergedError
from clusterart_jax.condition import encode
from clusterart_jax.data import load
from clusterart_jax.generate import VAE, Checkpoints, Schedule
from clusterart_jax.job import _feeds, _sheets, _training
from clusterart_jax.job._feeds import Feed, batches_over, spread_over
from clusterart_jax.job._sheets import Sheets, sheets_of, thin_out

FAMILY = VAE((8, 8, 1), 3, latent=2, width=4, components=1)
SCHEDULE = Schedule(steps=20, batch_size=8)
KEY = jax.random.key(3)
CODES = np.eye(3, dtype=np.float32)


@pytest.fixture(scope="module")
def images():
    return load("digits", limit=90).images


def feed_of(images, devices=1):
    codes = encode(jnp.arange(len(images), dtype=jnp.int32) % 3, 3).codes
    rows, sharding = np.arange(len(images)), batches_over(jax.devices()[:devices])
    return Feed(FAMILY, SCHEDULE, KEY, images, rows, codes, sharding)


def trained(images, folder, *callbacks, devices=1):
    feed = feed_of(images, devices)
    return _training.train_in_chunks(feed, KEY, folder, callbacks=callbacks, quiet=True)


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    return trained(images, tmp_path_factory.mktemp("whole") / "training")


def equal(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def close(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-3, atol=2e-4)


def stop_at(step):
    def callback(progress):
        if progress.step >= step:
            raise KeyboardInterrupt

    return callback


def test_callbacks_hear_of_every_chunk_and_change_nothing(images, whole, tmp_path):
    told, drawn = [], []

    def look(progress):
        told.append(progress)
        drawn.append([progress.draw(KEY, CODES) for _ in range(2)])

    state, curves = trained(images, tmp_path / "training", look)
    equal((state, curves), whole)
    steps = [progress.step for progress in told]
    assert steps == sorted(set(steps))
    assert len(steps) > 1
    assert steps[-1] == told[0].steps == 20
    for progress in told:
        assert set(progress.losses) == {"loss", "error", "kl"}
        np.testing.assert_array_equal(progress.losses["loss"], curves["loss"][: progress.step])
    assert np.diff([progress.seconds for progress in told]).min() > 0
    for pictures, again in drawn:
        assert pictures.shape == (3, 8, 8, 1)
        assert pictures.dtype == np.uint8
        np.testing.assert_array_equal(pictures, again)
    assert (drawn[0][0] != drawn[-1][0]).any()


def test_a_look_compiles_once(images, tmp_path, compilations):
    counts = []

    def look(progress):
        progress.draw(KEY, CODES)
        counts.append(compilations.count)

    trained(images, tmp_path / "training", look)
    assert len(counts) > 1
    assert counts[-1] == counts[0]


def test_a_callback_may_stop_and_training_goes_on_later(images, whole, tmp_path):
    folder = tmp_path / "training"
    with pytest.raises(KeyboardInterrupt):
        trained(images, folder, stop_at(5))
    assert 5 <= Checkpoints(folder).step < 20
    equal(trained(images, folder), whole)


def test_an_error_of_a_callback_is_the_callers(images, tmp_path):
    with pytest.raises(ZeroDivisionError):
        trained(images, tmp_path / "training", lambda progress: 1 / 0)


@pytest.fixture(scope="module")
def shared(images, tmp_path_factory):
    """The same by four devices, and what was drawn between its chunks."""
    drawn = []

    def look(progress):
        drawn.append(progress.draw(KEY, CODES))

    folder = tmp_path_factory.mktemp("shared") / "training"
    return trained(images, folder, look, devices=4), drawn


def test_devices_share_a_batch_and_come_to_the_same(shared, whole):
    (state, curves), drawn = shared
    close(curves, whole[1])
    close(state.ema, whole[0].ema)
    assert {len(leaf.devices()) for leaf in jax.tree.leaves(state)} == {1}
    assert drawn[-1].shape == (3, 8, 8, 1)


def test_the_work_is_really_shared(images):
    """Every device gets two of the eight pictures of a step, and sums go from one to the other."""
    feed = feed_of(images, 4)
    state = feed.begin(KEY)
    assert {len(leaf.devices()) for leaf in jax.tree.leaves(state)} == {4}
    seen = []
    compiled = Feed._compiled

    def keep(self, *args, **options):
        seen.append(compiled(self, *args, **options))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Feed, "_compiled", keep)
        feed.compile(state)
    text = seen[0].as_text()
    assert "all-reduce" in text
    assert "f32[2,8,8,1]" in text


@pytest.mark.parametrize("devices", [(4, 1), (1, 4), (4, 4)])
def test_training_goes_on_with_other_devices(images, whole, shared, tmp_path, devices):
    folder = tmp_path / "training"
    with pytest.raises(KeyboardInterrupt):
        trained(images, folder, stop_at(8), devices=devices[0])
    state, curves = trained(images, folder, devices=devices[1])
    close(curves, whole[1])
    close(state.ema, whole[0].ema)
    if devices == (4, 4):
        equal((state, curves), shared[0])


def test_pictures_from_a_file_are_shared_too(images, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(_feeds, "LARGE_BYTES", 1000)
    state, curves = trained(images, tmp_path / "training", devices=4)
    close(curves, whole[1])
    close(state.ema, whole[0].ema)


@pytest.mark.parametrize(
    ("platform", "devices", "batch", "count"),
    [("gpu", 8, 128, 8), ("gpu", 6, 128, 4), ("tpu", 8, 7, 7), ("gpu", 8, 11, 1), ("cpu", 8, 8, 1)],
)
def test_accelerators_share_as_evenly_as_they_can(monkeypatch, platform, devices, batch, count):
    there = [SimpleNamespace(platform=platform)] * devices
    monkeypatch.setattr(_feeds.jax, "local_devices", lambda: there)
    monkeypatch.setattr(_feeds, "batches_over", len)
    assert (spread_over(batch) or 1) == count


def test_parameters_that_are_spoiled_by_the_last_step_are_not_kept(images, tmp_path, monkeypatch):
    folder = tmp_path / "training"
    compiled = Feed.compile

    def spoiling(self, state):
        advance, form = compiled(self, state)

        def spoil(state, done, until):
            state, curves = advance(state, done, until)
            if until == 20:
                state = state._replace(params=jax.tree.map(lambda a: a * np.nan, state.params))
            return state, curves

        return spoil, form

    monkeypatch.setattr(Feed, "compile", spoiling)
    monkeypatch.setattr(_training, "_SECONDS_A_CHECKPOINT", 0)
    with pytest.raises(DivergedError, match="a parameter is no longer finite at step 20") as error:
        trained(images, folder)
    step = Checkpoints(folder).step
    assert 0 < step < 20
    assert f"; training keeps the state of step {step}; try a lower" in str(error.value)


class Clock:
    """A training whose steps and sheets take what the test says."""

    def __init__(self, monkeypatch, cost, compiling=0.0):
        self.now, self.spent, self.cost, self.compiling = 0.0, 0.0, cost, compiling
        monkeypatch.setattr(_sheets.time, "monotonic", lambda: self.now)

    def draw(self, key, codes, temperature):
        took = self.cost + self.compiling
        self.now, self.spent, self.compiling = self.now + took, self.spent + took, 0.0
        return np.zeros((len(codes), 8, 8, 1), np.uint8)

    def run(self, sheets, steps, seconds_a_step, every=1, compiling=0.0):
        """Steps at which there was a sheet."""
        self.now += compiling
        drawn = []
        for step in range(every, steps + 1, every):
            self.now += seconds_a_step * every
            before = self.now
            losses = {"loss": np.ones(step)}
            sheets(_training.Progress(step, steps, losses, self.now, self.draw))
            if self.now > before:
                drawn.append(step)
        return drawn


@pytest.fixture
def sheets(tmp_path, monkeypatch):
    monkeypatch.setattr(_sheets, "draw_curves", lambda losses: np.zeros((4, 4, 3), np.uint8))
    return Sheets(tmp_path, KEY, np.array([True, False, True]), 1.0)


def test_sheets_come_every_half_minute(sheets, tmp_path, monkeypatch):
    drawn = Clock(monkeypatch, cost=0.5).run(sheets, 300, 1.0)
    assert len(drawn) == 9
    assert np.diff(drawn).min() >= 30
    assert len(sheets_of(tmp_path)) == 8
    with Image.open(tmp_path / f"progress-{drawn[-1]:06}.png") as picture:
        assert picture.size == (12 * 64 + 11 * 4, 2 * 64 + 4)  # a row for each that exists
    assert (tmp_path / "losses.png").exists()


@pytest.mark.parametrize("cost", [0.2, 0.8, 2.2])
@pytest.mark.parametrize("seconds", [20, 100, 1000])
def test_sheets_take_a_twentieth_of_the_time_at_most(sheets, monkeypatch, cost, seconds):
    clock = Clock(monkeypatch, cost, compiling=3 * cost)
    drawn = clock.run(sheets, seconds, 1.0, compiling=5 * cost)
    assert clock.spent <= 0.05 * clock.now + 1e-6
    assert bool(drawn) == (seconds > 30 and 0.05 * seconds > 5 * cost)
    if seconds == 1000:
        assert drawn[-1] > 600  # they are spread over the time


def test_few_sheets_are_kept_the_first_and_last_among_them(tmp_path):
    steps = [*range(50, 2001, 50), 1_000_000]
    for step in steps:
        (tmp_path / f"progress-{step:06}.png").write_bytes(b"")
        thin_out(tmp_path, 6)
    kept = list(sheets_of(tmp_path))
    assert len(kept) == 6
    assert (kept[0], kept[-1]) == (50, 1_000_000)
    assert np.diff(np.log(kept[:-1])).max() < 3 * np.diff(np.log(kept[:-1])).min()


def test_a_sheet_that_cannot_be_written_stops_nothing(sheets, monkeypatch, tmp_path):
    monkeypatch.setattr(sheets, "_path", tmp_path / "gone")
    assert Clock(monkeypatch, cost=0.5).run(sheets, 100, 1.0)
