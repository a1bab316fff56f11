import hashlib
import re

import numpy as np
import pandas as pd
import pytest

from se_outcomes.cases.identifiers import find_identifiers
from se_outcomes.cases.identifying import is_identifying_header
from se_outcomes.cases.national_numbers import are_national_numbers, find_candidates, have_date
from se_outcomes.cases.raw import Raw

VALUE = re.compile(r"\d{7}|@")


def number(day, month, year, serial, *, remainder=0):
    """A national identity number, by the definition and nothing else: try every pair of checksum digits."""
    front = f"{day:02d}{month:02d}{year:02d}{serial:03d}"
    for pair in range(100):
        digits = [int(digit) for digit in f"{front}{pair:02d}"]
        first = sum(w * d for w, d in zip((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), digits, strict=False)) % 11
        second = sum(w * d for w, d in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), digits, strict=False)) % 11
        if first == remainder and second == 0:
            return "".join(map(str, digits))
    return number(day, month, year, serial + 1, remainder=remainder)


def array(*numbers):
    return np.array([[int(digit) for digit in one] for one in numbers])


def scan(values, header="code"):
    faults = find_identifiers(Raw(pd.DataFrame({0: pd.Series(values)}), (header,)))
    for fault in faults:
        assert not VALUE.search(" ".join(map(str, fault)))
    return faults


def rules(values, header="code"):
    return [fault.rule.removeprefix("identifying: ") for fault in scan(values, header)]


NATIONAL = "national identity number"


# --- the number itself ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "month"), [(1, 1), (41, 1), (1, 41), (1, 81), (41, 41), (41, 81), (31, 12), (29, 2)]
)
@pytest.mark.parametrize("remainder", [0, 1, 2, 3])
def test_every_kind_of_number_passes_the_rule_it_was_made_by(day, month, remainder):
    made = array(number(day, month, 80, 123, remainder=remainder))
    assert are_national_numbers(made, rule="new")[0]
    assert are_national_numbers(made, rule="old")[0] == (remainder == 0)


def test_synthetic_examples_of_the_tax_administration():
    # Skatteetaten's documentation of Folkeregisteret: made by a generator, month + 80; below with day + 40
    # as well
    assert are_national_numbers(
        array("17912099997", "29822099635", "05840399895", "12829499914"), rule="old"
    ).all()
    assert are_national_numbers(
        array("57912075186", "69822075096", "45840375084", "52829400197"), rule="old"
    ).all()


def test_other_remainders_dates_and_checksums_fail():
    assert not are_national_numbers(array(number(1, 1, 80, 123, remainder=4)))[0]
    assert not have_date(
        array("32018012345", "00018012345", "01138012345", "30028012345", "29028112345", "01008012345")
    ).any()
    sound = number(1, 1, 80, 123)
    changed = [sound[:i] + str((int(sound[i]) + 1) % 10) + sound[i + 1 :] for i in (9, 10)]
    assert not are_national_numbers(array(*changed), rule="old").any()


def test_share_that_passes_by_chance_is_the_documented_one():
    digits = np.random.default_rng(1).integers(0, 10, (400_000, 11))
    digits = digits[have_date(digits)]
    # .8 % and 3.3 % (domain: "a string with a valid date passes by chance"); five standard errors of 79,000
    # draws
    assert are_national_numbers(digits, rule="old").mean() == pytest.approx(1 / 121, abs=0.0017)
    assert are_national_numbers(digits, rule="new").mean() == pytest.approx(4 / 121, abs=0.0032)


@pytest.mark.parametrize(
    "text",
    [
        "01017012345",
        "010170 12345",
        "010170-12345",
        "01.01.70 12345",
        "010170\u00a012345",
        "fnr01017012345.",
        "x:010170 123 45;",
        "1017012345",
        "1017012345.0",
        " 1017012345 ",
    ],
)
def test_where_a_number_may_stand(text):
    positions, digits = find_candidates(["a", text])
    assert positions.tolist() == [1]
    assert "".join(map(str, digits[0])) == "01017012345"


@pytest.mark.parametrize(
    "text",
    [
        "0.01017012345",
        "0,01017012345",
        "101701234",
        "9910170123450",
        "a1017012345",
        "see 1017012345",
        "2021-05-04 10:15:00",
        "01017012345.25",
    ],
)
def test_where_none_stands(text):
    assert len(find_candidates([text])[0]) == 0


# --- columns --------------------------------------------------------------------------------------


def many(n, **options):
    return [number(1 + i % 28, 1 + i % 12, 50 + i % 50, i % 400, **options) for i in range(n)]


@pytest.mark.parametrize(
    "values",
    [
        many(50),
        many(50, remainder=2),
        [int(value) for value in many(50)],
        [float(value) for value in many(50)],
        [value.removeprefix("0") for value in many(50)],
        [f"{value[:6]} {value[6:]}" for value in many(50)],
        [f"C{value}" for value in many(50)],
        many(1),
        many(2),
        [*many(10), *(f"{i:011d}" for i in range(99_000_000_000, 99_000_000_060))],
        pd.Categorical(many(20)),
        pd.array([int(value) for value in many(20)], dtype="Int64"),
    ],
    ids=[
        "text",
        "rule of 2032",
        "integers",
        "floats",
        "lost zeros",
        "spaced",
        "prefixed",
        "one",
        "two",
        "a sixth of a code column",
        "categorical",
        "Int64",
    ],
)
def test_column_of_national_numbers_is_refused(values):
    assert rules(values) == [NATIONAL]


