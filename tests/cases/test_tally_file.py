import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases import tally_file
from se_outcomes.cases.suppressed_cells import spread
from se_outcomes.cases.tally_file import _step

PASSED = ["office_id", "gate_state", "outcome_state", "motivation"]


@pytest.fixture(scope="module")
def cases():
    return so.simulate_cases(1200, n_offices=5, seed=1, missing=0.02).cases


@pytest.fixture
def write(cases, tmp_path):
    """``write(**options)``: the path of a tally by motivation."""

    def write_it(**options):
        return so.write_tally(cases, tmp_path / "tally.csv", **{"columns": ["motivation"], **options})

    return write_it


def read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def told(path):
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


# --- what is written ------------------------------------------------------------------------------


def test_small_cells_are_listed_with_bounds_and_others_as_they_are(cases, write):
    frame = read(write())
    expected = cases.tally(PASSED)
    assert len(frame) == len(expected)
    small = (expected["n"] < 5).to_numpy()
    assert small.any()
    assert not small.all()
    assert (frame.loc[small, ["n", "n_low", "n_high"]] == ["", "1", "4"]).all(axis=None)
    for name in ("n", "n_low", "n_high"):
        assert frame.loc[~small, name].astype(int).tolist() == expected.loc[~small, "n"].tolist()


def test_small_cells_are_left_out_when_asked(cases, write):
    path = write(small="suppress")
    frame, expected = read(path), cases.tally(PASSED)
    assert frame["n"].astype(int).tolist() == expected.loc[expected["n"] >= 5, "n"].tolist()
    hidden = expected.loc[expected["n"] < 5].groupby(["gate_state", "outcome_state"])["n"].sum()
    limits = {(row["gate_state"], row["outcome_state"]): row for row in told(path)["suppressed"]["by_state"]}
    assert set(limits) == set(hidden.index)
    assert all(limits[state]["n_low"] <= n <= limits[state]["n_high"] for state, n in hidden.items())
    assert all(row["n_high"] % 5 == 0 for row in limits.values())


def test_no_total_is_in_either_file(cases, write):
    path = write()
    totals = {str(cases.n_cases), *map(str, cases.tally(["office_id"])["n"])}
    numbers = set(pd.Series(path.with_suffix(".json").read_text(encoding="utf-8")).str.findall(r"\d+")[0])
    assert not totals & numbers
    # nor can the suppressed be added up
    hidden = cases.tally(PASSED).query("n < 5")["n"].sum()
    low = sum(row["n_low"] for row in told(path)["suppressed"]["by_state"])
    high = sum(row["n_high"] for row in told(path)["suppressed"]["by_state"])
    assert low < hidden < high
    assert high - low >= 5


@pytest.mark.parametrize("threshold", [3, 5, 10])
@pytest.mark.parametrize("n_cells", [1, 2, 3, 7, 40])
def test_a_step_tells_nothing_of_a_single_cell(threshold, n_cells):
    most = threshold - 1
    steps = {_step(total, n_cells, threshold) for total in range(n_cells, n_cells * most + 1)}
    for total in range(n_cells, n_cells * most + 1):
        low, high = _step(total, n_cells, threshold)
        assert low <= total <= high
    # the steps do not overlap, so that a step is all that is known; and in each a cell may hold 1 or all it can
    ordered = sorted(steps)
    assert all(one[1] < other[0] for one, other in pairwise(ordered))
    for low, high in ordered:
        assert high >= most + n_cells - 1
        assert low <= 1 + most * (n_cells - 1)


def test_default_columns_are_those_of_the_plan_without_gatekeepers_and_dates(cases, tmp_path):
    path = so.write_tally(cases, tmp_path / "tally.csv", small="suppress")
    columns = list(told(path)["columns"])
    assert columns[:3] == ["office_id", "gate_state", "outcome_state"]
    assert {"motivation", "motivation_instrument", "age_group", "caseload_at_referral"} <= set(columns)
    assert not {"case_id", "counsellor_id", "job_specialist_id"} & set(columns)
    assert not [name for name in columns if name.endswith("_date")]


def test_numbers_by_quarters_keep_the_quarters(cases, write):
    path = write(numbers="quarters", threshold=1)
    tally = so.load_tally(path)
    assert tally.tally(["motivation"])["motivation"].nunique() <= 5
    by = ["office_id", "gate_state", "motivation_group"]
    pd.testing.assert_frame_equal(tally.tally(by), cases.tally(by))
    assert [notice.key for notice in tally.warnings if notice.key == "tally_binned"] == ["tally_binned"]


def test_a_number_with_many_values_is_told_by_bins(cases, tmp_path):
    frame = pd.DataFrame(
        {
            "case_id": [str(number) for number in range(400)],
            "office_id": ["a", "b"] * 200,
            "motivation": np.random.default_rng(0).normal(5, 1, 400).round(6),
            "referred": [True, True, False, False] * 100,
            "accepted": pd.array([True, False, None, None] * 100, "boolean"),
            "placed": [True, False, False, True, False] * 80,
        }
    )
    many = so.check_cases(frame, outcome_observed="all")
    tally = so.load_tally(so.write_tally(many, tmp_path / "tally.csv"))
    assert tally.tally(["motivation"])["motivation"].nunique() <= 12
    values = set(frame["motivation"])
    assert not values & set(tally.tally(["motivation"])["motivation"])


