import json
import subprocess
import sys
from pathlib import Path

import pytest

import se_outcomes as so
from se_outcomes.__main__ import FAULTS, INTERRUPTED, PIPE_CLOSED, SOUND, WRONG_CALL, main
from se_outcomes.arguments import WRITTEN
from se_outcomes.report import render

ROOT = Path(__file__).parents[1]
HEADER = "case_id;office_id;eligible;motivation;referred;accepted;placed"
COMMANDS = ["simulate", "check", "report", "tally", "codebook"]


@pytest.fixture
def write(tmp_path):
    """``write(*rows)``: a case file and its path as text."""

    def write_rows(*rows):
        path = tmp_path / "cases.csv"
        path.write_text("\n".join([HEADER, *rows]), encoding="utf-8")
        return str(path)

    return write_rows


@pytest.fixture
def sound(write):
    """The path of three sound cases."""
    return write("1;0301;ja;7,5;ja;ja;nei", "2;0301;ja;3,0;nei;;nei", "3;0302;ja;4,5;ja;nei;ja")


@pytest.fixture
def faulty(write):
    """The path of cases with three faults."""
    return write("1;0301;ja;Xqhigh;ja;ja;nei", "1;0301;ja;3,0;nei;ja;nei")


@pytest.fixture
def run(capsys):
    """``run(*arguments)``: exit status, standard output and standard error."""

    def run_command(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


def process(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, **options
    )


# --- help and wrong calls -------------------------------------------------------------------------


def test_statuses_are_the_documented_ones():
    assert (SOUND, FAULTS, WRONG_CALL) == (0, 1, 2)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_examples_that_the_parser_takes_and_the_statuses(run, command):
    status, out, err = run(*[command] * bool(command), "--help")
    assert (status, err) == (SOUND, "")
    assert "exit status: 0 all is well, 1 the case file has faults, 2 the call is wrong" in out
    assert "examples:\n  se-outcomes " in out
    for name in [command] if command else COMMANDS:
        assert name in out


def test_help_of_the_module_in_a_process_of_its_own():
    done = process("-m", "se_outcomes", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: se-outcomes")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_no_heavy_library(command):
    code = (
        "import sys; from se_outcomes.__main__ import main; "
        f"status = main({[*[command] * bool(command), '--help']}); "
        "print('loaded', *sorted({name.split('.')[0] for name in sys.modules})); sys.exit(status)"
    )
    done = process("-c", code)
    assert done.returncode == 0
    loaded = set(done.stdout.splitlines()[-1].split())
    assert {"loaded", "se_outcomes"} <= loaded
    assert not {"statsmodels", "seaborn", "matplotlib", "scipy", "duckdb", "jinja2", "openpyxl"} & loaded


def test_version(run):
    assert run("--version") == (SOUND, f"se_outcomes {so.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chek"],
        ["check"],
        ["report", "cases.csv"],
        ["simulate"],
        ["check", "cases.csv", "--gates", "both"],
        ["check", "cases.csv", "--outcome-observed", "some"],
        ["report", "cases.csv", "--out", "x", "--language", "de"],
        ["report", "cases.csv", "--out", "x", "--min-cell", "2"],
        ["report", "cases.csv", "--out", "x", "--format", "pdf"],
        ["codebook", "--out", "x", "--template", "y"],
        ["simulate", "x.csv", "--n-cases", "many"],
        ["tally", "cases.csv"],
        ["tally", "cases.csv", "--out", "tally.csv", "--small", "hide"],
    ],
)
def test_calls_that_the_parser_refuses(run, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*arguments)
    assert (status, out) == (WRONG_CALL, "")
    assert err.startswith("usage: se-outcomes")
    assert list(tmp_path.iterdir()) == []


# --- check ----------------------------------------------------------------------------------------


def test_check_of_sound_cases_tells_the_warnings(run, sound):
    status, out, err = run("check", sound, "--outcome-observed", "all")
    warnings = so.load_cases(sound, outcome_observed="all").warnings
    assert (status, err) == (SOUND, "")
    assert out.splitlines() == [
        f"cases.csv is sound: 3 cases in 2 offices, with {len(warnings)} warnings:",
        *[f"  - {warning}" for warning in warnings],
    ]
    assert len(warnings) > 1


