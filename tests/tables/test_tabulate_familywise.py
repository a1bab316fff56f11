"""The table of tests adjusted for their number, by hand."""

from dataclasses import replace

import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES


@pytest.fixture(scope="module")
def found(passages):
    return so.estimate_familywise(passages)


def test_rows_by_hand(found):
    doctored = found.estimates.assign(p_value=[0.011, 0.0522, 1e-5], adjusted_p_value=[0.013, 0.0522, np.nan])
    table = so.tabulate_familywise(replace(found, estimates=doctored))
    assert table.to_numpy().tolist() == [
        ["Referral, of the eligible", "p = 0.011", "p = 0.013"],
        ["Acceptance, of those referred", "p = 0.052", "p = 0.052"],
        ["Work, of those accepted", "p < 0.001", ":"],
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_each_language(found, is_ready, language):
    assert is_ready(so.tabulate_familywise(found, language=language))
