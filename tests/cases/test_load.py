import openpyxl
import pandas as pd
import pytest

from se_outcomes.cases.load import load_cases
from se_outcomes.errors import CaseFileError, MappingError

HEADER = ["case_id", "office_id", "entry_date", "motivation", "referred", "accepted", "placed"]
ROWS = [
    ["1", "Bodø", "04.05.2021", "7,5", "ja", "ja", "nei"],
    ["2", "Bodø", "06.07.2021", "3,0", "nei", "", "nei"],
    ["3", "Årdal", "08.09.2021", "1,25", "ja", "nei", "ja"],
]


@pytest.fixture
def write(tmp_path):
    """``write(rows, delimiter, encoding)``: a text file and its path."""

    def write_rows(rows=ROWS, delimiter=";", encoding="utf-8"):
        path = tmp_path / "cases.csv"
        path.write_text("\n".join(delimiter.join(row) for row in [HEADER, *rows]), encoding=encoding)
        return path

    return write_rows


def told(source, **options):
    """Column and rule of every fault."""
    with pytest.raises(CaseFileError) as caught:
        load_cases(source, **options)
    return list(zip(caught.value.faults["column"], caught.value.faults["rule"], strict=True))


def motivation(cases):
    return cases.tally(["motivation"])["motivation"].tolist()


def days(cases):
    return [f"{day:%Y-%m-%d}" for day in cases.tally(["entry_date"])["entry_date"]]


def test_path_text_and_frame_are_the_same_cases(write):
    path = write()
    frame = pd.DataFrame(ROWS, columns=HEADER)
    prints = {load_cases(source).fingerprint for source in (path, str(path), frame)}
    assert len(prints) == 1


def test_decimal_mark_in_the_call_goes_before_the_mapping(write):
    # 1,234 and 7,500 can be read either way
    rows = [[*row[:3], number, *row[4:]] for row, number in zip(ROWS, ["1,234", "7,500", ""], strict=True)]
    path = write(rows)
    assert told(path) == [("motivation", "decimal mark: open")]
    assert motivation(load_cases(path, decimal=","))[:2] == [1.234, 7.5]
    mapping = {"read": {"decimal": ","}}
    assert motivation(load_cases(path, mapping=mapping))[:2] == [1.234, 7.5]
    assert motivation(load_cases(path, mapping=mapping, decimal="."))[:2] == [1234, 7500]


def test_order_of_days_in_the_call_goes_before_the_mapping(write):
    rows = [
        [*row[:2], day, *row[3:]]
        for row, day in zip(ROWS, ["04/05/2021", "06/07/2021", "08/09/2021"], strict=True)
    ]
    path = write(rows)
    assert told(path) == [("entry_date", "order of day and month: open")]
    mapping = {"read": {"dates": "mdy"}}
    assert days(load_cases(path, mapping=mapping)) == ["2021-04-05", "2021-06-07", "2021-08-09"]
    assert days(load_cases(path, mapping=mapping, dates="dmy")) == ["2021-05-04", "2021-07-06", "2021-09-08"]


def test_delimiter_in_the_call_goes_before_the_mapping(write):
    path = write(delimiter="|")
    mapping = {"read": {"delimiter": ";"}}
    assert told(path, mapping=mapping) == [("", "delimiter")]
    assert load_cases(path, mapping=mapping, delimiter="|").n_cases == 3
    assert told(path, mapping={"read": {"delimiter": "|"}}, delimiter=";") == [("", "delimiter")]


def test_encoding_in_the_call_goes_before_the_mapping(write):
    path = write(encoding="cp1252")
    mapping = {"read": {"encoding": "utf-8"}}
    assert told(path, mapping=mapping) == [("", "encoding")]
    cases = load_cases(path, mapping=mapping, encoding="cp1252")
    assert cases.tally(["office_id"])["office_id"].tolist() == ["Bodø", "Årdal"]


def test_sheet_in_the_call_goes_before_the_mapping(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "first"
    for name, rows in (("first", ROWS), ("second", ROWS[:2])):
        sheet = book[name] if name in book.sheetnames else book.create_sheet(name)
        for row in [HEADER, *rows]:
            sheet.append(row)
    path = tmp_path / "cases.xlsx"
    book.save(path)
    mapping = {"read": {"sheet": "first"}}
    assert load_cases(path, mapping=mapping).n_cases == 3
    assert load_cases(path, mapping=mapping, sheet="second").n_cases == 2
    assert load_cases(path, mapping=mapping, sheet=2).n_cases == 2
    assert load_cases(path, mapping={"read": {"sheet": 2}}, sheet=1).n_cases == 3


def test_one_option_in_the_call_leaves_the_others_of_the_mapping(write):
    rows = [[*row[:2], "04/05/2021", "1,234", *row[4:]] for row in ROWS]
    path = write(rows, delimiter="|")
    mapping = {"read": {"decimal": ",", "dates": "mdy", "delimiter": "|"}}
    cases = load_cases(path, mapping=mapping, dates="dmy")
    assert (motivation(cases), days(cases)) == ([1.234], ["2021-05-04"])


def test_study_in_the_call_goes_before_the_mapping(write, tmp_path):
    toml = tmp_path / "mapping.toml"
    toml.write_text(
        '[study]\noutcome_observed = "accepted"\ngates = "separate"\ntitle = {en = "E", nb = "B"}\n',
        encoding="utf-8",
    )
    plan = load_cases(write(), mapping=toml).plan
    assert (plan.outcome_observed, plan.gates, plan.text("title", "nb")) == ("accepted", "separate", "B")
    plan = load_cases(write(), mapping=toml, outcome_observed="all", gates="merged", title="T").plan
    assert (plan.outcome_observed, plan.gates, plan.text("title", "nb")) == ("all", "merged", "T")


def test_options_that_cannot_be_used_are_all_said_before_the_file_is_opened(tmp_path):
    with pytest.raises(MappingError) as caught:
        load_cases(tmp_path / "none.csv", delimiter="x", decimal=";", dates="ymd", encoding="hex", sheet=0)
    lines = str(caught.value).splitlines()
    assert lines[0] == "the options cannot be used:"
    # the options of a call are not those under [read]
    assert sorted(line.split(":")[0] for line in lines[1:]) == [
        "  - dates",
        "  - decimal",
        "  - delimiter",
        "  - encoding",
        "  - sheet",
    ]


def test_no_file_and_no_source(tmp_path):
    assert told(tmp_path / "none.csv") == [("", "no file")]
    assert told(tmp_path) == [("", "no file")]
    assert told(tmp_path / "cases.docx") == [("", "no file")]
    (tmp_path / "cases.docx").write_text("x", encoding="utf-8")
    assert told(tmp_path / "cases.docx") == [("", "unknown ending")]
    for nothing in (None, 7, ROWS, b"cases.csv"):
        with pytest.raises(
            TypeError, match="a file, a pandas or Spark data frame, or a DuckDB relation; this is a"
        ):
            load_cases(nothing)