def test_check_takes_a_mapping_and_the_call_goes_before_it(run, sound, tmp_path):
    toml = tmp_path / "study.toml"
    toml.write_text('[study]\noutcome_observed = "all"\nhorizon_days = 365\n', encoding="utf-8")
    _, without, _ = run("check", sound)
    _, with_mapping, _ = run("check", sound, "--mapping", toml)
    assert "Nothing says for whom the outcome is known" in without
    assert "Nothing says for whom the outcome is known" not in with_mapping
    assert "A horizon of 365 days is stated" in with_mapping
    _, merged, _ = run("check", sound, "--mapping", toml, "--gates", "merged")
    assert "The gates are merged" in merged
    _, accepted, _ = run("check", sound, "--mapping", toml, "--outcome-observed", "accepted")
    assert "outcomes were observed for the accepted only" in accepted


def test_check_prints_every_fault_as_a_sentence(run, faulty):
    status, out, err = run("check", faulty)
    assert (status, err) == (FAULTS, "")
    lines = out.splitlines()
    assert lines[0] == "cases.csv cannot be used: 3 faults"
    assert lines[1] == (
        "  - cases.motivation: expected a number (1 row; first: 1). Correct these values; empty is missing."
    )
    assert lines[2].startswith(
        "  - cases.case_id: expected every case_id on one row only (2 rows; first: 1, 2). Remove"
    )
    assert lines[3].startswith(
        "  - cases.accepted: expected referred true where accepted is true (1 row; first: 2). Correct"
    )
    assert len(lines) == 4
    assert all(line.endswith(".") for line in lines[1:])
    assert "Xq" not in out


def test_check_of_files_that_are_no_table(run, tmp_path):
    for name, content in (("cases.csv", b""), ("cases.xlsx", b"PK\x03\x04no"), ("cases.parquet", b"PAR")):
        path = tmp_path / name
        path.write_bytes(content)
        status, out, err = run("check", path)
        assert (status, err) == (FAULTS, "")
        assert out.startswith(f"{name} cannot be used: 1 fault\n  - ")


@pytest.mark.parametrize("command", [["check"], ["report", "--quiet", "--out", "report"]])
def test_wrong_calls_that_only_the_file_system_can_tell(run, monkeypatch, tmp_path, sound, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "cases.docx").write_text("x", encoding="utf-8")
    (tmp_path / "bad.toml").write_text('[study]\ngates = "both"\nbypas = 1\n', encoding="utf-8")
    (tmp_path / "worse.toml").write_text("[study\n", encoding="utf-8")
    before = sorted(path.name for path in tmp_path.iterdir())
    for arguments, expected in [
        (["none.csv"], ["expected a file at this path, but there is none"]),
        (["folder.csv"], ["but this is a folder without"]),
        (["cases.docx"], ["expected a file ending in .csv"]),
        (["a" * 300 + ".csv"], ["expected a file that may be read"]),
        ([sound, "--mapping", "none.toml"], ["there is no readable file 'none.toml'"]),
        ([sound, "--mapping", "worse.toml"], ["the mapping 'worse.toml' is not TOML"]),
        (
            [sound, "--mapping", "bad.toml"],
            [
                "[study] bypas: no such setting. Did you mean 'bypass'?",
                "[study] gates: expected one of 'separate', 'merged'",
            ],
        ),
    ]:
        status, out, err = run(*command, *arguments)
        assert (status, out) == (WRONG_CALL, "")
        assert err.startswith("se-outcomes: ")
        for part in expected:
            assert part in err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


# --- simulate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", WRITTEN)
def test_simulated_cases_are_sound(run, tmp_path, ending):
    path = tmp_path / f"cases{ending}"
    status, out, err = run("simulate", path, "--n-cases", 60, "--n-offices", 3, "--seed", 1)
    assert (status, out, err) == (SOUND, f"{path}: 60 cases in 3 offices, simulated\n", "")
    status, out, _ = run("check", path)
    assert status == SOUND
    assert out.startswith(f"cases{ending} is sound: 60 cases in 3 offices, with ")


