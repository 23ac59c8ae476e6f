"""The command line: help that works as pasted, one line for each error, pictures on demand."""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
from PIL import Image

import clusterart_jax as ca
from clusterart_jax.cli import main
from clusterart_jax.generate import Checkpoints, families_with
from clusterart_jax.pipeline import FAMILY_OPTIONS

pytestmark = pytest.mark.usefixtures("plain_plots")

COMMANDS = (
    *("run", "cluster", "generate", "interpolate", "translate", "edit", "restore"),
    *("measure", "nearest", "info"),
)
ART = ("palette", "quantize", "segment", "styles", "render")
"""Commands on pictures alone; `test_cli_palette.py` and its like run their examples."""


@pytest.fixture
def said(capsys):
    """Runs a command in this process; returns its exit code, output and error lines."""

    def call(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err.splitlines()

    return call


@pytest.fixture(scope="session")
def environment():
    """For processes: compiled programs are kept for the next one."""
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        "COLUMNS": "80",
    }


@pytest.fixture
def process(environment):
    """Runs `python -m clusterart_jax` as a user does."""

    def call(*words, **options):
        return subprocess.run(
            [sys.executable, "-m", "clusterart_jax", *map(str, words)],
            env=environment,
            text=True,
            check=False,
            timeout=120,
            **({"capture_output": True} | options),
        )

    return call


def help_of(said, monkeypatch, *words):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = said(*words, "--help")
    assert (code, err) == (0, [])
    return out


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS + ART)])
def test_help_fits_a_terminal_of_80_columns(said, monkeypatch, words):
    lines = help_of(said, monkeypatch, *words)
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("usage: clusterart")


def test_help_names_commands_and_exit_codes(said, monkeypatch):
    text = "\n".join(help_of(said, monkeypatch))
    assert all(re.search(rf"^ +{name}( |$)", text, re.MULTILINE) for name in COMMANDS + ART)
    codes = {error.exit_code for error in ca._errors.ClusterArtError.__subclasses__()}
    told = {int(code) for code in re.findall(r"^  (\d+) ", text, re.MULTILINE)}
    assert told == {0, 1, 130, *codes}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_common_options(said, monkeypatch, name):
    text = "\n".join(help_of(said, monkeypatch, name))
    assert all(option in text for option in ("--out", "--quiet", "--debug"))


def test_every_setting_is_an_option_with_its_default(said, monkeypatch):
    text = " ".join(" ".join(help_of(said, monkeypatch, "run")).split())
    for name, default in vars(ca.PipelineConfig()).items():
        flag = "-k" if name == "k" else "--" + name.replace("_", "-")
        told = re.search(rf"{flag} [^()]*\(default: ([^()]*)\)", text)[1]
        if name in FAMILY_OPTIONS:  # each family has its own, where it does not look at the data
            own = families_with(name).values()
            own = [str(value) if value != () else "none" for value in own if value is not None]
            assert all(value in told for value in own), name
        else:
            assert told == str(default) if default is not None else len(told) > 3, name


def test_examples_in_help_work_as_pasted(said, monkeypatch, tmp_path, tiny):
    """In the order of the commands, as a user would; the run is made small by more options."""
    monkeypatch.chdir(tmp_path)
    for name in COMMANDS:
        lines = help_of(said, monkeypatch, name)
        words = shlex.split(lines[lines.index("Example:") + 1])
        assert words[:2] == ["clusterart", name]
        small = {"run": [*tiny, "-k", "3"], "cluster": ["--limit", "120"]}.get(name, [])
        code, out, err = said(*words[1:], *small)
        assert (code, err) == (0, [])
        assert out
    with Image.open("sheet.png") as sheet:
        assert min(sheet.size) > 64
    top = help_of(said, monkeypatch)
    example = next(line for line in top if line.startswith("Try it:"))
    words = shlex.split(example.removeprefix("Try it:"))
    code, out, err = said(*words[1:], *tiny, "--resume")
    assert (code, err) == (0, [])
    assert "complete already" in out[-1]


def test_a_run_prints_its_numbers_and_where_the_report_is(said, finished, tiny):
    loud = [word for word in tiny if word != "--quiet"]
    code, out, err = said("run", "--out", finished, *loud, "--resume")
    assert (code, err) == (0, [])
    told = json.loads((finished / "metrics.json").read_text())["metrics"]
    assert [line.rsplit(maxsplit=1)[0] for line in out[: len(told)]] == list(told)
    assert out[-1].startswith(f"{finished}/report.html")


