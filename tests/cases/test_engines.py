"""The same cases on pandas and on DuckDB: equal counts, equal faults, and nothing but counts in Python."""

import datetime as dt
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases import engine_column, grid, identifying_rows, watch
from se_outcomes.cases.engine_frames import _watched
from se_outcomes.cases.rows import Rows
from se_outcomes.cases.watch import Watch

FEW = 80
STUDY = {
    "study": {"outcome_observed": "all", "horizon_days": 365, "adjust_for": ["age_group", "education_level"]}
}


def recorded(n_cases=600, **options):
    """Simulated cases as a frame of native values, as a register would have them."""
    return so.simulate_cases(n_cases, n_offices=5, seed=4, **options)._frame


def parquet(path, frame, select="*"):
    with duckdb.connect() as connection:
        connection.register("t", frame)
        connection.execute(f"COPY (SELECT {select} FROM t) TO '{path}' (FORMAT parquet)")
    return path


def as_text(frame):
    """As a CSV file would have them: every value as text."""
    text = {}
    for name, column in frame.items():
        if pd.api.types.is_datetime64_any_dtype(column):
            text[name] = column.dt.strftime("%d.%m.%Y")
        elif pd.api.types.is_bool_dtype(column):
            text[name] = column.map({True: "ja", False: "nei"})
        else:
            text[name] = column.astype("str").str.removesuffix(".0").str.replace(".", ",")
    return pd.DataFrame(text).astype("str").where(frame.notna(), None)


@pytest.fixture(scope="module")
def frame():
    return recorded(missing=0.1)


@pytest.fixture(scope="module")
def in_memory(frame):
    return so.check_cases(frame, mapping=STUDY)


@pytest.fixture
def few_values(monkeypatch):
    """As if columns had too many values to list where they have more than the gatekeepers and codes here."""
    monkeypatch.setattr(engine_column, "MOST_VALUES", FEW)
    monkeypatch.setattr(engine_column, "_MOST_TOGETHER", FEW)
    monkeypatch.setattr(identifying_rows, "MOST_VALUES", FEW)


def same_tallies(one, other, n_tallies=8):
    assert (one.n_cases, one.n_offices, one.columns) == (other.n_cases, other.n_offices, other.columns)
    assert one.warnings == other.warnings
    derived = ["motivation_group", "motivation_scaled", "motivation_bin", "months_worked_prev_24m_group"]
    random = np.random.default_rng(1)
    for size in (len(one.columns), *random.integers(1, 7, n_tallies)):
        asked = random.choice([*one.columns, *derived], size, replace=False).tolist()
        pd.testing.assert_frame_equal(one.tally(asked), other.tally(asked))
    assert one.fingerprint == other.fingerprint


# --- the same counts --------------------------------------------------------------------------------


def test_a_file_is_counted_as_the_frame_is(frame, in_memory, tmp_path):
    cases = so.load_cases(parquet(tmp_path / "a.parquet", frame), mapping=STUDY)
    assert (in_memory.engine, cases.engine) == ("pandas", "DuckDB")
    assert "600 cases in 5 offices on DuckDB" in repr(cases)
    same_tallies(in_memory, cases, n_tallies=25)


def test_text_is_parsed_by_its_distinct_values(frame, in_memory, tmp_path):
    same_tallies(in_memory, so.load_cases(parquet(tmp_path / "a.parquet", as_text(frame)), mapping=STUDY))


def test_columns_of_too_many_values_are_typed_where_they_are(frame, in_memory, tmp_path, few_values):
    plain = frame.assign(case_id="c" + frame["case_id"].astype("str"))
    cases = so.load_cases(parquet(tmp_path / "a.parquet", plain), mapping=STUDY)
    pd.testing.assert_frame_equal(
        cases.tally(["office_id", "gate_state", "motivation"]),
        in_memory.tally(["office_id", "gate_state", "motivation"]),
    )