def test_simulated_cases_are_those_of_the_seed_and_options(run, tmp_path):
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    options = ["--n-cases", 50, "--missing", 0.2, "--gates", "merged", "--outcome-observed", "accepted"]
    assert run("simulate", one, "--seed", 3, *options)[0] == SOUND
    expected = so.simulate_cases(50, seed=3, missing=0.2, gates="merged", outcome_observed="accepted")
    assert one.read_bytes() == expected.write(other).read_bytes()
    assert run("simulate", other, "--seed", 4, "--force", *options)[0] == SOUND
    assert one.read_bytes() != other.read_bytes()


def test_simulate_replaces_a_file_only_when_told(run, tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("mine", encoding="utf-8")
    status, out, err = run("simulate", path, "--n-cases", 20)
    assert (status, out) == (WRONG_CALL, "")
    assert err == (
        f"se-outcomes: There is something at {path} already; write elsewhere, or replace it with --force.\n"
    )
    assert path.read_text(encoding="utf-8") == "mine"
    assert run("simulate", path, "--n-cases", 20, "--force")[0] == SOUND
    assert path.read_text(encoding="utf-8").startswith("case_id;")


@pytest.mark.parametrize("ending", WRITTEN)
def test_simulate_into_the_place_of_a_folder(run, tmp_path, ending):
    path = tmp_path / f"cases{ending}"
    path.mkdir()
    status, out, err = run("simulate", path, "--n-cases", 20, "--force")
    assert (status, out) == (WRONG_CALL, "")
    assert err.startswith(f"se-outcomes: {path} cannot be written: ")
    assert list(path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["cases.docx"], "The ending of cases.docx must be one of .csv, .xlsx, .dta, .sav, .parquet."),
        (["nowhere/cases.csv"], "There is no folder nowhere to write to."),
        (["a" * 300 + ".csv"], "cannot be written: file name too long."),
        (["cases.csv", "--n-cases", "0"], "n_cases must be a whole number of at least 1; got 0."),
        (["cases.csv", "--n-cases", "3"], "n_cases must be at least n_offices"),
        (["cases.csv", "--seed", "-1"], "seed must be a whole number of at least 0; got -1."),
        (["cases.csv", "--missing", "1"], "missing must be a share from 0 to below 1"),
        (["cases.csv", "--missing", "nan"], "missing must be a share from 0 to below 1"),
    ],
)
def test_what_cannot_be_simulated(run, monkeypatch, tmp_path, arguments, expected):
    monkeypatch.chdir(tmp_path)
    status, out, err = run("simulate", *arguments)
    assert (status, out) == (WRONG_CALL, "")
    assert err.startswith("se-outcomes: ")
    assert expected in err
    assert list(tmp_path.iterdir()) == []


# --- tally ----------------------------------------------------------------------------------------


@pytest.fixture
def many(run, tmp_path):
    """The path of 400 simulated cases in three offices."""
    path = tmp_path / "many.csv"
    assert run("simulate", path, "--n-cases", 400, "--n-offices", 3, "--seed", 1)[0] == SOUND
    return path


def test_a_tally_is_written_and_checked(run, many, tmp_path):
    out_path = tmp_path / "tally.csv"
    call = ["tally", many, "--outcome-observed", "all", "--out", out_path, "--columns", "motivation"]
    status, out, err = run(*call, "--numbers", "quarters")
    assert (status, err) == (SOUND, "")
    assert out == (
        f"The tally is at {out_path}, and what it is at {tmp_path / 'tally.json'}: let them stay together\n"
    )
    status, out, err = run("check", out_path)
    assert (status, err) == (SOUND, "")
    assert out.startswith("tally.csv is sound: about ")
    assert " small cells, about " in out
    status, out, err = run(*call)
    assert (status, out) == (WRONG_CALL, "")
    assert f"There is something at {out_path} already" in err
    assert run(*call, "--small", "suppress", "--force")[0] == SOUND


