"""The only way out: files are written together or not at all, with a manifest that says what they are."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

MANIFEST = "manifest.json"


def release_files(folder: str | Path, files: Mapping[str, bytes], manifest: Mapping[str, object]) -> Path:
    """Write a report's files into a folder, in place of an earlier report there.

    Everything is written beside the folder first; what stands there is only replaced once all of it is there.

    Parameters
    ----------
    folder : str or Path
        Not there yet, empty, or with a report of this package in it.
    files : mapping of str to bytes
        Path inside the folder, with slashes -> content.
    manifest : mapping
        What the report is; the files with their SHA-256 are added.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        Where something else stands in the folder: nothing of it is touched.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = release_files(Path(parent) / "report", {"index.html": b"<p>"}, {"package": "se_outcomes"})
    ...     sorted(path.name for path in folder.iterdir())
    ['index.html', 'manifest.json']
    """
    folder = Path(folder)
    refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    told = json.dumps({**manifest, "files": listed}, ensure_ascii=False, indent=2) + "\n"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        new, old = Path(beside) / "new", Path(beside) / "old"
        for name, content in {**files, MANIFEST: told.encode("utf-8")}.items():
            path = new.joinpath(*name.split("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                shutil.move(old, folder)
            raise
    return folder


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that holds something else than a report of this package."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FileExistsError(f"{folder.name} is a file; name a folder for the report")
    if any(folder.iterdir()) and not _is_report(folder):
        raise FileExistsError(
            f"the folder {folder.name} holds something else than a report of this package; name another, or empty it"
        )


def _is_report(folder: Path) -> bool:
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("package") == "se_outcomes"
    except (OSError, ValueError):
        return False
