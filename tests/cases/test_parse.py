import datetime as dt

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from se_outcomes.cases.mapping import read_mapping
from se_outcomes.cases.parse import parse_columns
from se_outcomes.cases.read import read_file, read_frame
from se_outcomes.cases.rows import ROW
from se_outcomes.cases.schema import read_schema

CASES = read_schema()["cases"]
REQUIRED = {name: ["1", "0"] for name, column in CASES.columns.items() if column.required}


def typed(raw, translation):
    """The typed columns as a pandas frame, and the faults."""
    rows, faults = parse_columns(raw, CASES, translation)
    return rows.frame.collect().to_native().drop(columns=ROW), faults


def parse(columns, mapping=None):
    """Parse columns of text, beside a sound frame's required ones."""
    n = len(next(iter(columns.values())))
    base = {name: [values[i % 2] for i in range(n)] for name, values in REQUIRED.items()}
    frame = pd.DataFrame({**base, **columns})
    return typed(read_frame(frame), read_mapping(mapping))


def sound(columns, mapping=None):
    frame, faults = parse(columns, mapping)
    assert faults == []
    return frame


def faulty(columns, mapping=None):
    _, faults = parse(columns, mapping)
    return [(fault.column, fault.rule, fault.n_rows, fault.first_rows) for fault in faults]


# --- types ----------------------------------------------------------------------------------------


def test_every_type_has_its_documented_dtype():
    frame = sound(
        {
            "office_id": ["0301", ""],
            "birth_year": ["1990", ""],
            "motivation": ["7,5", ""],
            "placed": ["ja", ""],
            "entry_date": ["04.05.2021", ""],
        }
    )
    dtypes = frame.dtypes.astype(str).to_dict()
    assert [dtypes[name] for name in ("office_id", "birth_year", "motivation", "placed", "entry_date")] == [
        "str",
        "Int64",
        "float64",
        "boolean",
        "datetime64[us]",
    ]
    assert frame.loc[0, ["office_id", "birth_year", "motivation", "placed"]].tolist() == [
        "0301",
        1990,
        7.5,
        True,
    ]
    assert frame.loc[0, "entry_date"] == pd.Timestamp("2021-05-04")
    assert frame.iloc[1][["office_id", "birth_year", "motivation", "placed", "entry_date"]].isna().all()


@pytest.mark.parametrize(
    "values",
    [
        pd.array([1990, None], dtype="Int64"),
        pd.Series([1990.0, np.nan]),
        pd.Series(["1990", None], dtype="str"),
        pd.Series(["1990", ""], dtype="category"),
        pd.Series([1990, None], dtype=object),
        pd.Categorical([1990, None]),
    ],
)
def test_a_frame_column_of_any_kind_gives_the_same(values):
    assert sound({"birth_year": values})["birth_year"].tolist() == [1990, pd.NA]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["2021-05-04", None]).astype("datetime64[ns]"),
        pd.Series(["2021-05-04", None]).astype("datetime64[s]"),
        pd.to_datetime(pd.Series(["2021-05-04", None])).dt.tz_localize("Europe/Oslo"),
        pd.Series([dt.date(2021, 5, 4), None], dtype=object),
        pd.Series([dt.datetime(2021, 5, 4), pd.NaT], dtype=object),
        pd.Series(["2021-05-04", ""]),
        pd.Series([20210504, None], dtype="Int64"),
    ],
)
def test_a_date_column_of_any_kind_gives_the_same(values):
    parsed = sound({"entry_date": values})["entry_date"]
    assert parsed[0] == pd.Timestamp("2021-05-04")
    assert parsed.isna().tolist() == [False, True]
    assert str(parsed.dtype) == "datetime64[us]"


@pytest.mark.parametrize(
    "values",
    [
        [True, None],
        [1, None],
        [1.0, np.nan],
        ["Ja", ""],
        np.array([True, None]),
        pd.array([True, None], dtype="boolean"),
    ],
)
def test_a_boolean_column_of_any_kind_gives_the_same(values):
    assert sound({"placed": pd.Series(values)})["placed"].tolist() == [True, pd.NA]


def test_ids_of_numbers_are_written_without_decimals():
    assert sound({"office_id": pd.Series([301.0, np.nan])})["office_id"].fillna("-").tolist() == ["301", "-"]
    assert sound({"office_id": pd.Series([301, 1101])})["office_id"].tolist() == ["301", "1101"]


def test_parsing_typed_columns_again_changes_nothing():
    once = sound(
        {
            "birth_year": ["1990", ""],
            "entry_date": ["04.05.2021", ""],
            "placed": ["ja", ""],
            "sex": ["female", ""],
        }
    )
    again, faults = typed(read_frame(once), read_mapping(None))
    assert faults == []
    pd.testing.assert_frame_equal(once, again)