def test_a_tally_that_cannot_be_used(run, many, tmp_path):
    out_path = tmp_path / "tally.csv"
    assert run("tally", many, "--out", out_path, "--columns", "sex")[0] == SOUND
    status, out, err = run("check", out_path, "--gates", "merged")
    assert (status, out) == (WRONG_CALL, "")
    assert "A tally brings its study plan with it" in err
    out_path.write_text(out_path.read_text(encoding="utf-8").replace("accepted", "Xqtaken"), encoding="utf-8")
    status, out, err = run("check", out_path)
    assert (status, err) == (FAULTS, "")
    assert "expected one of the codes of the schema" in out
    assert "Xq" not in out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--threshold", "2"], "No tally was written: The threshold must be a whole number of at least 3"),
        (["--columns", "case_id"], "No tally was written: A tally never has case_id"),
        (["--columns", "motivasjon"], "No tally was written: The cases have no recorded column motivasjon"),
        ([], "No tally was written: By these columns more than half of the cases"),
    ],
)
def test_tallies_that_are_refused(run, many, tmp_path, options, expected):
    status, out, err = run("tally", many, "--out", tmp_path / "tally.csv", *options)
    assert (status, out) == (WRONG_CALL, "")
    assert expected in err
    assert not list(tmp_path.glob("tally*"))


def test_no_tally_of_faulty_cases_or_into_no_folder(run, faulty, many, tmp_path):
    assert run("tally", faulty, "--out", tmp_path / "tally.csv")[0] == FAULTS
    status, _, err = run("tally", many, "--out", tmp_path / "nowhere" / "tally.csv")
    assert status == WRONG_CALL
    assert "There is no folder" in err


# --- report ---------------------------------------------------------------------------------------


@pytest.fixture
def _without_pictures(monkeypatch):
    """Figures are drawn and not written: that takes most of a report's time."""
    monkeypatch.setattr(render, "_saved", lambda figure, kind, metadata: kind.encode())


@pytest.mark.usefixtures("_without_pictures")
def test_report_on_simulated_cases(run, tmp_path):
    path, folder = tmp_path / "cases.csv", tmp_path / "rapport"
    plan = ("--gates", "merged", "--outcome-observed", "accepted")
    assert run("simulate", path, "--n-cases", 300, "--seed", 1, *plan)[0] == SOUND
    status, out, err = run(
        "report", path, "--out", folder, "--language", "nb", "--min-cell", 10, "--title", "Fem kontorer",
        *plan, "--quiet",
    )  # fmt: skip
    assert (status, out, err) == (SOUND, f"The report is at {folder / 'index.html'}\n", "")
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert '<html lang="nb">' in page
    assert "Fem kontorer" in page
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    written = {item.relative_to(folder).as_posix() for item in folder.rglob("*") if item.is_file()}
    assert set(manifest["files"]) == written - {"manifest.json"}


@pytest.mark.usefixtures("_without_pictures")
def test_a_report_in_two_languages(run, tmp_path):
    path, folder = tmp_path / "cases.csv", tmp_path / "rapport"
    options = ("--n-cases", 200, "--seed", 1, "--gates", "merged", "--outcome-observed", "accepted")
    assert run("simulate", path, *options)[0] == SOUND
    command = ("report", path, *options[4:], "--out", folder, "--language", "nn", "en", "--quiet")
    said = "".join(f"The report is at {folder / language / 'index.html'}\n" for language in ("nn", "en"))
    assert run(*command) == (SOUND, said, "")
    assert sorted(item.name for item in folder.iterdir()) == ["en", "nn"]
    status, out, err = run(*command, "--language", "nn", "nn")
    assert (status, out) == (WRONG_CALL, "")
    assert "different ones" in err


def test_no_report_on_faulty_cases(run, faulty, tmp_path):
    folder = tmp_path / "report"
    status, out, err = run("report", faulty, "--out", folder, "--quiet")
    assert (status, out) == (FAULTS, "")
    assert err.startswith("se-outcomes: cases.csv cannot be used: 3 faults\n")
    assert err.count("\n  - cases.") == 3
    assert "Xq" not in err
    assert not folder.exists()


def test_no_report_on_fewer_cases_than_may_be_told(run, sound, tmp_path):
    status, out, err = run("report", sound, "--out", tmp_path / "report", "--quiet")
    assert (status, out) == (WRONG_CALL, "")
    assert err.startswith("se-outcomes: No report was written: ")
    assert not (tmp_path / "report").exists()