def test_quiet_prints_the_result_only(said, finished, tiny):
    code, out, err = said("run", "--out", finished, *tiny, "--resume")
    assert (code, err) == (0, [])
    assert out == [f"{finished}/report.html (was complete already)"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        ([], 2, "required: COMMAND"),
        (["runn"], 2, "unknown command 'runn'; did you mean 'run'?"),
        (
            ["xyz"],
            2,
            "unknown command 'xyz'; choose from run, cluster, generate, interpolate, translate, "
            "edit, restore, measure, nearest, info, palette, quantize, segment, styles, render",
        ),
        (["run", "--step", "3"], 2, "unknown option '--step'; did you mean '--steps'?"),
        (["run", "--step=3"], 2, "unknown option '--step=3'; did you mean '--steps'?"),
        (["run", "--outt", "x"], 2, "unknown option '--outt'; did you mean '--out'?"),
        (["run", "digits", "more"], 2, "unknown argument 'more'"),
        (["--quiet", "run"], 2, "--quiet must come after the command: clusterart run --quiet"),
        (["run", "--steps", "many"], 2, "argument --steps: invalid int value: 'many'"),
        (["run", "--out"], 2, "argument --out: expected one argument"),
        (["run", "-k", "0"], 2, "k must be between 1 and 100000, not 0"),
        (["run", "--learning-rate", "nan"], 2, "learning_rate must be a number above 0 and below"),
        (["run", "--generator", "vea"], 2, "did you mean 'vae'?"),
        (["run", "--holdout", "0.9"], 2, "holdout must be between 0 and 0.5, not 0.9"),
        (["run", "--seed", "-1"], 2, "seed must be"),
        (["run", "--size", "2"], 2, "size"),
        (["run", "--channels", "2"], 2, "channels"),
        (["run", "--limit", "0"], 2, "limit"),
        (["run", "--resume", "--overwrite"], 2, "--resume and --overwrite exclude each other"),
        (["run", "digit"], 3, "unknown data 'digit'.*did you mean 'digits'?"),
        (["run", "fashion-mnits"], 3, "did you mean 'fashion-mnist'?"),
        (["generate", "none"], 5, "none is not a run"),
        (["generate", "none", "--cluster", "1", "--mix", "1"], 2, "not allowed with"),
        (["info"], 2, "required: RUN"),
        (["info", "none"], 5, "none is not a run"),
    ],
)
def test_each_error_is_one_line_and_a_code(said, tmp_path, monkeypatch, words, code, text):
    monkeypatch.chdir(tmp_path)
    found, out, err = said(*words)
    assert (found, out, len(err)) == (code, [], 1)
    assert err[0].startswith("clusterart: ")
    assert re.search(text.replace("?", r"\?").replace("(", r"\("), err[0])
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_errors_nobody_foresaw_are_one_line_too(said, monkeypatch):
    def broken(*args, **options):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(ca, "generate_pictures", broken)
    code, out, err = said("generate", "run")
    assert (code, out) == (1, [])
    assert err == ["clusterart: internal error: first line second line (--debug shows where)"]


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (MemoryError(), 3, "not enough memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"), 3, "not enough mem"),
        (KeyboardInterrupt(), 130, "stopped"),
        (PermissionError(13, "Permission denied", "x"), 4, "Permission denied"),
        (ca._errors.DataError("a\nb"), 3, "a b"),
    ],
)
def test_what_the_machine_refuses(said, monkeypatch, error, code, text):
    def broken(*args, **options):
        raise error

    monkeypatch.setattr(ca, "generate_pictures", broken)
    found, _, err = said("generate", "run")
    assert (found, len(err)) == (code, 1)
    assert text in err[0]
    assert "--resume" not in err[0]  # that is for runs
    with pytest.raises(type(error)):
        main(["generate", "run", "--debug"])


def test_a_traceback_comes_with_debug_only(process, tmp_path):
    plain = process("info", tmp_path / "none")
    assert plain.returncode == 5
    assert plain.stderr == f"clusterart: {tmp_path}/none is not a run: it has no config.json\n"
    debug = process("info", tmp_path / "none", "--debug")
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr
    assert "CheckpointError" in debug.stderr


