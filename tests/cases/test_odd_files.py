"""Files and frames that are odd but usual: loaded as they were meant, or refused in words."""

import datetime as dt

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest

import se_outcomes as so
from se_outcomes.cases.parse import N_NAMED

HEADER = ["case_id", "office_id", "entry_date", "eligible", "motivation", "referred", "accepted", "placed"]
ROWS = [
    ["0001", "0301", "01.03.2021", "ja", "7,5", "ja", "ja", "nei"],
    ["0002", "Tromsø", "02.03.2021", "ja", "3", "nei", "", "ja"],
]


def lines(rows=ROWS, header=HEADER, delimiter=";"):
    return "".join(delimiter.join(row) + "\r\n" for row in [header, *rows])


def write(tmp_path, content, name="cases.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content.encode(encoding))
    return path


def load(source, **options):
    return so.load_cases(source, **{"outcome_observed": "all", **options})


def native(**changes):
    """The same two cases as Python and NumPy values."""
    columns = {
        "case_id": ["0001", "0002"],
        "office_id": ["0301", "Tromsø"],
        "entry_date": [dt.date(2021, 3, 1), dt.date(2021, 3, 2)],
        "eligible": [True, True],
        "motivation": [7.5, 3.0],
        "referred": [True, False],
        "accepted": [True, None],
        "placed": [False, True],
    }
    return pd.DataFrame({**columns, **changes})


def told(source, **options):
    """Column, rule and rows of every fault; no value of the file may be said."""
    with pytest.raises(so.CaseFileError) as caught:
        load(source, **options)
    assert "hemmelig" not in f"{caught.value}{caught.value.faults.to_string()}"
    assert caught.value.__cause__ is None
    faults = caught.value.faults
    return list(zip(faults["column"], faults["rule"], faults["n_rows"], strict=True))


@pytest.fixture
def expected(tmp_path):
    return load(write(tmp_path, lines(), "expected.csv"))


# --- Stata, SPSS, workbooks -----------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".dta", ".sav"])
@pytest.mark.parametrize(
    ("codes", "labels"),
    [
        ([1, 0], {}),
        ([1, 2], {1: "Ja", 2: "Nei"}),
        ([0, 1], {0: "Ja", 1: "Nei"}),
        ([5, 6], {5: "Yes", 6: "No"}),
    ],
    ids=["1 is true", "1 yes 2 no", "0 yes 1 no", "5 yes 6 no"],
)
def test_labelled_booleans_mean_what_their_labels_say(tmp_path, ending, codes, labels):
    path = tmp_path / f"c{ending}"
    frame = native(eligible=[1, 1], referred=codes, accepted=[1, np.nan], placed=[0, 1])
    writer = pyreadstat.write_dta if ending == ".dta" else pyreadstat.write_sav
    writer(frame, str(path), variable_value_labels={"referred": labels} if labels else {})
    assert load(path).tally(["case_id", "referred"])["referred"].tolist() == [True, False]


def test_two_codes_without_labels_are_not_guessed(tmp_path):
    path = tmp_path / "c.dta"
    pyreadstat.write_dta(native(eligible=1, referred=[1, 2], accepted=[1, np.nan], placed=[0, 1]), str(path))
    assert told(path) == [("referred", "not true or false", 1)]
    assert load(path, mapping={"codes": {"referred": {"2": "false"}}}).n_cases == 2


def test_user_missing_values_of_spss_are_missing(tmp_path):
    path = tmp_path / "c.sav"
    frame = native(eligible=1, referred=[1, 0], accepted=[1, 9], placed=[0, 1], motivation=[7.0, 98.0])
    missing = {"accepted": [9], "motivation": [{"lo": 97, "hi": 99}]}
    pyreadstat.write_sav(frame, str(path), missing_ranges=missing)
    cases = load(path)
    assert cases.tally(["accepted"])["accepted"].isna().tolist() == [False, True]
    assert cases.tally(["motivation"])["motivation"].isna().tolist() == [False, True]


def test_a_number_labelled_as_no_answer_is_refused(tmp_path):
    path = tmp_path / "c.sav"
    frame = native(eligible=1, referred=[1, 0], accepted=[1, np.nan], placed=[0, 1], motivation=[7.0, 99.0])
    pyreadstat.write_sav(frame, str(path), variable_value_labels={"motivation": {99: "Vet ikke"}})
    assert told(path) == [("motivation", "number that stands for no answer", 1)]


def workbook(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("cell", "refused"),
    [
        ("04.05.2021", False),
        ("2021-05-04", False),
        (dt.date(2021, 5, 4), False),
        (dt.datetime(2021, 5, 4), False),
        (20210504, False),
        (44320, True),
        (dt.datetime(2021, 5, 4, 14, 30), True),
        (dt.time(14, 30), True),
        ("4. mai 2021", True),
    ],
    ids=["text", "iso", "date", "midnight", "digits", "day count", "afternoon", "time", "words"],
)
def test_dates_in_a_workbook(tmp_path, cell, refused):
    path = workbook(tmp_path / "c.xlsx", [HEADER, ["1", "a", cell, "ja", 3, "ja", "ja", "nei"]])
    if refused:
        assert told(path) == [("entry_date", "not a date", 1)]
    else:
        assert load(path).tally(["entry_date"])["entry_date"].item() == pd.Timestamp("2021-05-04")


def test_day_counts_of_a_spreadsheet_are_refused_with_what_to_do(tmp_path):
    path = write(tmp_path, lines([[*ROWS[0][:2], "44256", *ROWS[0][3:]]]))
    with pytest.raises(so.CaseFileError, match="show day counts such as 44259 as dates first"):
        load(path)


def test_ids_that_lost_their_zeros_are_read_as_they_are(tmp_path):
    rows = [HEADER, *([number, 301.0, None, "ja", 3, "ja", "ja", "nei"] for number in (1, 2.0))]
    cases = load(workbook(tmp_path / "c.xlsx", rows))
    assert cases.tally(["case_id", "office_id"]).to_numpy().tolist() == [["1", "301", 1], ["2", "301", 1]]


# --- delimited text -------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", [" ", "\xa0"], ids=["blank", "no-break blank"])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8-sig"])
def test_norwegian_file_with_all_its_habits(tmp_path, encoding, blank):
    rows = [["0001", "Tromsø", "01.03.2021", "Ja ", f"1{blank}234,5", "JA", "nei", " NEI"], ROWS[1]]
    cases = load(write(tmp_path, lines(rows), encoding=encoding))
    assert cases.tally(["motivation"])["motivation"].tolist() == [3.0, 1234.5]
    assert cases.tally(["referred", "accepted"]).to_numpy()[1].tolist() == [True, False, 1]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (lines([]), [("", "no rows", 0)]),
        (
            lines(header=[*HEADER[:7], "accepted"]),
            [("accepted", "two columns for one", 0), ("placed", "required column missing", 0)],
        ),
        (
            "case_id\r\n1\r\n",
            [
                (name, "required column missing", 0)
                for name in ("office_id", "motivation", "referred", "accepted", "placed")
            ],
        ),
        (lines([["9", *row] for row in ROWS], ["", *HEADER]), [("", "header missing", 0)]),
    ],
    ids=["header only", "one header twice", "one column", "row numbers without a header"],
)
def test_files_that_lack_something(tmp_path, content, found):
    assert told(write(tmp_path, content)) == found


