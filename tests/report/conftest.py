"""Cases and answers that the report's tests share."""

from pathlib import Path

import pytest

import se_outcomes as so

MAPPING = Path(__file__).parents[2] / "analyses" / "simulated.toml"


@pytest.fixture(scope="session")
def small_cases():
    """300 cases in five offices, values missing: much of it must be withheld."""
    return so.simulate_cases(300, seed=2, missing=True).cases


@pytest.fixture(scope="session")
def usual_cases(tmp_path_factory):
    """1,200 cases in five offices, from a file, with the study plan in three languages."""
    path = tmp_path_factory.mktemp("usual") / "cases.csv"
    return so.load_cases(so.simulate_cases(1200, seed=1).write(path), mapping=MAPPING)
