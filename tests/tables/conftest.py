"""Results to tabulate."""

import re

import numpy as np
import pytest

import se_outcomes as so


@pytest.fixture(scope="session")
def cases():
    """1,200 cases in five offices, values missing."""
    return so.simulate_cases(1200, seed=1, missing=True).cases


@pytest.fixture(scope="session")
def merged_cases():
    """1,200 cases whose gates are recorded as one."""
    return so.simulate_cases(1200, seed=1, gates="merged").cases


@pytest.fixture(scope="session")
def passages(cases):
    """Referral, acceptance, placement of the accepted, by motivation."""
    return [so.estimate_referral(cases), so.estimate_acceptance(cases), so.estimate_placement(cases)]


@pytest.fixture(scope="session")
def withhold():
    """``withhold(frame, rows)``: the frame with every number missing, everywhere or in some rows."""

    def withheld(frame, rows=slice(None)):
        columns = frame.select_dtypes("number").columns
        frame = frame.reset_index(drop=True).astype(dict.fromkeys(columns, "float64"))
        frame.loc[rows, list(columns)] = np.nan
        return frame

    return withheld


@pytest.fixture(scope="session")
def is_ready():
    """``is_ready(table)``: whether every cell is text, without a number nobody formatted, and headings differ."""

    def ready(table):
        cells = [cell for column in table for cell in table[column]]
        told = all(isinstance(cell, str) and not re.search(r"\bnan\b|NaT|<NA>", cell) for cell in cells)
        return told and table.columns.is_unique and len(table) > 0

    return ready