def test_texts_of_too_many_values_are_cleaned_where_they_are(few_values, tmp_path):
    ids = [f"Ab-{number:03d}" for number in range(160)]
    written = [f"  {text}\u00a0" if number % 7 == 0 else text for number, text in enumerate(ids)]
    numbers = [f"{number / 8:g}" if number % 5 else " n/a" for number in range(160)]
    made = pd.DataFrame({"case_id": written, "office_id": [f"030{number % 2}" for number in range(160)]})
    made = made.assign(motivation=numbers, referred="1", accepted="0", placed="nei", birth_year="1990")
    made.loc[::2, "birth_year"] = [f"{1950 + number}" for number in range(80)]
    on_engine = so.load_cases(parquet(tmp_path / "a.parquet", made), decimal=".")
    columns = ["case_id", "office_id", "motivation", "referred", "placed", "birth_year"]
    pd.testing.assert_frame_equal(on_engine.tally(columns), so.load_cases(made, decimal=".").tally(columns))


def test_a_folder_a_database_and_a_relation(frame, in_memory, tmp_path):
    folder = tmp_path / "register"
    (folder / "2021").mkdir(parents=True)
    parquet(folder / "2021" / "b.parquet", frame.iloc[200:])
    parquet(folder / "2021" / "a.parquet", frame.iloc[:200])
    same_tallies(in_memory, so.load_cases(folder, mapping=STUDY))
    database = tmp_path / "register.duckdb"
    with duckdb.connect(database) as connection:
        connection.register("t", frame)
        connection.execute("CREATE TABLE spells AS SELECT * FROM t")
    same_tallies(in_memory, so.load_cases(database, mapping=STUDY))
    with duckdb.connect(database) as connection:
        connection.execute("CREATE VIEW of_them AS SELECT * FROM spells")
    same_tallies(in_memory, so.load_cases(database, mapping=STUDY, table="of_them"))
    for table, rule in ((None, "which table"), ("none", "no such table")):
        with pytest.raises(so.CaseFileError, match="one of its tables: of_them, spells") as caught:
            so.load_cases(database, mapping=STUDY, table=table)
        assert caught.value.faults["rule"].tolist() == [rule]
    with duckdb.connect() as connection:
        connection.register("t", frame)
        same_tallies(in_memory, so.check_cases(connection.sql("SELECT * FROM t"), mapping=STUDY))


def test_months_become_cases_as_the_guide_says(tmp_path):
    guide = (Path(__file__).parents[2] / "analyses" / "register.md").read_text(encoding="utf-8")
    (to_cases,) = re.findall(r"```sql\n(.*?)```", guide, re.S)
    columns = ["case_id", "office_id", "counsellor_id", "motivation", "referred", "accepted", "placed"]
    frame = recorded()[columns]
    expected = so.check_cases(frame, outcome_observed="all")
    database = tmp_path / "register.duckdb"
    with duckdb.connect(database) as connection:
        connection.register("t", frame)
        # referred in month 2, accepted in 3, at work from 12 or, too late, from 13; another rating in month 5
        connection.execute(
            "CREATE TABLE person_months AS SELECT case_id, office_id, counsellor_id, month, "
            "CASE month WHEN 1 THEN motivation WHEN 5 THEN motivation - 1 END AS motivation, "
            "month >= 2 AND referred AS referred, "
            "CASE WHEN month >= 3 THEN accepted END AS accepted, "
            "CASE WHEN placed THEN month >= 12 WHEN NOT placed THEN month >= 13 END AS employed "
            "FROM t, range(15) months (month)"
        )
        connection.execute(to_cases)
    found = so.load_cases(database, table="cases", outcome_observed="all")
    states = ["office_id", "counsellor_id", "motivation", "gate_state", "outcome_state"]
    pd.testing.assert_frame_equal(found.tally(states), expected.tally(states))
    assert set(found.tally(["outcome_state"])["outcome_state"]) >= {"placed", "not_placed"}


def test_types_that_only_an_engine_has(in_memory, frame, tmp_path):
    select = (
        "* REPLACE (CAST(motivation AS DECIMAL(9, 3)) AS motivation, CAST(sex AS ENUM('female', 'male')) AS sex, "
        "CAST(entry_date AS TIMESTAMP WITH TIME ZONE) AS entry_date, CAST(months_worked_prev_24m AS HUGEINT) AS "
        "months_worked_prev_24m, CAST(referral_date AS TIMESTAMP_NS) AS referral_date)"
    )
    with duckdb.connect() as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.register("t", frame)
        connection.execute(f"COPY (SELECT {select} FROM t) TO '{tmp_path / 'a.parquet'}' (FORMAT parquet)")
    same_tallies(in_memory, so.load_cases(tmp_path / "a.parquet", mapping=STUDY))