def test_true_and_one_in_one_column_stay_apart():
    assert sound({"office_id": pd.Series([True, 1, "1"], dtype=object)})["office_id"].tolist() == [
        "true",
        "1",
        "1",
    ]


# --- values that are none -------------------------------------------------------------------------


def test_every_fault_of_every_column_is_told_at_once_and_no_value():
    frame, faults = parse(
        {
            "motivation": ["7,5", "SECRET", "SECRET", "4,5"],
            "birth_year": ["1990", "1990,5", "SECRET", ""],
            "entry_date": ["04.05.2021", "31.02.2021", "SECRET", ""],
            "placed": ["ja", "SECRET", "nei", ""],
            "sex": ["female", "SECRET", "", "MALE"],
        }
    )
    assert [(fault.column, fault.rule, fault.n_rows, fault.first_rows) for fault in faults] == [
        ("entry_date", "not a date", 2, "2, 3"),
        ("motivation", "not a number", 2, "2, 3"),
        ("placed", "not true or false", 1, "2"),
        ("birth_year", "not a whole number", 2, "2, 3"),
        ("sex", "code not in the list", 1, "2"),
    ]
    assert "SECRET" not in str(faults)
    assert "SECRET" not in frame.to_string()


def test_cells_that_hold_no_plain_value():
    values = pd.Series([["a"], {"b": 1}, ("c", ["d"]), "female"], dtype=object)
    assert faulty({"sex": values}) == [("sex", "code not in the list", 3, "1, 2, 3")]
    assert faulty({"office_id": values}) == [("office_id", "not text", 3, "1, 2, 3")]


# --- notation -------------------------------------------------------------------------------------


def test_a_column_that_leaves_the_decimal_mark_open_follows_the_file():
    frame = sound({"motivation": ["1,234", "2"], "fidelity_score": ["74,5", "80"]})
    assert frame["motivation"].tolist() == [1.234, 2]
    frame = sound({"motivation": ["1,234", "2"], "fidelity_score": ["74.5", "80"]})
    assert frame["motivation"].tolist() == [1234, 2]


def test_decimal_mark_that_cannot_be_told_is_refused():
    assert faulty({"motivation": ["5", "1,234"]}) == [("motivation", "decimal mark: open", 1, "2")]
    assert sound({"motivation": ["5", "1,234"]}, {"read": {"decimal": ","}})["motivation"].tolist() == [
        5,
        1.234,
    ]


def test_two_decimal_marks_in_one_column_are_refused():
    assert faulty({"motivation": ["1,5", "2,5", "3.5"]}) == [("motivation", "decimal mark: mixed", 1, "3")]


