"""Every notebook runs from top to bottom, and lies in the repository without its outputs."""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)


class ThisInterpreter(KernelSpecManager):
    """Any kernel is this interpreter: an installed one may belong to another environment."""

    def get_kernel_spec(self, kernel_name):
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")


def environment(home: Path) -> dict[str, str]:
    """As a user's, but without the user's own start-up files, and with plots in the page."""
    own = {"IPYTHONDIR": str(home / "ipython"), "JUPYTER_RUNTIME_DIR": str(home)}
    return {k: v for k, v in os.environ.items() if k != "MPLBACKEND"} | own


def test_there_are_notebooks():
    names = {"art", "choosing", "clustering", "generation", "quickstart"}
    assert names <= {file.stem for file in NOTEBOOKS}


@pytest.fixture
def sockets():
    """A folder whose path is short: names of sockets may have about 100 characters."""
    with tempfile.TemporaryDirectory(prefix="nb") as folder:
        yield Path(folder)


@each_notebook
def test_notebook_runs(file, tmp_path, sockets):
    notebook = nbformat.read(file, as_version=4)
    manager = AsyncKernelManager(
        kernel_spec_manager=ThisInterpreter(), connection_file=str(sockets / "kernel.json")
    )
    if os.name == "posix":  # needs no network, and nobody else can listen
        manager.transport, manager.ip = "ipc", str(sockets / "kernel")
    client = NotebookClient(notebook, km=manager, timeout=300)
    # Raises where a cell does. The client closes what the manager opened, else sockets stay open.
    client.execute(cwd=str(tmp_path), env=environment(sockets), cleanup_kc=True)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.execution_count, "every cell ran"
            said = [o for o in cell.outputs if o.get("name") == "stderr"]
            assert not said, f"{cell.id} warns: {said}"
    pictures = [
        o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})
    ]
    assert pictures


@each_notebook
def test_notebook_is_stored_without_outputs(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata.language_info) == {"name"}  # a version would change by machine
    for cell in notebook.cells:
        assert cell.metadata == {}, cell.id
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id
