import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from se_outcomes.cases.values import (
    date_order_evidence,
    decimal_evidence,
    fold,
    parse_booleans,
    parse_dates,
    parse_numbers,
    parse_texts,
    text_of,
)

NB, NNB = "\u00a0", "\u202f"


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("7,5", ",", 7.5),
        ("7.5", ".", 7.5),
        ("1 234,5", ",", 1234.5),
        (f"1{NB}234{NB}567", ",", 1234567),
        (f"12{NNB}345,25", ",", 12345.25),
        ("1.234,5", ",", 1234.5),
        ("1,234.5", ".", 1234.5),
        ("\u22123,25", ",", -3.25),
        (" 4 ", ",", 4),
        (",5", ",", 0.5),
        ("1e3", ".", 1000),
        ("0301", ".", 301),
    ],
)
def test_number_as_written_here_and_there(text, decimal, number):
    parsed, sound = parse_numbers([text, "x"], decimal)
    assert parsed[0] == number
    assert sound.tolist() == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "1 23",
        "12 34",
        "1.23,4,5",
        "seven",
        "7,5 %",
        "1_000",
        "inf",
        "--1",
        "-",
        "1,2,3",
        "٣",
        "0x10",
        "1 e5",
        "e5",
    ],
)
def test_what_is_no_number_is_a_fault_and_not_a_guess(text):
    parsed, sound = parse_numbers([text], ",")
    assert not sound[0]
    assert np.isnan(parsed[0])


def test_decimal_comma_is_no_number_where_the_point_is_the_mark():
    assert parse_numbers(["7,5"], ".")[1].tolist() == [False]
    assert parse_numbers(["7.5"], ",")[1].tolist() == [False]


def test_missing_in_all_its_spellings():
    missing = ["", " ", "NA", "nan", "NULL", ".", NB, None, np.nan, pd.NA, pd.NaT]
    for parse in (
        lambda values: parse_numbers(values, "."),
        parse_booleans,
        lambda values: parse_dates(values, "dmy"),
        parse_texts,
    ):
        parsed, sound = parse(missing)
        assert sound.all()
        assert pd.isna(parsed).all()


@pytest.mark.parametrize(
    ("texts", "proven", "uncertain"),
    [
        (["7,5"], {","}, False),
        (["7.5"], {"."}, False),
        (["7,5", "7.5"], {",", "."}, False),
        (["1,234"], set(), True),
        (["1.234"], set(), True),
        (["0.234"], {"."}, False),
        (["1.234,5"], {","}, False),
        (["1,234,567"], {"."}, False),
        (["12", "0301", "text"], set(), False),
        (["1234,567"], {","}, False),
    ],
)
def test_evidence_for_the_decimal_mark(texts, proven, uncertain):
    assert decimal_evidence(texts) == (proven, uncertain)


def test_native_numbers():
    values = [3, 2.5, True, Decimal("1.5"), np.float32(0.5), float("inf")]
    parsed, sound = parse_numbers(values, ",")
    assert parsed[:5].tolist() == [3, 2.5, 1, 1.5, 0.5]
    assert sound.tolist() == [True] * 5 + [False]


@given(st.lists(st.decimals(-(10**9), 10**9, places=3), min_size=1))
def test_a_million_texts_at_once_are_read_as_each_one_alone(numbers):
    texts = [str(number).replace(".", ",") for number in numbers]
    at_once = parse_numbers(texts, ",")[0]
    one_by_one = [parse_numbers([text, "x"], ",")[0][0] for text in texts]
    assert at_once.tolist() == one_by_one


DAY = np.datetime64("2021-05-04", "us")


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("04.05.2021", "dmy"),
        ("4.5.2021", "dmy"),
        ("05/04/2021", "mdy"),
        ("04/05/2021", "dmy"),
        ("04-05-2021", "dmy"),
        ("2021-05-04", "dmy"),
        ("2021-05-04", "iso"),
        ("2021-05-04T00:00:00", "iso"),
        ("2021-05-04 00:00:00.000", "mdy"),
        ("04.05.2021 00:00", "dmy"),
        ("20210504", "dmy"),
        ("2021/05/04", "dmy"),
    ],
)
def test_date_as_written_here_and_there(text, order):
    parsed, sound = parse_dates([text], order)
    assert sound[0]
    assert parsed[0] == DAY