def test_of_two_hundred_columns_left_out_some_are_named(tmp_path):
    header = [*HEADER, *(f"v{number}" for number in range(200)), "wage_subsidi"]
    cases = load(write(tmp_path, lines([[*row, *["1"] * 201] for row in ROWS], header)))
    (left_out,) = [warning for warning in cases.warnings if warning.key == "columns_left_out"]
    assert left_out.startswith("201 columns are neither")
    assert left_out.endswith(f", and {201 - N_NAMED} more.")
    assert left_out.count(",") == N_NAMED
    # whatever may be misspelt is among them
    assert "wage_subsidi (did you mean wage_subsidy?)" in left_out
    # as many as are named, and none more
    header = [*HEADER, *(f"v{number}" for number in range(N_NAMED))]
    cases = load(write(tmp_path, lines([[*row, *["1"] * N_NAMED] for row in ROWS], header)))
    assert f"v{N_NAMED - 1}." in cases.warnings[0]


# --- Parquet --------------------------------------------------------------------------------------


def parquet(path, frame, select="*"):
    with duckdb.connect() as connection:
        connection.register("t", frame)
        connection.execute(f"COPY (SELECT {select} FROM t) TO '{path}' (FORMAT parquet)")
    return path


def test_parquet_with_dictionary_columns_and_decimals(tmp_path, expected):
    frame = native().astype({"office_id": "category", "referred": "boolean", "accepted": "boolean"})
    assert load(parquet(tmp_path / "a.parquet", frame)).fingerprint == expected.fingerprint
    decimals = "* REPLACE (CAST(motivation AS DECIMAL(6, 2)) AS motivation)"
    assert load(parquet(tmp_path / "b.parquet", frame, decimals)).fingerprint == expected.fingerprint