def test_no_report_into_a_folder_of_something_else(run, tmp_path):
    path, folder = tmp_path / "cases.csv", tmp_path / "mine"
    assert run("simulate", path, "--n-cases", 60, "--seed", 1)[0] == SOUND
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work", encoding="utf-8")
    for target in (folder, folder / "thesis.txt"):
        status, out, err = run("report", path, "--out", target, "--quiet")
        assert (status, out) == (WRONG_CALL, "")
        assert err.startswith("se-outcomes: No report was written: ")
        assert target.name in err
    assert [item.name for item in folder.iterdir()] == ["thesis.txt"]
    assert (folder / "thesis.txt").read_text(encoding="utf-8") == "years of work"


# --- codebook -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["markdown", "html"])
@pytest.mark.parametrize("language", ["en", "nb", "nn"])
def test_codebook_is_printed_or_written(run, tmp_path, form, language):
    expected = so.render_codebook(language=language, format=form)
    options = ["codebook", "--language", language, "--format", form]
    assert run(*options) == (SOUND, expected, "")
    path = tmp_path / "codebook"
    assert run(*options, "--out", path) == (SOUND, f"The codebook is at {path}\n", "")
    assert path.read_text(encoding="utf-8") == expected


def test_template_has_the_header_that_is_understood(run, tmp_path):
    path = tmp_path / "empty.csv"
    assert run("codebook", "--template", path) == (SOUND, f"An empty case file is at {path}\n", "")
    status, out, _ = run("check", path)
    assert status == FAULTS
    assert out.startswith("empty.csv cannot be used: 1 fault\n")
    names = set(so.read_schema()["cases"].columns)
    assert set(path.read_text(encoding="utf-8-sig").strip().split(";")) == names


@pytest.mark.parametrize("option", ["--out", "--template"])
def test_codebook_replaces_nothing(run, tmp_path, option):
    path = tmp_path / "cases.csv"
    path.write_text("mine", encoding="utf-8")
    status, out, err = run("codebook", option, path)
    assert (status, out) == (WRONG_CALL, "")
    assert err.startswith(f"se-outcomes: There is something at {path} already, and it is left as it is;")
    assert path.read_text(encoding="utf-8") == "mine"
    status, out, err = run("codebook", option, tmp_path / "nowhere" / "x")
    assert (status, out) == (WRONG_CALL, "")
    assert err == f"se-outcomes: {tmp_path / 'nowhere' / 'x'} cannot be written: no such file or directory.\n"


# --- the process ----------------------------------------------------------------------------------


def test_statuses_reach_the_shell(sound, tmp_path):
    faulty = tmp_path / "faulty.csv"
    faulty.write_text(f"{HEADER}\n1;0301;ja;high;ja;ja;nei\n", encoding="utf-8")
    for path, expected in ((sound, SOUND), (faulty, FAULTS), (tmp_path / "none.csv", WRONG_CALL)):
        done = process("-m", "se_outcomes", "check", str(path))
        assert done.returncode == expected
        assert "Traceback" not in done.stderr


def test_values_are_in_no_output_of_a_process(faulty):
    done = process("-m", "se_outcomes", "check", faulty)
    assert "cases.motivation: expected a number" in done.stdout
    assert "Xq" not in done.stdout + done.stderr


def test_interrupted(run, monkeypatch, sound):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(so, "load_cases", stop)
    assert run("check", sound) == (INTERRUPTED, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes close otherwise there")
def test_a_reader_that_goes_away():
    command = [sys.executable, "-m", "se_outcomes", "codebook"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        # closed before the first character: the whole of it has nowhere to go
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == PIPE_CLOSED


def test_a_terminal_that_knows_few_letters():
    done = subprocess.run(
        [sys.executable, "-m", "se_outcomes", "codebook", "--language", "nb"],
        cwd=ROOT,
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT), "PATH": ""},
        check=False,
    )
    assert (done.returncode, done.stderr) == (SOUND, b"")
    assert b"?" in done.stdout
