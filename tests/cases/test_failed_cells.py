"""Formulas that have failed are no missing values, wherever they stand and however the file is written."""

import datetime as dt
import zipfile

import openpyxl
import pytest

import se_outcomes as so
from se_outcomes.cases.failed_cells import NO_RESULT, find_failed_cells
from se_outcomes.cases.values import SPREADSHEET_ERRORS

HEADER = ["case_id", "office_id", "entry_date", "eligible", "motivation", "referred", "accepted", "placed"]
ROW = dict(zip(HEADER, ["1", "a", dt.date(2021, 5, 4), "ja", 3, "ja", "ja", "nei"], strict=True))


def workbook(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def told(path):
    with pytest.raises(so.CaseFileError) as caught:
        so.load_cases(path)
    faults = caught.value.faults
    return list(zip(faults["column"], faults["rule"], faults["first_rows"], strict=True))


RULES = [
    ("motivation", "not a number"),
    ("office_id", "not text"),
    ("referred", "not true or false"),
    ("entry_date", "not a date"),
]


@pytest.mark.parametrize("error", ["#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "=1/0"])
@pytest.mark.parametrize(("column", "rule"), RULES)
def test_in_a_workbook(tmp_path, error, column, rule):
    rows = [HEADER, list(ROW.values()), list({**ROW, "case_id": "2", column: error}.values())]
    assert told(workbook(tmp_path / "c.xlsx", rows))[0] == (column, rule, "2")


@pytest.mark.parametrize("error", sorted(SPREADSHEET_ERRORS))
@pytest.mark.parametrize(("column", "rule"), RULES)
def test_in_delimited_text(tmp_path, error, column, rule):
    row = {**ROW, "entry_date": "04.05.2021", column: error}
    path = tmp_path / "c.csv"
    path.write_text("\n".join([";".join(HEADER), ";".join(map(str, row.values()))]), encoding="utf-8")
    assert told(path)[0] == (column, rule, "1")


def test_na_is_a_missing_value(tmp_path):
    rows = [HEADER, list({**ROW, "motivation": "#N/A", "accepted": "#N/A"}.values())]
    cases = so.load_cases(workbook(tmp_path / "c.xlsx", rows))
    assert cases.tally(["motivation", "accepted"]).isna().to_numpy().tolist() == [[True, True, False]]


def test_in_a_column_that_is_not_used_they_harm_nothing(tmp_path):
    rows = [[*HEADER, "extra"], [*ROW.values(), "#REF!"]]
    assert so.load_cases(workbook(tmp_path / "c.xlsx", rows)).n_cases == 1


def test_in_a_table_that_begins_further_down_and_to_the_right(tmp_path):
    failed = list({**ROW, "motivation": "#REF!"}.values())
    rows = [[], [], [None, *HEADER], [None, *ROW.values()], [None, *failed]]
    rows[-1][1] = "2"
    assert told(workbook(tmp_path / "c.xlsx", rows)) == [("motivation", "not a number", "2")]


def test_are_found_where_they_stand_in_their_own_sheet(tmp_path):
    book = openpyxl.Workbook()
    for place, value in {"B3": "case_id", "C3": "x", "B4": 1, "C4": "#REF!", "B5": "=1+1", "C5": 2}.items():
        book.active[place] = value
    book.create_sheet("other")["A1"] = "#NUM!"
    path = tmp_path / "c.xlsx"
    book.save(path)
    assert find_failed_cells(path, "Sheet") == {(3, 2): "#REF!", (4, 1): NO_RESULT}
    assert find_failed_cells(path, "other") == {(0, 0): "#NUM!"}
    assert find_failed_cells(path, "no such sheet") == {}


def test_a_formula_with_its_result_has_not_failed(tmp_path):
    # as a spreadsheet saves it: beside a failed one, so that the sheet is looked through
    path = workbook(tmp_path / "c.xlsx", [["case_id", "a"], ["=1+1", "#REF!"]])
    swapped = tmp_path / "d.xlsx"
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b"<f>1+1</f><v />" in parts[sheet] or b"<f>1+1</f><v></v>" in parts[sheet]
    for empty in (b"<v />", b"<v></v>"):
        parts[sheet] = parts[sheet].replace(b"<f>1+1</f>" + empty, b"<f>1+1</f><v>2</v>")
    with zipfile.ZipFile(swapped, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
    assert find_failed_cells(swapped, "Sheet") == {(1, 1): "#REF!"}


def test_sound_workbooks_and_other_files_have_none(tmp_path):
    assert find_failed_cells(workbook(tmp_path / "c.xlsx", [["a"], [1]]), "Sheet") == {}
    text = tmp_path / "c.csv"
    text.write_text("a\n#REF!\n", encoding="utf-8")
    assert find_failed_cells(text, "Sheet") == {}