def test_one_number_in_a_long_comment_column_is_found():
    # many different comments that are full of figures, and one number
    comments = np.char.add("møte ", np.arange(200_000).astype(str)).astype(object)
    comments[165_432] = f"ringte om {number(4, 5, 71, 200)} i dag"
    (fault,) = scan(comments, "comment")
    assert (fault.column, fault.n_rows, fault.first_rows) == ("column 1", 1, "165433")
    comments[165_432] = "ringte i dag"
    assert scan(comments, "comment") == []


@pytest.mark.parametrize(
    "alone",
    [number(4, 5, 71, 200), number(4, 5, 71, 200).removeprefix("0"), number(14, 45, 71, 200, remainder=3)],
)
def test_one_bare_number_among_other_values_is_found(alone):
    assert rules(["ok"] * 1000 + [alone]) == [NATIONAL]
    assert rules([str(i) for i in range(1000)] + [alone]) == [NATIONAL]


@pytest.mark.parametrize("seed", range(20))
def test_case_ids_of_eleven_digits_are_not_refused_at_chance_level(seed):
    draw = np.random.default_rng(seed)
    n = int(draw.integers(10, 5000))
    assert rules(draw.integers(10**10, 10**11, n)) == []
    # the hardest: eleven digits that all begin with a date
    dates = pd.Series(np.datetime64("1970-01-01") + draw.integers(0, 18000, n)).dt.strftime("%d%m%y")
    assert rules((dates + pd.Series(draw.integers(0, 10**5, n)).map("{:05d}".format)).tolist()) == []


def test_pseudonyms_and_organisation_numbers_pass():
    hashes = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(20_000)]
    assert rules(hashes) == []
    assert rules([value[:32] for value in hashes]) == []
    assert rules([f"{v[:8]}-{v[8:12]}-{v[12:16]}-{v[16:20]}-{v[20:32]}" for v in hashes]) == []
    assert rules([f"9{i:08d}" for i in range(1000)], "employer_id") == []


def test_numbers_with_many_digits_pass():
    draw = np.random.default_rng(0)
    assert rules(draw.normal(size=5000)) == []
    assert rules([repr(value) for value in draw.normal(size=20_000)]) == []
    assert rules(draw.integers(0, 2**62, 5000)) == []
    assert rules(pd.Series(pd.date_range("2020-01-01", periods=5000))) == []
    assert rules([f"{value:,}".replace(",", " ") for value in draw.integers(0, 10**9, 5000)]) == []


def test_what_else_identifies():
    assert rules(["a", "skriv til kari.nordmann@example.no"]) == ["e-mail address"]
    assert rules(["a", "+47 912 34 567"]) == ["phone number"]
    assert rules(["a", "912 34 567"]) == ["phone number"]
    assert rules(["a", "22 33 44 55"]) == ["phone number"]
    assert rules(["a", "tlf 91234567"]) == ["phone number"]
    assert rules(
        ["a", "han har sagt at han gjerne vil begynne så snart det går, men er usikker på om det passer nå"]
    ) == ["long text"]


def test_codes_dates_and_labels_are_no_phones():
    for values in (
        ["20210504", "91234567"],
        ["2021-05-04", "12 345 678"],
        ["0301", "4601"],
        ["Most significantly disabled"],
        ["A" * 300],
    ):
        assert rules(values) == []


@pytest.mark.parametrize(
    "header",
    [
        "name",
        "Navn",
        "fornavn",
        "Etternavn",
        "first_name",
        "lastName",
        "klient navn",
        "veiledernavn",
        "Navn på bruker",
        "adresse",
        "Address",
        "postadresse",
        "telefon",
        "Phone",
        "tlf",
        "mobil",
        "phone number",
        "e-post",
        "E-mail",
        "epost_adresse",
        "fødselsnummer",
        "fodselsnr",
        "FNR",
        "personnummer",
        "ssn",
        "d-nummer",
        "client_fnr",
    ],
)
def test_identifying_headers(header):
    assert is_identifying_header(header)
    assert "identifying header" in rules(["x", "y"], header)


@pytest.mark.parametrize(
    "header",
    [
        "case_id",
        "person_id",
        "office_id",
        "office_name",
        "kontornavn",
        "tiltaksnavn",
        "measure name",
        "navigation",
        "motivation",
        "channel",
        "namespace_id",
        "motivation_instrument",
        "navkontor",
        "gate_1",
        "telemark",
        "posten",
    ],
)
def test_harmless_headers(header):
    assert not is_identifying_header(header)


def test_yes_and_no_under_a_header_that_says_phone_is_no_number():
    assert rules(["ja", "nei", ""], "telefon") == []
    assert rules(["ja", "91"], "telefon") == ["identifying header"]


def test_header_that_is_itself_a_number_is_not_shown():
    made = number(1, 2, 80, 123)
    frame = pd.DataFrame({0: ["a"], 1: ["b"], 2: ["kari@example.no"]})
    for header in (
        made,
        "kari@example.no",
        "12.03.2021",
        "Kari Nordmann",
        "a header that goes on and on like a whole sentence",
    ):
        (fault,) = find_identifiers(Raw(frame, ("case_id", "office_id", header)))
        assert fault.column == "column 3"


def test_every_column_is_scanned_and_rows_are_named():
    frame = pd.DataFrame(
        {0: ["1", "2", "3"], 1: ["a@b.no", "", "c@d.no"], 2: ["x", "x", f"se {number(4, 5, 71, 20)}"]}
    )
    faults = find_identifiers(Raw(frame, ("case_id", "office_id", "merknad")), table="cases")
    assert [(fault.column, fault.n_rows, fault.first_rows) for fault in faults] == [
        ("office_id", 2, "1, 3"),
        ("merknad", 1, "3"),
    ]
