"""The counsellor's leave-one-out referral rate."""

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.study.leniency import add_leniency, recorded_columns


def rows_of(tally):
    """One row for each case."""
    return tally.loc[tally.index.repeat(tally["n"])].assign(n=1).reset_index(drop=True)


def test_by_hand():
    tally = pd.DataFrame(
        {
            "office_id": ["a"] * 4,
            "counsellor_id": ["v1", "v1", "v2", "v2"],
            "referred": [True, False, True, False],
            "n": [3, 1, 1, 1],
        }
    )
    found = add_leniency(tally, pd.Series([True] * 4), tally["referred"])
    # v1 referred 3 of 4: a referred case sees 2 of the other 3 (of the office's other 5: 3), the other 3 of 3 (4 of 5)
    expected = {
        (True, round(2 / 3 - 3 / 5, 9)): 3,
        (False, round(1.0 - 4 / 5, 9)): 2,  # v1's, and v2's with 1 of 1
        (True, round(0.0 - 3 / 5, 9)): 1,
    }
    told = {(bool(row.referred), round(row.counsellor_leniency, 9)): row.n for row in found.itertuples()}
    assert told == expected


def test_chance_does_not_look_like_leniency():
    """Counsellors who refer alike: against intercepts of the office their other cases' share alone is no chance."""
    random = np.random.default_rng(1)
    within, office_mean, of_alone = [], [], []
    for _ in range(300):
        counsellor = np.repeat([0, 1, 2], 20)
        referred = random.random(60) < 0.4
        tally = pd.DataFrame(
            {"office_id": "a", "counsellor_id": counsellor.astype(str), "referred": referred, "n": 1}
        )
        found = rows_of(add_leniency(tally, pd.Series([True] * 60), tally["referred"]))
        z, y = found["counsellor_leniency"].to_numpy(), found["referred"].to_numpy(float)
        office_mean.append(abs(z.mean()))
        within.append((z * (y - y.mean())).sum())
        total = np.bincount(counsellor, referred)
        alone = (total[counsellor] - referred) / 19
        of_alone.append(((alone - alone.mean()) * referred).sum())
    assert max(office_mean) < 1e-10
    error = np.std(within) / np.sqrt(300)
    assert abs(np.mean(within)) < 3 * error
    assert np.mean(of_alone) < -3 * error  # the share alone leans down


def test_the_same_from_rows_and_in_any_order():
    cases = so.simulate_cases(500, n_offices=3, seed=2).cases
    tally = cases.tally(["office_id", "counsellor_id", "gate_state", "motivation"])
    rows = rows_of(tally).sample(frac=1, random_state=1)

    def add(frame):
        at_risk = frame["gate_state"].isin(["not_referred", "refused", "undecided", "accepted"])
        return add_leniency(frame, at_risk, at_risk & (frame["gate_state"] != "not_referred"))

    pd.testing.assert_frame_equal(add(tally), add(rows))
    assert add(tally)["n"].sum() == 500


def test_brute_force_by_case():
    cases = so.simulate_cases(400, n_offices=2, seed=5).cases
    tally = cases.tally(["office_id", "counsellor_id", "gate_state"])
    rows = rows_of(tally.loc[tally["gate_state"].isin(["not_referred", "refused", "undecided", "accepted"])])
    referred = rows["gate_state"] != "not_referred"
    everyone = pd.Series(True, index=rows.index)
    found = add_leniency(rows, everyone, referred)
    by_case = []
    for place in range(len(rows)):
        office = rows["office_id"] == rows["office_id"][place]
        own = office & (rows["counsellor_id"] == rows["counsellor_id"][place])
        office[place] = own[place] = False
        by_case.append(referred[own].mean() - referred[office].mean())
    told = np.sort(np.repeat(found["counsellor_leniency"], found["n"]))
    np.testing.assert_allclose(told, np.sort(by_case), atol=1e-11)


def test_offices_may_use_the_same_pseudonym():
    tally = pd.DataFrame(
        {
            "office_id": ["a", "a", "b", "b"],
            "counsellor_id": ["v1"] * 4,
            "referred": [True, False, True, False],
            "n": [5, 1, 3, 2],
        }
    )
    found = add_leniency(tally, pd.Series([True] * 4), tally["referred"])
    # with one counsellor there is nothing to be lenient beside
    np.testing.assert_allclose(found["counsellor_leniency"], 0.0, atol=1e-12)


def test_who_has_none():
    """A counsellor with one case, a case without a counsellor, a case not at risk."""
    tally = pd.DataFrame(
        {
            "office_id": ["a"] * 5,
            "counsellor_id": ["v1", None, "v2", "v2", "v2"],
            "referred": [True, True, True, False, True],
            "n": [1, 2, 2, 1, 7],
        }
    )
    at_risk = pd.Series([True, True, True, True, False])
    found = add_leniency(tally, at_risk, tally["referred"])
    missing = found.loc[found["counsellor_leniency"].isna(), "n"].sum()
    assert missing == 1 + 2 + 7
    # the seven not at risk do not count for the others either: of v2's other two, less the office's other five
    expected = [1 / 2 - 4 / 5, 1.0 - 5 / 5]
    assert sorted(found["counsellor_leniency"].dropna()) == pytest.approx(sorted(expected), abs=1e-9)


def test_the_column_that_is_needed():
    assert recorded_columns(("counsellor_leniency", "caseload_at_referral")) == (
        "counsellor_id",
        "caseload_at_referral",
    )
