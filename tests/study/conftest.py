"""Cases for the study tests: small tables by hand, and a frame drawn from a gate model."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.cases.check import check_cases


def checked(frame, **study):
    """Checked cases from a frame without ids, with a [study] table."""
    frame = frame.reset_index(drop=True)
    frame.insert(0, "case_id", [f"case{number}" for number in range(len(frame))])
    if "eligible" not in frame:
        frame["eligible"] = True
    return check_cases(frame, mapping={"study": {"outcome_observed": "all", **study}})


def expanded(table, columns):
    """Rows from counts: ``table`` holds tuples of the columns' values and, last, how many cases have them."""
    frame = pd.DataFrame(table, columns=[*columns, "n"])
    frame = frame.loc[frame.index.repeat(frame["n"])].drop(columns="n").reset_index(drop=True)
    booleans = [
        name for name in ("eligible", "referred", "accepted", "placed", "born_abroad") if name in frame
    ]
    return frame.astype(dict.fromkeys(booleans, "boolean"))


def gate_frame(n=1500, n_offices=6, seed=0):
    """Two gates and an outcome that depend on motivation, an unrecorded trait and the office."""
    random = np.random.default_rng(seed)
    office = random.integers(0, n_offices, n)
    motivation, trait = random.normal(size=n), random.normal(size=n)
    shift = random.normal(0, 0.4, n_offices)[office]

    def passes(index):
        return random.random(n) < 1 / (1 + np.exp(-index))

    referred = passes(-0.5 + 0.9 * motivation + 0.5 * trait + shift)
    accepted = pd.array(passes(0.5 + 0.7 * motivation + 0.5 * trait + shift), "boolean")
    accepted[~referred] = pd.NA
    return pd.DataFrame(
        {
            "office_id": [f"office{code}" for code in office],
            "motivation": np.clip(np.round(5 + 2 * motivation), 0, 10),
            "referred": pd.array(referred, "boolean"),
            "accepted": accepted,
            "placed": pd.array(passes(-0.8 + 0.3 * motivation + 0.8 * trait), "boolean"),
            "age_group": random.choice(["18-19", "20-24", "25-29", "30+"], n),
            "sex": random.choice(["female", "male"], n),
            "born_abroad": pd.array(random.random(n) < 0.25, "boolean"),
            "months_worked_prev_24m": pd.array(random.integers(0, 25, n), "Int64"),
        }
    )


@pytest.fixture
def make_cases():
    """``make_cases(frame, **study)``: checked cases."""
    return checked


@pytest.fixture
def expand():
    """``expand(table, columns)``: rows from counts."""
    return expanded


@pytest.fixture
def make_frame():
    """``make_frame(n, n_offices, seed)``: a frame from the gate model."""
    return gate_frame


@pytest.fixture(scope="session")
def cases():
    """1,500 cases in six offices, nothing missing."""
    return checked(gate_frame())
