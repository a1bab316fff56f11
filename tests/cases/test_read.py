import datetime as dt

import duckdb
import narwhals as nw
import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest

from se_outcomes.cases.delimited import fields_per_record
from se_outcomes.cases.mapping import read_mapping
from se_outcomes.cases.read import ENDINGS, read_file, read_frame

HEADERS = ["case_id", "office_id", "motivation"]
ROWS = [["01", "0301", "7,5"], ["02", "Tromsø", "3"]]


def write(tmp_path, content, name="cases.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def lines(rows, delimiter=";", end="\n"):
    return end.join(delimiter.join(row) for row in rows) + end


def read(tmp_path, content, name="cases.csv", encoding="utf-8", **options):
    return read_file(write(tmp_path, content, name, encoding), read_mapping({"read": options}))


def cells(raw):
    assert raw.faults == ()
    return [list(row) for row in raw.frame.astype(object).itertuples(index=False)]


def only_fault(raw):
    (fault,) = raw.faults
    assert len(raw.frame) == 0
    return fault.rule


# --- delimited text -------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-32"])
def test_norwegian_file_in_every_usual_encoding_and_line_end(tmp_path, encoding, end):
    raw = read(tmp_path, lines([HEADERS, *ROWS], end=end), encoding=encoding)
    assert raw.headers == tuple(HEADERS)
    assert cells(raw) == ROWS
    assert raw.delimiter == ";"


@pytest.mark.parametrize("delimiter", [";", "\t", "|", ","])
def test_delimiter_is_worked_out(tmp_path, delimiter):
    rows = [[cell.replace(",", ".") for cell in row] for row in ROWS]
    raw = read(tmp_path, lines([HEADERS, *rows], delimiter))
    assert (cells(raw), raw.delimiter) == (rows, delimiter)


def test_known_headers_decide_where_counts_do_not(tmp_path):
    # a comma in one's own header, as many commas as semicolons
    raw = read(tmp_path, "case_id;office_id;hours, minutes, seconds\n1;2;3\n")
    assert raw.headers == ("case_id", "office_id", "hours, minutes, seconds")


def test_delimiter_that_cannot_be_told_is_refused(tmp_path):
    assert only_fault(read(tmp_path, "a,b;c\n1,2;3\n")) == "delimiter"
    assert cells(read(tmp_path, "a,b;c\n1,2;3\n", delimiter=";")) == [["1,2", "3"]]


def test_wrong_delimiter_is_refused(tmp_path):
    assert only_fault(read(tmp_path, lines([HEADERS, *ROWS]), delimiter=",")) == "delimiter"


def test_separator_line_of_excel(tmp_path):
    assert cells(read(tmp_path, "sep=;\n" + lines([HEADERS, *ROWS]))) == ROWS


def test_quotes_embedded_line_ends_and_doubled_quotes(tmp_path):
    text = 'case_id;"office_id";motivation\n1;"a;b";"line\nline"\n2;"say ""hi""";3\n'
    assert cells(read(tmp_path, text)) == [["1", "a;b", "line\nline"], ["2", 'say "hi"', "3"]]


@pytest.mark.parametrize(
    "text",
    [
        'case_id;office_id\n1;"open\n2;x\n',
        'case_id;"office_id\n1;2\n',
        'case_id;office_id\n1;"a\n2;b"\n3;4\n',
        'case_id;office_id\na"b;1\nc"d;2\n',
    ],
    ids=["open at the end", "open in the header", "swallowed rows", "stray quotes"],
)
def test_quotes_that_do_not_close(tmp_path, text):
    assert only_fault(read(tmp_path, text)) == "quotes"


def test_ragged_rows_are_all_named(tmp_path):
    raw = read(tmp_path, "case_id;office_id;x\n1;2;3\n1;2\n\n1;2;3;4\n1;2;3\n")
    assert [(fault.rule, fault.n_rows, fault.first_rows) for fault in raw.faults] == [
        ("ragged rows: too few fields", 2, "2, 3"),
        ("ragged rows: too many fields", 1, "4"),
    ]


def test_fields_are_counted_the_same_in_blocks_of_any_size():
    # blocks of a few bytes: every record is cut somewhere, some inside quotes
    data = ('a;b\n"x\n;y";1\n' * 3).encode()
    for chunk in (1, 2, 3, 7, 1000):
        assert fields_per_record(data, ord(";"), chunk).tolist() == [2] * 6


def test_empty_rows_and_an_unnamed_empty_column_at_the_end_are_no_cases(tmp_path):
    assert cells(read(tmp_path, "case_id;office_id;\n1;2;\n;;\n \n;;\n".replace(" \n", ";;\n"))) == [
        ["1", "2"]
    ]
    # an empty row in the middle stays, and is counted by whoever checks
    assert len(read(tmp_path, "case_id;office_id\n1;2\n;\n3;4\n").frame) == 3


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "empty file"),
        (b" \n\n", "empty file"),
        (b"\xef\xbb\xbf", "empty file"),
        (b"case_id;office_id", "no rows"),
        (b"case_id;office_id\n;\n", "no rows"),
        (b"\ncase_id;office_id\n1;2\n", "header"),
        (b";;;\n1;2;3;4\n", "header"),
        (b"case_id;office_id\n1;\x00\n", "NUL bytes"),
        (b"case_id;office_id\n1;\x07\n", "control characters"),
        (b"case_id;office_id\n1;\xc2\x85\n", "control characters"),
        (b"case_id;office_id\n1;\xef\xbf\xbd\n", "encoding"),
        (b"case_id;office_id\n1;Troms\x9bflaks\n", "encoding"),
        (b"case_id;office_id\n1;\x81\n", "encoding"),
        ("case_id;office_id\n1;2\n".encode("utf-16-le"), "NUL bytes"),
        ("case_id;office_id\n1;å\n".encode("utf-16")[:-1], "encoding"),
        (b"PK\x03\x04" + bytes(99), "not a text file"),
        (b"\xd0\xcf\x11\xe0" + bytes(99), "not a text file"),
        (b"PAR1" + bytes(99), "not a text file"),
        (bytes(range(256)) * 4, "not a text file"),
    ],
)
def test_what_is_no_table(tmp_path, content, rule):
    assert only_fault(read(tmp_path, content)) == rule