@pytest.mark.parametrize(
    "text",
    [
        "31.02.2021",
        "04.05.21",
        "2021-13-01",
        "2021-05-04 13:45",
        "44320",
        "9999-12-31",
        "1066-10-14",
        "4 May 2021",
        "04.05-2021",
    ],
)
def test_what_is_no_date_is_a_fault(text):
    parsed, sound = parse_dates([text], "dmy")
    assert not sound[0]
    assert np.isnat(parsed[0])


def test_iso_only_when_so_told():
    assert parse_dates(["04.05.2021"], "iso")[1].tolist() == [False]


def test_native_dates_keep_their_calendar_day():
    oslo = pd.Timestamp("2021-05-04", tz="Europe/Oslo")
    values = [
        dt.date(2021, 5, 4),
        dt.datetime(2021, 5, 4),
        pd.Timestamp("2021-05-04"),
        oslo,
        np.datetime64("2021-05-04"),
        20210504,
    ]
    parsed, sound = parse_dates(values, "dmy")
    assert sound.all()
    assert (parsed == DAY).all()
    # late in the evening in UTC is the next day in Oslo: not guessed
    assert not parse_dates([dt.datetime(2021, 5, 3, 22), 44320, True, 1.5], "dmy")[1].any()


@pytest.mark.parametrize(
    ("texts", "proven", "needed"),
    [
        (["04/05/2021"], set(), True),
        (["13/05/2021", "04/05/2021"], {"dmy"}, True),
        (["05/13/2021"], {"mdy"}, True),
        (["13/05/2021", "05/13/2021"], {"dmy", "mdy"}, True),
        (["04.05.2021", "2021-05-04"], set(), False),
        (["05/05/2021"], set(), False),
    ],
)
def test_evidence_for_the_order_of_day_and_month(texts, proven, needed):
    assert date_order_evidence(texts) == (proven, needed)


def test_booleans_of_three_languages_and_none_else():
    true, _ = parse_booleans(["true", "TRUE", "1", "1.0", "ja", "Yes", "sann", "j", "y", "t", True, 1, 1.0])
    false, _ = parse_booleans(["false", "0", "nei", "no", "usann", "n", "f", False, 0, 0.0])
    assert set(true) == {True}
    assert set(false) == {False}
    parsed, sound = parse_booleans(["2", "kanskje", "vet ikke", 2])
    assert not sound.any()
    assert set(parsed) == {None}


def test_ids_keep_leading_zeros_and_lose_what_a_program_added():
    assert parse_texts(["0301", "A 1 ", f"{NB}x"])[0].tolist() == ["0301", "A 1", "x"]
    assert parse_texts([301.0, 302])[0].tolist() == ["301", "302"]
    assert parse_texts(["301.0", "302.0", ""])[0].tolist() == ["301", "302", None]
    # versions are no numbers
    assert parse_texts(["1.0", "1.1"])[0].tolist() == ["1.0", "1.1"]
    assert parse_texts(["å", "a\u030a"])[0].tolist() == ["å", "å"]
    assert parse_texts([[1], b"x", "a"])[1].tolist() == [False, False, True]


@given(st.text())
def test_no_text_makes_a_parser_fail(text):
    for parse in (
        lambda values: parse_numbers(values, ","),
        parse_booleans,
        lambda values: parse_dates(values, "mdy"),
        parse_texts,
    ):
        parsed, sound = parse([text])
        assert len(parsed) == len(sound) == 1
    assert fold(fold(text)) == fold(text)
    decimal_evidence([text])


def test_text_of_native_values():
    values = [301.0, True, np.bool_(False), dt.date(2021, 5, 4), pd.Timestamp("2021-05-04"), 3.5]
    assert [text_of(value) for value in values] == ["301", "true", "false", "2021-05-04", "2021-05-04", "3.5"]