@pytest.mark.parametrize("kind", ["toml", "json", "run"])
def test_settings_come_from_a_file_and_options_win(said, finished, tmp_path, tiny, kind):
    """They are those of the finished run, so that it is found complete; one that differs is not."""
    pipeline = json.loads((finished / "config.json").read_text())["pipeline"]
    given = {name: value for name, value in pipeline.items() if value is not None}
    file = tmp_path / f"settings.{kind}"
    if kind == "toml":
        file.write_text("\n".join(f"{name} = {json.dumps(v)}" for name, v in given.items()))
    elif kind == "json":
        file.write_text(json.dumps(pipeline))
    else:
        file = finished / "config.json"
    words = ["run", "--out", finished, "--limit", "120", "--resume", "--quiet", "--config", file]
    code, out, err = said(*words)
    assert (code, err) == (0, [])
    assert "complete already" in out[0]
    code, _, err = said(*words, "--steps", "99")
    assert code == 2
    assert "steps was 12, is 99" in err[0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "step = 3", "unknown configuration key 'step'; did you mean 'steps'?"),
        ("a.json", '{"batchsize": 3}', "did you mean 'batch_size'?"),
        (
            "a.toml",
            "steps = 'many'",
            "steps must be a whole number between 1 and 10000000, not 'many'",
        ),
        ("a.toml", "steps = ", "cannot read the configuration"),
        ("a.json", "{", "cannot read the configuration"),
        ("a.json", "[1]", "must hold keys and values"),
        ("a.json", '{"pipeline": 3}', "must hold keys and values"),
        ("a.json", b"\xff\xfe", "cannot read the configuration"),
        (None, None, "No such file or directory"),
    ],
)
def test_settings_that_cannot_be(said, tmp_path, name, text, message):
    file = tmp_path / (name or "none.toml")
    if name:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = said("run", "--config", file, "--out", tmp_path / "run")
    assert (code, out, len(err)) == (2, [], 1)
    assert message in err[0]
    assert not (tmp_path / "run").exists()


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_generate_is_the_same_for_the_same_seed(said, finished, tmp_path):
    sheets = []
    for i, words in enumerate(
        (["--seed", 1], ["--seed", 1], ["--seed", 2], ["--cluster", 0, "--seed", 1])
    ):
        out = tmp_path / f"{i}.png"
        code, printed, err = said("generate", finished, "-n", 6, "--out", out, *words)
        assert (code, printed, err) == (0, [str(out)], [])
        sheets.append(pixels(out))
    np.testing.assert_array_equal(sheets[0], sheets[1])
    assert (sheets[0] != sheets[2]).any()
    assert (sheets[0] != sheets[3]).any()


def test_generate_lays_pictures_in_columns(said, finished, tmp_path):
    shapes = []
    for columns in (1, 3, 6):
        out = tmp_path / f"{columns}.png"
        said("generate", finished, "-n", 6, "--columns", columns, "--out", out)
        shapes.append(pixels(out).shape[:2])
    assert shapes[0] == shapes[2][::-1]
    assert shapes[0][0] > shapes[1][0] > shapes[2][0]


def test_generate_names_its_sheets_after_what_they_show(said, finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for words, name in (
        ([], "generated-seed0.png"),
        (["--cluster", 1, "--seed", 4], "cluster1-seed4.png"),
        (["--mix", "0:0.6,2:0.4"], "mix-0-0.6_2-0.4-seed0.png"),
    ):
        code, out, err = said("generate", run, "-n", 4, *words)
        assert (code, out, err) == (0, [str(run / name)], [])
        assert (run / name).exists()


def test_a_mixture_of_one_cluster_is_that_cluster(said, finished, tmp_path):
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    said("generate", finished, "-n", 4, "--cluster", 2, "--out", one)
    code, _, _ = said("generate", finished, "-n", 4, "--mix", "2", "--out", two)
    assert code == 0
    np.testing.assert_array_equal(pixels(one), pixels(two))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--mix", ""], "--mix must be like 3:0.6,7:0.4, not ''"),
        (["--mix", "a:1"], "--mix must be like 3:0.6,7:0.4, not 'a:1'"),
        (["--mix", "0:half"], "--mix must be like"),
        (["--mix", "0:0.5,"], "--mix must be like"),
        (["--mix", "0:-1"], "the share of cluster 0 must be a number ≥ 0, not -1.0"),
        (["--mix", "0:nan"], "the share of cluster 0"),
        (["--mix", "0:0"], "at least one share above 0"),
        (["--mix", "7:1"], "cluster 7 does not exist; there are 3 clusters: 0…2"),
        (["--cluster", "3"], "cluster 3 does not exist; there are 3 clusters: 0…2"),
        (["--cluster", "-1"], "there is no noise; there are 3 clusters: 0…2"),
        (["--cluster", "noise"], "there is no noise"),
        (["--cluster", "most"], "argument --cluster: invalid number or noise value: 'most'"),
        (["--mix", "noise:1,0:1"], "there is no noise"),
        (["-n", "0"], "n must be a whole number between 1 and 100000, not 0"),
        (["--seed", "-5"], "seed must be"),
        (["--columns", "0"], "--columns must be at least 1, not 0"),
        (["--temperature", "11"], "temperature must be between 0 and 10, not 11.0"),
        (["--out", "sheet.jpg"], "--out must end in .png, not 'sheet.jpg'"),
    ],
)
def test_sheets_that_cannot_be(said, finished, words, text):
    before = sorted(finished.iterdir())
    code, out, err = said("generate", finished, *words)
    assert (code, out, len(err)) == (2, [], 1)
    assert text in err[0]
    assert sorted(finished.iterdir()) == before