def test_rows_and_counts_of_the_case_file_are_in_no_warning(tmp_path):
    frame = so.simulate_cases(300, n_offices=3, seed=2).cases
    assert "columns_left_out" not in {notice.key for notice in frame.warnings}
    notice = so.results.Notice("rated_after_gate", "For {rows} (rows {first}).", rows="3 cases", first="1, 2")
    (said,) = tally_file.releasable((notice, so.results.Notice("columns_left_out", "x")))
    assert said.key == "rated_after_gate"
    assert not any(letter.isdigit() for letter in said)
    assert said.parts == {}


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [2, 0, -1, True, 5.0])
def test_another_threshold_is_refused(write, threshold):
    with pytest.raises(so.DisclosureError, match="threshold"):
        write(threshold=threshold)


@pytest.mark.parametrize(
    "options",
    [{"small": "hide"}, {"numbers": "tens"}, {"path": "tally.txt"}],
    ids=lambda options: str(options),
)
def test_wrong_calls_are_refused(cases, tmp_path, options):
    path = tmp_path / options.pop("path", "tally.csv")
    with pytest.raises(ValueError, match="must be"):
        so.write_tally(cases, path, **options)
    assert list(tmp_path.iterdir()) == []


def test_identifiers_and_unknown_columns_are_refused(write, tmp_path):
    with pytest.raises(so.DisclosureError, match="case_id"):
        write(columns=["case_id"])
    with pytest.raises(so.EstimationError, match="motivation_group") as refusal:
        write(columns=["motivation_group"])
    assert refusal.value.reason == "column_missing"
    assert list(tmp_path.iterdir()) == []


def test_a_tally_hardly_coarser_than_the_cases_is_refused(write, cases, tmp_path):
    with pytest.raises(so.DisclosureError, match="more than half"):
        write(columns=None)
    assert list(tmp_path.iterdir()) == []
    assert write(columns=None, fine=True).exists()


def test_few_cases_and_small_offices_are_refused(cases, tmp_path):
    few = so.simulate_cases(40, n_offices=5, seed=1).cases
    with pytest.raises(so.DisclosureError, match="An office has fewer than 30"):
        so.write_tally(few, tmp_path / "tally.csv", threshold=30)
    with pytest.raises(so.DisclosureError, match="fewer than 50 cases"):
        so.write_tally(few, tmp_path / "tally.csv", threshold=50)


def test_a_tally_with_suppressed_cells_is_not_written_again(write, tmp_path):
    with pytest.raises(so.DisclosureError, match="already"):
        so.write_tally(so.load_tally(write()), tmp_path / "again.csv")


def test_nothing_half_written_is_left(cases, tmp_path, monkeypatch):
    path = tmp_path / "tally.csv"
    so.write_tally(cases, path, columns=["motivation"])
    before = path.read_bytes()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        so.write_tally(cases, path, columns=["sex"])
    assert path.read_bytes() == before
    assert [found.suffix for found in tmp_path.iterdir()] == [".csv"]  # without a sidecar it is no tally
    with pytest.raises(so.CaseFileError, match=r"tally\.json beside it"):
        so.load_tally(path)


# --- what is read ---------------------------------------------------------------------------------


def test_with_nothing_suppressed_the_tally_is_the_cases(cases, tmp_path):
    tally = so.load_tally(so.write_tally(cases, tmp_path / "tally.csv", threshold=1))
    assert tally.suppressed is None
    assert tally.engine == "tally"
    assert "on tally" in repr(tally)
    assert (tally.n_cases, tally.n_offices) == (cases.n_cases, cases.n_offices)
    # without gatekeepers nothing can be said of how readily each of them refers
    assert tally.plan == replace(cases.plan, exclusion_referral=())
    *warnings, lacking = map(str, tally.warnings)
    assert warnings == [*map(str, cases.warnings)]
    assert "does not have counsellor_leniency" in lacking
    for by in (
        list(tally.columns),
        ["office_id", "motivation_bin", "motivation_scaled"],
        ["retention_state"],
    ):
        pd.testing.assert_frame_equal(tally.tally(by), cases.tally(by))


def test_completions_keep_to_what_is_told(write):
    suppressed = so.load_tally(write()).suppressed
    random = np.random.default_rng(0)
    chosen = [
        suppressed.central(),
        *(suppressed.complete(random.normal(size=len(suppressed.cells))) for _ in range(20)),
    ]
    for n in chosen:
        assert ((n >= 1) & (n <= 4)).all()
        sums = np.bincount(suppressed.group, n)
        assert (sums >= suppressed.limits[:, 0]).all()
        assert (sums <= suppressed.limits[:, 1]).all()
    low, high = (suppressed.complete(sign * np.ones(len(suppressed.cells))).sum() for sign in (-1, 1))
    assert (low, high) == tuple(suppressed.limits.sum(axis=0))