def test_encoding_that_was_asked_for_and_does_not_fit(tmp_path):
    path = write(tmp_path, "case_id;office_id\n1;Tromsø\n", encoding="cp1252")
    assert only_fault(read_file(path, read_mapping({"read": {"encoding": "utf-8"}}))) == "encoding"


def test_texts_stay_text(tmp_path):
    raw = read(tmp_path, "a;b;c\n001;true;NA\n002;false;\n")
    assert cells(raw) == [["001", "true", "NA"], ["002", "false", ""]]


# --- workbooks ------------------------------------------------------------------------------------


def workbook(tmp_path, sheets, name="cases.xlsx"):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path = tmp_path / name
    book.save(path)
    return path


def read_book(path, **options):
    return read_file(path, read_mapping({"read": options}))


SHEET = [["case_id", "office_id", "entry_date"], ["01", 301, dt.date(2021, 5, 4)], ["02", None, None]]


def test_workbook_cells_keep_their_types(tmp_path):
    raw = read_book(workbook(tmp_path, {"cases": SHEET, "notes": []}))
    assert raw.headers == ("case_id", "office_id", "entry_date")
    assert cells(raw) == [["01", 301.0, dt.date(2021, 5, 4)], ["02", None, None]]


def test_two_sheets_without_a_choice_are_counted_and_not_named(tmp_path):
    path = workbook(tmp_path, {"cases": SHEET, "Kari Nordmann": [["x"], [1]]})
    (fault,) = read_book(path).faults
    assert (fault.rule, "2 sheets" in fault.expected, "Kari" in str(fault)) == ("sheet", True, False)
    assert len(read_book(path, sheet="cases").frame) == len(read_book(path, sheet=1).frame) == 2
    for sheet in ("other", 3, -1):
        assert only_fault(read_book(path, sheet=sheet)) == "sheet"


