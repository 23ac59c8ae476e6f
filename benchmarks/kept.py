"""Rows of a table in a JSON file that a benchmark goes on with where it was stopped."""

import json
from pathlib import Path
from typing import Any

from clusterart_jax._files import write_text


class Kept:
    """The file, with what the rows were measured on.

    Attributes:
      rows: by label.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self._path, self._about = path, about
        self.rows: dict[str, dict[str, Any]] = {}
        if path.exists():
            self.rows = json.loads(path.read_text(encoding="utf-8"))["rows"]

    def add(self, label: str, row: dict[str, Any]) -> None:
        """Keeps a row; the file is whole at any time."""
        self.rows[label] = row
        told = {**self._about, "rows": self.rows}
        write_text(self._path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