def test_a_completion_is_the_best_there_is(write):
    suppressed = so.load_tally(write()).suppressed
    weights = np.random.default_rng(1).normal(size=len(suppressed.cells))
    best = weights @ suppressed.complete(weights)
    n = suppressed.complete(weights)
    for one, other in np.random.default_rng(2).integers(0, len(n), (500, 2)):
        swapped = n.copy()
        if suppressed.group[one] == suppressed.group[other] and n[one] < 4 and n[other] > 1:
            swapped[one] += 1
            swapped[other] -= 1
            assert weights @ swapped <= best + 1e-9


def test_the_central_completion_is_near_the_cases(cases, write):
    for small in ("bound", "suppress"):
        tally = so.load_tally(write(small=small))
        assert abs(tally.n_cases - cases.n_cases) < 0.03 * cases.n_cases
        assert "about" in repr(tally)


def test_counts_within_the_bounds_are_found_near_any(write):
    suppressed = so.load_tally(write()).suppressed
    for value in (0, 1, 4, 9):
        n = suppressed.within(np.full(len(suppressed.cells), value))
        sums = np.bincount(suppressed.group, n)
        assert ((n >= 1) & (n <= 4)).all()
        assert ((sums >= suppressed.limits[:, 0]) & (sums <= suppressed.limits[:, 1])).all()
    central = suppressed.central()
    assert (suppressed.within(central) == central).all()


def test_spread_keeps_the_total_and_the_room():
    room = np.array([3, 3, 1, 0, 3])
    for total in range(11):
        found = spread(total, np.array([5.0, 1.0, 9.0, 1.0, 1.0]), room)
        assert found.sum() == total
        assert (found <= room).all()


# --- faults ---------------------------------------------------------------------------------------


def spoil(path, change):
    frame = read(path)
    change(frame)
    frame.to_csv(path, index=False)


def spoil_sidecar(path, **parts):
    path.with_suffix(".json").write_text(json.dumps({**told(path), **parts}), encoding="utf-8")


def test_all_faults_are_told_at_once_and_never_by_value(write):
    path = write()

    def change(frame):
        frame.loc[0, "gate_state"] = "Xqstate"
        frame.loc[1, "motivation"] = "Xqhigh"
        frame.loc[2, "n"] = "7.5"
        frame.loc[4] = frame.loc[3]
        frame.loc[5, "office_id"] = ""

    spoil(path, change)
    with pytest.raises(so.CaseFileError) as error:
        so.load_tally(path)
    assert "Xq" not in str(error.value)
    found = set(error.value.faults[["column", "rule"]].itertuples(index=False, name=None))
    assert found == {
        ("gate_state", "not of type string"),
        ("motivation", "not of type number"),
        ("n", "not a count"),
        ("gate_state", "missing"),
        ("office_id", "missing"),
        ("", "repeated cell"),
    }


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("n", "3", "below the threshold"),
        ("n_high", "9", "bounds"),
        ("n_low", "2", "bounds"),
        ("n_low", "-1", "not a count"),
    ],
)
def test_counts_that_do_not_go_together(write, column, value, rule):
    path = write()
    hidden = int(np.flatnonzero(read(path)["n"] == "")[0])
    spoil(path, lambda frame: frame.__setitem__(column, frame[column].where(frame.index != hidden, value)))
    with pytest.raises(so.CaseFileError) as error:
        so.load_tally(path)
    assert rule in set(error.value.faults["rule"])


@pytest.mark.parametrize(
    ("parts", "rule"),
    [
        ({"format_version": 2}, "format version"),
        ({"format": "another"}, "sidecar of another format"),
        ({"threshold": 2}, "threshold"),
        ({"small": "hide"}, "way of suppression"),
        ({"study": {"gates": "both"}}, "study plan"),
        ({"columns": {"office_id": "string"}}, "columns"),
        ({"suppressed": {"n_cells": 1, "by_state": []}}, "suppressed cases"),
        ({"warnings": [1]}, "warnings"),
    ],
)
def test_a_sidecar_that_cannot_be(write, parts, rule):
    path = write()
    spoil_sidecar(path, **parts)
    with pytest.raises(so.CaseFileError) as error:
        so.load_tally(path)
    assert rule in set(error.value.faults["rule"])


def test_columns_and_files_that_are_missing(write, tmp_path):
    path = write()
    read(path).rename(columns={"motivation": "Xqname"}).to_csv(path, index=False)
    with pytest.raises(so.CaseFileError) as error:
        so.load_tally(path)
    assert set(error.value.faults["rule"]) == {"column missing", "column unknown"}
    assert "Xq" not in str(error.value)
    with pytest.raises(so.CaseFileError, match="there is none"):
        so.load_tally(Path(tmp_path) / "none.csv")