@pytest.mark.parametrize("rows", ["= '00003'", "IS NOT NULL"])
def test_not_a_number_is_missing(rows, frame, tmp_path):
    """In pandas it is the missing value itself; DuckDB and Parquet have both."""
    chosen = f"CASE WHEN case_id {rows} THEN 'NaN'::DOUBLE ELSE motivation END"
    path = parquet(tmp_path / "a.parquet", frame, f"* REPLACE ({chosen} AS motivation)")
    missing = frame["case_id"] == "00003" if "=" in rows else frame["case_id"].notna()
    expected = so.check_cases(frame.assign(motivation=frame["motivation"].mask(missing)), mapping=STUDY)
    found = so.load_cases(path, mapping=STUDY)
    pd.testing.assert_frame_equal(found.tally(["motivation", "sex"]), expected.tally(["motivation", "sex"]))
    assert found.warnings == expected.warnings


def test_columns_constants_and_codes_of_a_mapping(frame, tmp_path):
    own = frame.rename(columns={"motivation": "score"}).drop(columns=["motivation_source"])
    own["sex"] = own["sex"].map({"female": "1", "male": "2"})
    own["eligible"] = own["eligible"].map({True: 1, False: 0}).astype("Int64")
    mapping = {
        **STUDY,
        "columns": {"motivation": "score"},
        "codes": {"sex": {"1": "female", "2": "male", "": "male"}, "eligible": {"0": "true"}},
        "constants": {"motivation_source": "client", "county": "03"},
    }
    same_tallies(
        so.check_cases(own, mapping=mapping),
        so.load_cases(parquet(tmp_path / "a.parquet", own), mapping=mapping),
    )


# --- the same faults --------------------------------------------------------------------------------


def corrupted(frame, column, rows, value):
    changed = frame.copy()
    changed[column] = changed[column].astype(object).where(changed[column].notna(), None)
    changed.loc[changed.index[list(rows)], column] = value
    return changed


NUMBER = "01010012356"  # made by the checksums, of nobody
CORRUPTIONS = {
    "id twice": ("case_id", (3, 400, 401), "c7"),
    "id missing": ("case_id", (5, 6), None),
    "id missing in words": ("case_id", (5, 6), "N/A"),
    "no office": ("office_id", (0, 599), None),
    "accepted without referral": ("referred", range(0, 600, 9), False),
    "above the scale": ("motivation", (17,), 11.0),
    "below the scale": ("motivation", (17, 21), -1.0),
    "infinite": ("motivation", (8,), np.inf),
    "dates in disorder": ("followup_end", (7, 9, 11, 13, 15, 17), dt.datetime(1999, 1, 1)),
    "a year like none": ("entry_date", (4,), dt.datetime(1850, 1, 1)),
    "a time of day": ("entry_date", (4, 5), dt.datetime(2021, 3, 1, 12)),
    "unknown code": ("sex", (100, 200), "unknown kind"),
    "no whole number": ("months_worked_prev_24m", (30,), 2.5),
    "no boolean": ("placed", (2, 3), "maybe"),
    "no number": ("motivation", (2, 3), "high"),
    "an e-mail": ("counsellor_id", (1, 30), "kari@example.no"),
    "a phone number": ("counsellor_id", (1, 30), "tlf 22 33 44 55"),
    "a national number": ("counsellor_id", (40,), NUMBER),
    "a long text": ("counsellor_id", (40,), "this is what was said at length about somebody " * 3),
}