def test_a_sheet_that_cannot_be_written(said, finished, tmp_path):
    code, out, err = said("generate", finished, "-n", 2, "--out", tmp_path / "none" / "a.png")
    assert (code, out, len(err)) == (4, [], 1)
    assert "cannot write" in err[0]


def test_a_run_that_is_not_finished_has_no_generator_yet(said, finished, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(finished / "config.json", run)
    code, _, err = said("generate", run)
    assert code == 5
    assert len(err) == 1
    assert re.search(
        "is not finished; continue it with: clusterart run digits .* --resume$", err[0]
    )
    code, out, err = said("info", run)
    assert (code, err) == (0, [])
    assert out[0] == f"run       {run} (not finished)"


def test_info_says_what_a_run_is(said, finished, tmp_path):
    code, out, err = said("info", finished)
    assert (code, err) == (0, [])
    text = "\n".join(out)
    assert out[0] == f"run       {finished} (finished)"
    assert "120 of 8×8×1 from digits" in text
    assert "clusterart run digits" in text
    assert "steps=12" in text
    assert "cluster consistency" in text
    file = tmp_path / "about.json"
    code, out, err = said("info", finished, "--out", file)
    assert (code, out, err) == (0, [str(file)], [])
    about = json.loads(file.read_text(encoding="utf-8"))
    assert about["finished"] is True
    assert about["metrics"] == json.loads((finished / "metrics.json").read_text())["metrics"]
    code, _, err = said("info", finished, "--out", tmp_path / "none" / "a.json")
    assert (code, len(err)) == (4, 1)


def test_version_and_module(process):
    done = process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"clusterart {ca.__version__}\n", "")


def test_output_that_nobody_takes_is_no_traceback(finished, environment):
    """A reader that stops early is content; a full disk is an error of one line."""
    command = f"{shlex.quote(sys.executable)} -m clusterart_jax info {shlex.quote(str(finished))}"
    for rest, code, lines in (("| true", 0, 0), ("> /dev/full", 4, 1)):
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command} {rest}"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code
        assert len(done.stderr.splitlines()) == lines, done.stderr
        assert "Traceback" not in done.stderr


def test_a_name_that_the_terminal_cannot_print(
    process, environment, finished, tmp_path, monkeypatch
):
    path = os.fsencode(tmp_path) + b"/run-\xff"
    shutil.copytree(os.fsencode(finished), path)
    for encoding in ("utf-8", "ascii"):
        monkeypatch.setitem(environment, "PYTHONIOENCODING", f"{encoding}:strict")
        done = process("info", os.fsdecode(path))
        assert (done.returncode, done.stderr) == (0, "")
        assert "run-\\udcff (finished)" in done.stdout


def test_progress_and_ctrl_c_at_a_terminal(environment, tmp_path):
    """The bar shows speed and time left and fits; Ctrl-C keeps the steps done, and says how on."""
    path = tmp_path / "run"
    options = "-k 2 --limit 60 --n-init 1 --width 8 --latent 2 --components 1 --steps 900000"
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-m", "clusterart_jax", "run", "--out", path, *options.split()],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        start_new_session=True,
        close_fds=True,
    )
    os.close(terminal)
    screen, pressed, end = b"", False, time.monotonic() + 120
    try:
        while time.monotonic() < end:
            if not select.select([master], [], [], 0.2)[0]:
                continue
            try:
                part = os.read(master, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            screen += part
            if not pressed and re.search(rb"training: .*step/s", screen):
                os.killpg(running.pid, signal.SIGINT)  # what the terminal does on Ctrl-C
                pressed = True
        code = running.wait(30)
    finally:
        if running.poll() is None:
            running.kill()
        os.close(master)
    text = screen.decode()
    assert code == 130, text
    bars = [part for part in re.split(r"[\r\n]", text) if part.startswith("training:")]
    assert re.search(r"\d+/900000 \[\d\d:\d\d<.*, .*step/s", bars[-1])
    assert max(map(len, bars)) <= 80
    assert text.rstrip().splitlines()[-1] == (
        "clusterart: stopped; the same command with --resume goes on"
    )
    assert "Traceback" not in text
    assert Checkpoints(path / "training").step > 0
