"""Who may import whom: the floor nothing of ours, a room the floor and the rooms above it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import clusterart_jax

ROOT = Path(clusterart_jax.__file__).parent
NAME = ROOT.name

FLOOR = {
    *("_typing", "_errors", "_files", "_onnx_file", "_progress"),
    *("_checks", "_kept", "_linalg", "_cholesky", "_qr", "_sharding"),
}
ROOMS = [
    *("data", "features", "cluster", "condition", "generate", "metrics", "art", "estimators"),
    *("pipeline", "report", "job", "cli"),
]
ENTRY = {"__init__", "__main__"}
"""Doors to the package, which may name every room's public names."""

SLOW = {"PIL", "flax", "jinja2", "matplotlib", "optax", "orbax", "scipy", "sklearn", "tqdm"}
"""Loaded when first used: at the top of private files only, which public ones import late."""


def imports(source: str, file: Path) -> Iterator[tuple[str, bool]]:
    """Dotted names that a file imports, `from x import y` as x.y, and whether at its top level."""
    tree = ast.parse(source)
    top = set()
    for node in tree.body:
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not typing_only:
            top |= {id(child) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(file.with_suffix("").parts[: len(file.parts) - node.level])
            prefix = [NAME, *base] if node.level else []
            names = [
                ".".join([*prefix, *([node.module] if node.module else []), alias.name])
                for alias in node.names
            ]
        else:
            continue
        yield from ((name, id(node) in top) for name in names)


def private(part: str) -> bool:
    return part.startswith("_") and not part.startswith("__")


def faults(file: Path, source: str) -> list[str]:
    """What a file, named relative to the package, imports against the rule."""
    home = file.parts[0].removesuffix(".py")
    found = []
    for name, at_top in imports(source, file):
        head, *path = name.split(".")
        if head == "PIL" and home != "data":
            found.append(f"only data/ imports Pillow, not {file}")
        if head in SLOW and at_top and not private(file.stem):
            found.append(f"{file} loads {head} when it is imported")
        if head != NAME or not path or home in ENTRY:
            continue
        target = clusterart_jax._HOME.get(path[0], path[0])
        if target in FLOOR or target in (home, "__version__"):
            if home in FLOOR and target not in FLOOR:
                found.append(f"the floor imports nothing of ours: {file} imports {target}")
            continue
        if home in FLOOR:
            found.append(f"the floor imports nothing of ours: {file} imports {target}")
        elif target not in ROOMS:
            found.append(f"{file} imports {target}, which is no room")
        elif ROOMS.index(target) > ROOMS.index(home):
            found.append(f"{file} imports {target}, a room below it")
        elif any(private(part) for part in path[1:]):
            found.append(f"{file} imports {name}, a private name of another room")
    return found


def files() -> list[Path]:
    return sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


@pytest.mark.parametrize("file", files(), ids=str)
def test_file_imports_only_what_it_may(file):
    home = file.parts[0].removesuffix(".py")
    assert home in FLOOR or home in ROOMS or home in ENTRY, f"{file} is in no room of DESIGN.md"
    assert faults(file, (ROOT / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source", "fault"),
    [
        ("_linalg.py", "from .cluster import kmeans", "the floor imports nothing"),
        ("_linalg.py", "import clusterart_jax.data", "the floor imports nothing"),
        ("data/_load.py", "from ..features import pca", "a room below"),
        ("data/_load.py", "from .. import report", "a room below"),
        ("pipeline.py", "def f():\n  from .cli import main", "a room below"),
        ("pipeline.py", "from . import run", "a room below"),
        ("_linalg.py", "from . import kmeans", "the floor imports nothing"),
        ("features/_pca.py", "from ..data._folder import walk", "a private name"),
        ("features/_pca.py", "from ..data import _folder", "a private name"),
        ("features/_pca.py", "from clusterart_jax.data._folder import walk", "a private name"),
        ("features/_pca.py", "from .._helpers import x", "no room"),
        ("features/_pca.py", "import PIL.Image", "only data/"),
        ("cluster/__init__.py", "from sklearn.cluster import KMeans", "when it is imported"),
        ("pipeline.py", "try:\n  import flax\nexcept ImportError: pass", "when it is imported"),
    ],
)
def test_rule_catches(file, source, fault):
    assert [fault in line for line in faults(Path(file), source)].count(True) == 1


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("features/_pca.py", "from .._linalg import total"),
        ("features/_pca.py", "from ._pixels import pixels"),
        ("features/_pca.py", "from ..data import Images, load"),
        ("features/_pca.py", "import sklearn"),
        ("features/__init__.py", "def f():\n  import sklearn"),
        ("cluster/_deep/_tree.py", "from ..._linalg import total"),
        ("_checks.py", "from ._errors import DataError"),
        ("__init__.py", "from ._sharding import use_cpu_cores"),
    ],
)
def test_rule_allows(file, source):
    assert faults(Path(file), source) == []


def module(name: str) -> str | None:
    """The file's module that a dotted name lies in."""
    parts = name.split(".")
    while parts and parts[0] == NAME:
        path = ROOT.joinpath(*parts[1:])
        if path.with_suffix(".py").is_file() and len(parts) > 1:
            return ".".join(parts)
        if (path / "__init__.py").is_file():
            return ".".join(parts)
        parts.pop()
    return None


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """The modules that are left when those that import none of the rest are taken away."""
    graph = dict(graph)
    while leaves := [name for name, needs in graph.items() if not needs & graph.keys()]:
        for name in leaves:
            del graph[name]
    return sorted(graph)


def test_no_import_cycles():
    graph = {}
    for file in files():
        name = ".".join([NAME, *file.with_suffix("").parts]).removesuffix(".__init__")
        used = {module(n) for n, top in imports((ROOT / file).read_text("utf-8"), file) if top}
        graph[name] = {u for u in used if u not in (None, name, NAME)}
    assert cycle(graph) == []
    assert len(graph[f"{NAME}.cluster._kmeans"]) >= 4, "imports are not read"


def test_cycles_are_seen():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}, "e": set()}) == list("abcd")