def told(call, *values):
    """Column, rule, rows of every fault, in order; no value is told."""
    with pytest.raises(so.CaseFileError) as caught:
        call()
    for value in values:
        assert str(value) not in str(caught.value)
    faults = caught.value.faults
    return sorted(faults[["column", "rule", "n_rows", "first_rows"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("kind", "wide"),
    [(kind, False) for kind in CORRUPTIONS]
    + [(kind, True) for kind, (column, *_) in CORRUPTIONS.items() if column in ("case_id", "counsellor_id")],
)
def test_faults_are_the_same(kind, wide, frame, tmp_path, monkeypatch):
    column, rows, value = CORRUPTIONS[kind]
    sound = frame.assign(case_id="c" + frame["case_id"].astype("str"))
    bad = corrupted(sound, column, rows, value)
    if not isinstance(value, str | type(None)) or column in ("case_id", "office_id", "sex", "counsellor_id"):
        bad[column] = bad[column].infer_objects()
    else:
        bad[column] = bad[column].map(lambda one: None if one is None else str(one)).astype("str")
    expected = told(lambda: so.check_cases(bad, mapping=STUDY))
    if wide:
        monkeypatch.setattr(engine_column, "MOST_VALUES", FEW)  # ids are too many to list
        monkeypatch.setattr(identifying_rows, "MOST_VALUES", FEW)
    path = parquet(tmp_path / "a.parquet", bad)
    assert told(lambda: so.load_cases(path, mapping=STUDY), "kari", NUMBER, "unknown kind") == expected


def test_all_faults_at_once_and_by_the_rows_of_all_files(frame, tmp_path):
    bad = corrupted(corrupted(frame, "motivation", (250, 251), 99.0), "accepted", (5, 550), None)
    bad = bad.assign(placed=bad["placed"].where(bad.index != 300, pd.NA))
    bad = corrupted(bad, "case_id", (7, 500), "00001")
    expected = told(lambda: so.check_cases(bad, mapping=STUDY))
    assert len(expected) >= 2
    folder = tmp_path / "cases"
    folder.mkdir()
    for number, start in enumerate(range(0, 600, 150)):
        parquet(folder / f"part{number}.parquet", bad.iloc[start : start + 150])
    assert told(lambda: so.load_cases(folder, mapping=STUDY)) == expected


def test_one_bad_row_is_found_by_the_pass_that_finds_it(tmp_path, monkeypatch):
    """Of one fault in one row, the row is told by the pass that counts: none looks for it."""
    bad = corrupted(recorded(), "motivation", (417,), 11.0)
    path = parquet(tmp_path / "a.parquet", bad)
    monkeypatch.setattr(Rows, "first", None)
    assert [one[2:] for one in told(lambda: so.load_cases(path, mapping=STUDY))] == [(1, "418")]


@pytest.mark.parametrize("kind", ["text", "number"])
def test_national_numbers_among_too_many_values(kind, few_values, tmp_path):
    made = recorded(100)
    codes = [10_000_000_000 + 7_919 * number for number in range(100)]
    made["code"] = [str(code) for code in codes] if kind == "text" else codes
    so.load_cases(
        parquet(tmp_path / "a.parquet", made), mapping=STUDY
    )  # codes that are numbers by chance pass
    real = [f"{day:02d}0180{serial:03d}" for day in range(1, 29) for serial in range(100, 106)]
    numbers = [found for front in real if (found := complete(front)) is not None][:100]
    made["code"] = numbers if kind == "text" else [int(number) for number in numbers]
    faults = told(lambda: so.load_cases(parquet(tmp_path / "b.parquet", made), mapping=STUDY), *numbers)
    assert [(column, rule, n) for column, rule, n, _ in faults] == [
        ("code", "identifying: national identity number", 100)
    ]


def complete(front):
    """Nine digits with their checksum digits, or None where they have none."""
    digits = [int(digit) for digit in front]
    first = -sum(w * d for w, d in zip((3, 7, 6, 1, 8, 9, 4, 5, 2), digits, strict=True)) % 11
    second = -sum(w * d for w, d in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), [*digits, first], strict=True)) % 11
    return f"{front}{first}{second}" if max(first, second) < 10 else None


def test_texts_too_different_to_be_looked_through_are_refused(few_values, tmp_path):
    made = recorded(100).assign(note=[f"client {number} of the office" for number in range(100)])
    faults = told(lambda: so.load_cases(parquet(tmp_path / "a.parquet", made), mapping=STUDY))
    assert faults == [("note", "identifying: many different texts", 100, "1, 2, 3, 4, 5")]
    harmless = made.assign(note=[f"{number:064x}" for number in range(100)])
    assert so.load_cases(parquet(tmp_path / "b.parquet", harmless), mapping=STUDY).n_cases == 100