def test_parquet_with_lists_structs_and_bytes(tmp_path):
    beside = (
        "*, [1, 2] AS a, {'b': 1} AS b, 'x'::BLOB AS c, INTERVAL 1 DAY AS d, uuid() AS e, TIME '10:00' AS f"
    )
    assert load(parquet(tmp_path / "c.parquet", native(), beside)).n_cases == 2
    within = "* REPLACE ([motivation] AS motivation, TIME '10:00' AS entry_date)"
    assert told(parquet(tmp_path / "d.parquet", native(), within)) == [
        ("entry_date", "not a date", 2),
        ("motivation", "not a number", 2),
    ]
    assert told(parquet(tmp_path / "e.parquet", native().iloc[:0])) == [("", "no rows", 0)]


# --- data frames ----------------------------------------------------------------------------------

OSLO = pd.Series(pd.to_datetime(["2021-03-01", "2021-03-02"])).dt.tz_localize("Europe/Oslo")
ALIKE = {
    "nullable": native().convert_dtypes(),
    "objects": native().astype(object),
    "unused categories": native(office_id=pd.Categorical(["0301", "Tromsø"], ["0301", "0302", "Tromsø"])),
    "numbers as categories": native(motivation=pd.Categorical([7.5, 3.0])),
    "booleans as categories": native(referred=pd.Categorical([True, False])),
    "sparse": native(motivation=pd.arrays.SparseArray([7.5, 3.0])),
    "mixed": native(motivation=["7,5", 3]),
    "nanoseconds": native(entry_date=pd.to_datetime(["2021-03-01", "2021-03-02"]).astype("datetime64[ns]")),
    "midnight in Oslo": native(entry_date=OSLO),
    "mixed dates": native(entry_date=["2021-03-01", dt.datetime(2021, 3, 2)]),
    "index of two levels": native().set_index(["case_id", "office_id"], drop=False),
    "index with doubles": native().set_index(pd.Index([9, 9])),
}


@pytest.mark.parametrize("kind", ALIKE)
def test_frames_of_every_kind_say_the_same(kind, expected):
    assert load(ALIKE[kind]).fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    ("frame", "found"),
    [
        (pd.DataFrame(), [("", "empty file", 0)]),
        (native()[[]], [("", "empty file", 0)]),
        (native().iloc[:0], [("", "no rows", 0)]),
        (pd.concat({"a": native()}, axis=1), [("", "header", 0)]),
        (
            native().set_index(["case_id", "office_id"]),
            [("case_id", "required column missing", 0), ("office_id", "required column missing", 0)],
        ),
        (native(entry_date=OSLO.dt.tz_convert("UTC")), [("entry_date", "not a date", 2)]),
        (native(entry_date=pd.to_timedelta([1, 2], unit="D")), [("entry_date", "not a date", 2)]),
        (native(motivation=[1 + 2j, 3]), [("motivation", "not a number", 2)]),
        (native(motivation=[[1], "hemmelig"]), [("motivation", "not a number", 2)]),
        (native(motivation=[np.inf, 3]), [("motivation", "not a number", 1)]),
        (native(placed=["kanskje hemmelig", True]), [("placed", "not true or false", 1)]),
    ],
    ids=[
        "empty",
        "no columns",
        "no rows",
        "two header rows",
        "ids in the index",
        "an hour before midnight",
        "durations",
        "complex",
        "list and text",
        "infinite",
        "maybe",
    ],
)
def test_frames_that_cannot_be_used(frame, found):
    assert told(frame) == found


def test_objects_and_arrays_beside_the_cases_harm_nothing():
    frame = native(a=[object(), object()], b=[np.array([1, 2]), None], c=[{"x": 1}, [2]])
    assert load(frame).n_cases == 2
