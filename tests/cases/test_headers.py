import re

import pandas as pd

from se_outcomes.cases.mapping import read_mapping
from se_outcomes.cases.parse import columns_left_out, parse_columns
from se_outcomes.cases.read import read_frame
from se_outcomes.cases.rows import ROW
from se_outcomes.cases.schema import read_schema

CASES = read_schema()["cases"]
REQUIRED = {name: ["1", "0"] for name, column in CASES.columns.items() if column.required}


def parse(columns, mapping=None, *, required=True):
    """Parse columns of text, beside a sound frame's required ones."""
    frame = pd.DataFrame({**(REQUIRED if required else {}), **columns})
    rows, faults = parse_columns(read_frame(frame), CASES, read_mapping(mapping))
    return rows.frame.collect().to_native().drop(columns=ROW), faults


def rules(columns, mapping=None):
    return [(fault.column, fault.rule) for fault in parse(columns, mapping)[1]]


def test_titles_in_three_languages_are_the_column():
    for language in ("en", "nb", "nn"):
        titles = [column.title[language] for column in CASES.columns.values()]
        for name, column in CASES.columns.items():
            # a title that two columns share would be neither
            assert titles.count(column.title[language]) == 1
            frame, _ = parse({column.title[language].upper(): ["x", "x"]}, required=False)
            assert list(frame.columns) == [name]
    assert "referral_date" in parse({"Referral Date": ["", ""]})[0]


def test_required_columns_missing_with_what_may_be_meant():
    _, faults = parse(
        {"case_id": ["1"], "office_id": ["1"], "motivasjonn": ["1"], "refered": ["1"]}, required=False
    )
    missing = {fault.column: fault.remedy for fault in faults if fault.rule == "required column missing"}
    assert missing.keys() == REQUIRED.keys() - {"case_id", "office_id"}
    assert "Is it 'refered'?" in missing["referred"]
    assert "Is it" not in missing["placed"]


def test_doubled_headers():
    def told(*headers):
        frame = pd.DataFrame([["1", "2", "3", "4"]], columns=headers)
        return {
            (fault.column, fault.rule)
            for fault in parse_columns(read_frame(frame), CASES, read_mapping(None))[1]
        }

    assert {("case_id", "two columns for one"), ("x", "duplicate header")} <= told(
        "case_id", "case_id", "x", "x"
    )
    assert ("referral_date", "two columns for one") in told("case_id", "Referral Date", "x", "referral_date")
    assert not {rule for _, rule in told("case_id", "office_id", "x", "y")} - {"required column missing"}


def test_header_missing_above_values():
    assert rules({"": ["x", "y"]}) == [("", "header missing")]


def test_mapped_columns_are_taken_from_there_only():
    mapping = {"columns": {"motivation": "score"}, "constants": {"sex": "female"}}
    frame, faults = parse({"score": ["1,5", "2,5"], "sex": ["male", "male"]}, mapping)
    assert faults == []
    assert frame["motivation"].tolist() == [1.5, 2.5]
    assert frame["sex"].tolist() == ["female", "female"]
    left_out = pd.DataFrame({"score": ["1"], "motivation": ["2"], "sex": ["male"], "case_id": ["1"]})
    sentence = columns_left_out(read_frame(left_out), CASES, read_mapping(mapping))
    assert sentence.startswith("2 columns")
    assert "motivation" in sentence


def test_mapped_header_that_is_not_there():
    mapping = {"columns": {"motivation": "score"}, "extra": {"locus": "number"}}
    expected = [("motivation", "mapped column not found"), ("locus", "mapped column not found")]
    assert rules({"scor": ["1,5", "2"]}, mapping) == expected


def test_columns_left_out_are_named_unless_they_look_like_values():
    headers = ["case_id", "office_id", "shoe size", "sexx", "12.03.2021", "Kari Nordmann", "kari@example.no"]
    frame = pd.DataFrame([["1"] * 7], columns=headers)
    sentence = columns_left_out(read_frame(frame), CASES, read_mapping(None))
    assert sentence == (
        "5 columns are neither in the schema nor in the mapping and left out: "
        "shoe size, sexx (did you mean sex?), column 5, column 6, column 7."
    )
    assert columns_left_out(read_frame(frame[["case_id", "office_id"]]), CASES, read_mapping(None)) is None


def test_a_file_without_a_header_line_shows_nothing_of_its_first_row():
    frame = pd.DataFrame([["x"] * 4], columns=["0001", "Bjerke", "hemmelig", "female"])
    translation = read_mapping(None)
    _, faults = parse_columns(read_frame(frame), CASES, translation)
    told = str(faults) + str(columns_left_out(read_frame(frame), CASES, translation))
    assert not re.search("Bjerke|hemmelig|0001", told)


def test_header_that_is_also_a_value_of_its_column_is_not_shown():
    frame = pd.DataFrame({"case_id": ["1"], "office_id": ["1"], "hemmelig": ["hemmelig"]})
    assert "column 3" in columns_left_out(read_frame(frame), CASES, read_mapping(None))