def test_what_identifies_within_a_structure(tmp_path):
    select = "*, {'kind': 'mail', 'to': CASE WHEN case_id = '00003' THEN 'kari@example.no' ELSE 'none' END} AS sent"
    path = parquet(tmp_path / "a.parquet", recorded(100), select)
    assert told(lambda: so.load_cases(path, mapping=STUDY), "kari") == [
        ("sent", "identifying: e-mail address", 1, "3")
    ]


def test_pseudonyms_that_an_engine_lets_pass_are_no_phone_numbers(few_values, tmp_path):
    made = recorded(100).assign(phone_code=[f"tlf2233{number:04d}" for number in range(100)])
    faults = told(lambda: so.load_cases(parquet(tmp_path / "a.parquet", made), mapping=STUDY))
    assert faults[0][0] == "phone_code"


# --- what comes to Python ---------------------------------------------------------------------------


def test_rows_do_not_come_to_python(tmp_path, monkeypatch):
    made = recorded(4000).assign(case_id=[f"c{number:06d}" for number in range(4000)])
    path = parquet(tmp_path / "a.parquet", made)
    monkeypatch.setattr(engine_column, "MOST_VALUES", 1000)
    fetched = []
    fetch = Rows._fetch

    def watched(self, small, what):
        found = fetch(self, small, what)
        fetched.append(found)
        return found

    monkeypatch.setattr(Rows, "_fetch", watched)
    cases = so.load_cases(path, outcome_observed="all")
    so.estimate_referral(cases)
    ids = set(made["case_id"])
    assert len(fetched) > 10
    for found in fetched:
        assert len(found) < 1000
        seen = {value for name in found for value in found[name] if isinstance(value, str)}
        # the first and the last of them are asked for by the fingerprint alone
        assert not seen & ids
    assert so.Cases.__repr__(cases).endswith("(rows are not shown)")


def test_a_plan_is_counted_in_one_pass(tmp_path, monkeypatch):
    cases = so.load_cases(parquet(tmp_path / "a.parquet", recorded(1000)), mapping=STUDY)
    asked = []
    count = Rows.count

    def watched(self, *columns, most=None):
        asked.append(columns)
        return count(self, *columns, most=most)

    monkeypatch.setattr(Rows, "count", watched)
    so.estimate_referral(cases)
    so.estimate_acceptance(cases)
    so.count_funnel(cases)
    so.estimate_placement(cases)
    assert len(asked) == 1


# --- numbers that hardly repeat ---------------------------------------------------------------------


def test_numbers_that_hardly_repeat_are_rounded_and_the_error_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(grid, "MOST_EXACT", 500)
    random = np.random.default_rng(5)
    made = recorded(3000)
    # spread over the ruler's points, so that there are no two alike
    made["motivation"] = np.clip(made["motivation"] + random.uniform(-0.5, 0.5, 3000), 0, 10)
    exact = so.check_cases(made, mapping=STUDY)
    rounded = so.load_cases(parquet(tmp_path / "a.parquet", made), mapping=STUDY)
    (said,) = [one for one in rounded.warnings if "rounded to steps" in one]
    assert said not in exact.warnings
    step = float(said.split("steps of ")[1].split(":")[0])
    sd = exact.scale("motivation").sd
    assert step <= sd / 40
    assert rounded.scale("motivation").sd == pytest.approx(sd, rel=(step / sd) ** 2)
    found, true = (
        so.estimate_referral(cases).tidy().query("contrast == 'per_sd' and measure == 'log_odds'")
        for cases in (rounded, exact)
    )
    difference = (found["estimate"] / true["estimate"] - 1).abs().to_numpy()
    # what is said of the slope, and what rounding each of 3,000 values by chance adds
    chance = 6 * step / sd / np.sqrt(12 * 3000)
    assert (difference < (step / sd) ** 2 / 12 + chance).all()
    assert (difference > 0).all()
    quarters = pd.merge(
        *(cases.tally(["motivation_group"]) for cases in (rounded, exact)), on="motivation_group"
    )
    assert (quarters["n_x"] - quarters["n_y"]).abs().max() <= 2 * 0.4 * step / sd * 3000


