"""What holds for the package as a whole: its table of contents, what it loads, and what its files may say."""

import ast
import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import se_outcomes as so

ROOT = Path(__file__).parents[1]
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    if name
]
FUNCTIONS = [name for name in so.__all__ if name.islower() and not name.startswith("__")]


def loaded_after(statement):
    code = f"import sys; {statement}; print(*sorted(name for name in sys.modules if '.' not in name))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_import_loads_no_heavy_library():
    heavy = {"statsmodels", "seaborn", "matplotlib", "scipy", "duckdb", "jinja2", "openpyxl"}
    assert not heavy & set(loaded_after("import se_outcomes"))
    assert {"statsmodels", "scipy"} <= set(loaded_after("import se_outcomes; se_outcomes.count_funnel"))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'estimate_everything'"):
        so.estimate_everything  # noqa: B018


@pytest.mark.parametrize("name", so.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(so, name)
    assert name in dir(so)
    if name != "__version__":
        assert value.__doc__


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_has_an_example_that_is_run(name):
    function = getattr(so, name)
    found = doctest.DocTestFinder(recurse=False).find(function, name)
    assert any(test.examples for test in found), f"{name} has no >>> example"


def test_every_public_function_bears_a_verb_of_its_floor():
    verbs = {
        "cases": ("load_", "check_", "simulate_", "read_", "write_"),
        "study": ("estimate_", "count_", "decompose_"),
        "figures": ("draw_",),
        "tables": ("tabulate_",),
        "report": ("render_", "release_"),
    }
    for name in FUNCTIONS:
        floor = getattr(so, name).__module__.split(".")[1]
        assert name.startswith(verbs[floor]), name


def test_no_imports_inside_functions():
    for path in (ROOT / "se_outcomes").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
                assert not inner, f"{path.name}: {node.name}"


def test_notebooks_hold_no_output_no_functions_no_classes():
    notebooks = list((ROOT / "analyses").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                assert cell["outputs"] == [], path.name
                assert cell["execution_count"] is None, path.name
                tree = ast.parse("".join(cell["source"]))
                assert not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in ast.walk(tree)), (
                    path.name
                )


@pytest.mark.skipif(not TRACKED, reason="not a git checkout")
def test_no_tracked_file_names_a_registry_or_a_path_of_a_machine():
    # written in pieces, so that this file passes its own test
    forbidden = re.compile(
        "|".join(["pypi" + r"\.org", "python" + "hosted", "/" + "root/", "/" + "home/", "/" + r"work/\w"])
    )
    for path in TRACKED:
        if path.exists() and path.suffix != ".png":
            assert not forbidden.search(path.read_text(encoding="utf-8")), path.name


def test_readme_commands_are_targets_of_the_makefile():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`?make ([a-z]+)", readme))
    assert {"report", "test"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_readme_python_runs(tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.S)
    assert blocks
    for number, block in enumerate(blocks):
        script = tmp_path / f"block_{number}.py"
        script.write_text(block, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(script)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={"MPLBACKEND": "agg", "PATH": "", "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == 0, done.stderr