def test_point_is_certain_in_a_comma_separated_file(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("case_id,motivation\n1,1.234\n", encoding="utf-8")
    frame, _ = typed(read_file(path, read_mapping(None)), read_mapping(None))
    assert frame["motivation"].tolist() == [1.234]


def test_day_and_month_that_cannot_be_told_are_refused():
    open_ = {"entry_date": ["2021-05-04", "04/05/2021"]}
    assert faulty(open_) == [("entry_date", "order of day and month: open", 1, "2")]
    assert sound(open_, {"read": {"dates": "mdy"}})["entry_date"][1] == pd.Timestamp("2021-04-05")
    assert sound(open_, {"read": {"dates": "dmy"}})["entry_date"][1] == pd.Timestamp("2021-05-04")
    # another column of the file proves it
    assert sound({**open_, "referral_date": ["13/05/2021", ""]})["entry_date"][1] == pd.Timestamp(
        "2021-05-04"
    )
    assert faulty({"entry_date": ["13/05/2021", "05/13/2021", "14/05/2021"]}) == [
        ("entry_date", "order of day and month: mixed", 1, "2")
    ]


# --- codes, labels --------------------------------------------------------------------------------


def test_words_and_old_codes_become_the_schema_s():
    frame = sound(
        {"sex": ["kvinne", " Mann "], "effort_group": ["SPESIELT_TILPASSET_INNSATS", "Gode muligheter"]}
    )
    assert frame["sex"].tolist() == ["female", "male"]
    assert frame["effort_group"].tolist() == ["TRENGER_VEILEDNING_NEDSATT_ARBEIDSEVNE", "GODE_MULIGHETER"]


def test_arena_varig_stands_for_two_groups_and_so_for_none():
    assert faulty({"effort_group": ["BATT", "VARIG"]}) == [("effort_group", "code not in the list", 1, "2")]


def test_every_title_of_every_code_is_accepted_as_that_code_or_as_none():
    for column in CASES.columns.values():
        for code in column.allowed or ():
            assert sound({column.name: [code, ""]})[column.name][0] == code, column.name


def test_mapped_codes_of_any_column():
    mapping = {
        "codes": {
            "sex": {"1": "male", "2": "female", "9": ""},
            "placed": {"i jobb": True, "uten": False},
            "motivation": {"høy": 9},
        }
    }
    frame = sound(
        {
            "sex": pd.Series([1.0, 2.0, 9.0]),
            "placed": ["I jobb", "uten", ""],
            "motivation": ["høy", "4,5", ""],
        },
        mapping,
    )
    assert frame["sex"].fillna("-").tolist() == ["male", "female", "-"]
    assert frame["placed"].tolist() == [True, False, pd.NA]
    assert frame["motivation"].fillna(-1).tolist() == [9, 4.5, -1]


def test_empty_cells_can_be_given_a_meaning():
    mapping = {"codes": {"benefit": {"": "none"}}}
    assert sound({"benefit": ["AAP", ""]}, mapping)["benefit"].tolist() == ["AAP", "none"]
    assert sound({"benefit": ["AAP", None]}, mapping)["benefit"].tolist() == ["AAP", "none"]


def labelled(tmp_path, columns, labels, mapping=None, **options):
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame(
        {**{name: [values[i % 2] for i in range(n)] for name, values in REQUIRED.items()}, **columns}
    )
    path = tmp_path / "cases.sav"
    pyreadstat.write_sav(frame, str(path), variable_value_labels=labels, **options)
    translation = read_mapping(mapping)
    return typed(read_file(path, translation), translation)


def test_labels_say_what_codes_do_not(tmp_path):
    frame, faults = labelled(
        tmp_path,
        {
            "sex": [1.0, 2.0],
            "placed": [1.0, 2.0],
            "accepted": [0.0, 1.0],
            "office_id": [301.0, 302.0],
            "education_level": [3.0, 7.0],
        },
        {
            "sex": {1: "Kvinne", 2: "Mann"},
            "placed": {1: "Ja", 2: "Nei"},
            "accepted": {0: "Ikke tatt inn", 1: "Tatt inn"},
            "office_id": {301: "NAV Bjerke", 302: "NAV Alna"},
            "education_level": {3: "something of one's own", 7: "and another"},
        },
    )
    assert faults == []
    assert frame["sex"].tolist() == ["female", "male"]
    assert frame["placed"].tolist() == [True, False]
    assert frame["accepted"].tolist() == [False, True]
    assert frame["office_id"].tolist() == ["301", "302"]
    assert frame["education_level"].tolist() == ["3", "7"]


def test_one_labelled_with_a_denial_is_not_read_as_true(tmp_path):
    columns, labels = {"placed": [0.0, 1.0]}, {"placed": {0: "I arbeid", 1: "Ikke i arbeid"}}
    _, faults = labelled(tmp_path, columns, labels)
    assert [(fault.column, fault.n_rows) for fault in faults] == [("placed", 2)]
    frame, faults = labelled(
        tmp_path, columns, labels, {"codes": {"placed": {"i arbeid": True, "ikke i arbeid": False}}}
    )
    assert (faults, frame["placed"].tolist()) == ([], [True, False])


def test_no_answer_among_numbers_is_missing_or_a_fault(tmp_path):
    columns, labels = {"motivation": [7.5, 99.0]}, {"motivation": {99: "Vet ikke"}}
    _, faults = labelled(tmp_path, columns, labels)
    assert [(fault.column, fault.rule, fault.first_rows) for fault in faults] == [
        ("motivation", "number that stands for no answer", "2")
    ]
    declared, faults = labelled(tmp_path, columns, labels, missing_ranges={"motivation": [99]})
    assert (faults, declared["motivation"].isna().tolist()) == ([], [False, True])
    mapped, faults = labelled(tmp_path, columns, labels, {"codes": {"motivation": {"99": ""}}})
    assert (faults, mapped["motivation"].isna().tolist()) == ([], [False, True])


def test_constants_and_own_columns():
    mapping = {
        "constants": {"entry_date": "2021-05-04", "caseload_at_referral": 12},
        "extra": {"locus": "number", "arm": "text", "urban": "boolean", "seen": "date"},
        "codes": {"arm": {"1": "control"}},
    }
    frame = sound(
        {"locus": ["1,5", ""], "arm": ["1", "2"], "urban": ["ja", "nei"], "seen": ["4.5.2021", ""]}, mapping
    )
    assert frame["entry_date"].tolist() == [pd.Timestamp("2021-05-04")] * 2
    assert frame["caseload_at_referral"].tolist() == [12, 12]
    assert frame["arm"].tolist() == ["control", "2"]
    dtypes = frame.dtypes.astype(str)[["locus", "arm", "urban", "seen"]].tolist()
    assert dtypes == ["float64", "str", "boolean", "datetime64[us]"]


def test_faults_of_reading_are_handed_on():
    frame, faults = typed(read_frame(pd.DataFrame()), read_mapping(None))
    assert len(frame) == 0
    assert [fault.rule for fault in faults] == ["empty file"]
