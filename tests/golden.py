"""Texts that a test compares with a file; ``pytest --update-golden`` writes them anew."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Golden:
    """Golden files below ``folder``."""

    folder: Path
    update: bool

    def check(self, name: str, text: str) -> None:
        """Assert that ``text`` is what the file ``name`` holds."""
        path = self.folder / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n", encoding="utf-8")
        assert path.exists(), f"{path} is missing: run pytest --update-golden, and read what it wrote"
        assert text + "\n" == path.read_text(encoding="utf-8")