# --- how an engine may work -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value"), [("memory_limit", "much"), ("memory_limit", "4"), ("threads", 0), ("threads", 1.5)]
)
def test_options_that_no_engine_knows(option, value, tmp_path):
    with pytest.raises(so.MappingError, match=option):
        so.load_cases(tmp_path / "a.parquet", **{option: value})


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a.csv", {"memory_limit": "2GB"}, "memory_limit and threads are for Parquet"),
        ("a.csv", {"threads": 2}, "memory_limit and threads are for Parquet"),
        ("a.parquet", {"table": "spells"}, "table is for databases"),
    ],
)
def test_options_of_which_nothing_would_come(name, options, said, tmp_path):
    with pytest.raises(so.MappingError, match=said):
        so.load_cases(tmp_path / name, **options)


def test_memory_too_small_is_told_without_a_value(tmp_path):
    made = pd.concat([recorded(2000)] * 40, ignore_index=True)
    made["case_id"] = [f"c{number:08d}" for number in range(len(made))]
    path = parquet(tmp_path / "a.parquet", made)
    with pytest.raises(so.EngineError, match=r"memory is too small.*Set a higher memory_limit") as caught:
        so.load_cases(path, mapping=STUDY, memory_limit="1MB")
    assert caught.value.__suppress_context__


MEASURE = """
import re, sys
from pathlib import Path
import se_outcomes as so

def peak():  # of this process: what its parent had does not count
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

so.load_cases
before = peak()
so.load_cases(sys.argv[1], outcome_observed="all", memory_limit=sys.argv[2], threads=2)
print(before, peak())
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_the_memory_limit_holds(tmp_path):
    """Three million ids take some 250 MB to be told apart; with 100 MB they are told apart in files."""
    path = tmp_path / "a.parquet"
    duckdb.execute(
        "COPY (SELECT 'c' || (number * 618033989 % 1000000007) AS case_id, '030' || number % 5 AS office_id, "
        "number % 11 AS motivation, true AS referred, number % 2 = 0 AS accepted, number % 3 = 0 AS placed "
        f"FROM range(3000000) t(number)) TO '{path}' (FORMAT parquet)"
    )
    peaks = {}
    for limit in ("100MB", "2GB"):
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path), limit], capture_output=True, text=True, check=True
        )
        before, peak = map(int, done.stdout.split())
        peaks[limit] = peak - before
    assert peaks["100MB"] < 100 + 120  # DuckDB's, and what Python and pandas need beside it
    assert peaks["2GB"] > peaks["100MB"] + 60


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = parquet(tmp_path / "a.parquet", recorded())
    so.load_cases(path, mapping=STUDY)
    assert [one for one in os.listdir(tmp_path) if one.startswith("se_outcomes_")] == []


# --- showing how far it has come --------------------------------------------------------------------


def test_a_long_scan_shows_a_bar_and_a_short_one_does_not(monkeypatch, capsys):
    monkeypatch.setattr(watch, "PATIENCE", 0.02)
    monkeypatch.setattr(watch, "PAUSE", 0.01)
    assert Watch(lambda: 40.0, shown=True)(lambda: 7, "counting") == 7
    assert capsys.readouterr().err == ""
    Watch(lambda: 40.0, shown=True)(lambda: time.sleep(0.2), "counting")
    assert "counting  40%" in capsys.readouterr().err
    Watch(lambda: 40.0, shown=False)(lambda: time.sleep(0.1), "counting")
    Watch(lambda: 40.0)(lambda: time.sleep(0.1), "counting")  # no terminal
    assert capsys.readouterr().err == ""


def test_what_interrupts_a_scan_ends_its_bar(monkeypatch):
    monkeypatch.setattr(watch, "PATIENCE", 0.01)

    def interrupted():
        time.sleep(0.05)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Watch(lambda: -1.0, shown=True)(interrupted, "counting")


def test_what_duckdb_says_of_an_interruption_is_one():
    def interrupted():
        raise RuntimeError("Query interrupted")

    def broken():
        raise RuntimeError("something else")

    for scan, expected in ((interrupted, KeyboardInterrupt), (broken, RuntimeError)):
        with pytest.raises(expected):
            _watched(Watch(lambda: -1.0, shown=False), scan, "counting")


def test_an_interrupted_file_leaves_what_was_there(tmp_path, monkeypatch):
    study = so.simulate_cases(200, seed=1)
    path = study.write(tmp_path / "cases.csv")
    before = path.read_bytes()

    def interrupted(self, *_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        study.write(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["cases.csv"]