def test_empty_workbook(tmp_path):
    assert only_fault(read_book(workbook(tmp_path, {"cases": []}))) == "empty file"
    assert only_fault(read_book(workbook(tmp_path, {"cases": SHEET[:1]}))) == "no rows"


# --- Stata, SPSS, Parquet -------------------------------------------------------------------------


def test_labels_stay_beside_codes_and_user_missing_is_missing(tmp_path):
    frame = pd.DataFrame({"case_id": ["01", "02", "03"], "sex": [1.0, 2.0, 9.0], "note": ["a", "-", "b"]})
    pyreadstat.write_sav(
        frame,
        str(tmp_path / "c.sav"),
        variable_value_labels={"sex": {1: "Kvinne", 2: "Mann", 9: "Ubesvart"}},
        missing_ranges={"sex": [9], "note": ["-"]},
    )
    raw = read_book(tmp_path / "c.sav")
    assert raw.value_labels == {1: {1: "Kvinne", 2: "Mann", 9: "Ubesvart"}}
    assert raw.frame[1].isna().tolist() == [False, False, True]
    assert raw.frame[2].isna().tolist() == [False, True, False]


def test_stata_extended_missing_is_missing(tmp_path):
    frame = pd.DataFrame(
        {"case_id": ["01", "02"], "sex": [1.0, np.nan], "entry_date": [dt.date(2021, 5, 4), None]}
    )
    pyreadstat.write_dta(frame, str(tmp_path / "c.dta"), variable_value_labels={"sex": {1: "Kvinne"}})
    raw = read_book(tmp_path / "c.dta")
    assert raw.frame[1].isna().tolist() == [False, True]
    assert raw.frame[2].tolist()[0] == dt.date(2021, 5, 4)
    assert raw.value_labels == {1: {1: "Kvinne"}}


def test_parquet_keeps_types_through_missing_values(tmp_path):
    path = tmp_path / "c.parquet"
    big = 2**53 + 1  # a float would lose the last digit
    duckdb.execute(
        f"COPY (SELECT * FROM (VALUES ('01', {big}::BIGINT, true, DATE '2021-05-04', 'f'::ENUM('f', 'm')), "
        "(NULL, NULL, NULL, NULL, NULL)) "
        f"AS t(case_id, n, placed, entry_date, sex)) TO '{path}' (FORMAT parquet)"
    )
    raw = read_book(path)
    assert [raw.column(position).listed.values for position in (0, 1, 2, 4)] == [["01"], [big], [True], ["f"]]
    assert raw.n_rows == 2
    assert raw.rows.any(nw.col("__3") == dt.date(2021, 5, 4))


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending not in (".csv", ".txt", ".tsv")])
@pytest.mark.parametrize("content", [b"", b"no such format", bytes(range(256)) * 10])
def test_damaged_files_of_every_format(tmp_path, ending, content):
    assert only_fault(read(tmp_path, content, name="cases" + ending)) == "not readable"


# --- paths and frames -----------------------------------------------------------------------------


def test_what_is_no_file(tmp_path):
    assert only_fault(read_book(tmp_path)) == "no file"
    assert only_fault(read_book(tmp_path / "none.csv")) == "no file"
    assert only_fault(read(tmp_path, "x", name="cases.docx")) == "unknown ending"
    assert only_fault(read(tmp_path, "x", name="cases")) == "unknown ending"


def test_frame_is_taken_by_position_and_left_alone():
    frame = pd.DataFrame([["1", "2", "3"]], columns=["a", "a", 7], index=[99])
    raw = read_frame(frame)
    assert raw.headers == ("a", "a", "7")
    assert cells(raw) == [["1", "2", "3"]]
    assert list(frame.columns) == ["a", "a", 7]


def test_frames_that_hold_no_cases():
    assert only_fault(read_frame(pd.DataFrame())) == "empty file"
    assert only_fault(read_frame(pd.DataFrame({"case_id": []}))) == "no rows"
    assert (
        only_fault(
            read_frame(pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])))
        )
        == "header"
    )


def test_no_repr_shows_a_row(tmp_path):
    raw = read(tmp_path, "case_id;office_id\nSECRET;x\n")
    assert repr(raw) == "Raw: 1 rows, 2 columns from cases.csv"
