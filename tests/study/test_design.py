"""From a tally to arrays: dummies, order of levels, scale of numbers."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.study.design import (
    as_text,
    covariate_term,
    design_arrays,
    dummies,
    fit_design,
    is_numeric,
    ordered_levels,
)


def tally():
    return pd.DataFrame(
        {
            "office_id": pd.array(["b", "b", "a", "a"], "str"),
            "group": pd.array(["y", "x", "x", "z"], "str"),
            "flag": pd.array([True, False, None, True], "boolean"),
            "months": pd.array([0, 10, 20, 10], "Int64"),
            "event": [1.0, 0.0, 1.0, 0.0],
            "n": [3, 1, 1, 3],
        }
    )


def test_dummies_by_hand():
    term = dummies("group", tally()["group"], ("x", "y", "z"))
    np.testing.assert_array_equal(term.columns, [[1, 0], [0, 0], [0, 0], [0, 1]])


def test_booleans_are_levels_not_numbers():
    assert not is_numeric(tally()["flag"])
    assert is_numeric(tally()["months"])
    assert as_text(tally()["flag"]).tolist()[:2] == ["true", "false"]
    assert as_text(tally()["flag"]).isna().tolist() == [False, False, True, False]
    assert ordered_levels("flag", tally()["flag"]) == ("false", "true")


def test_levels_are_in_the_order_of_the_code_list():
    values = pd.Series(["30+", "18-19", "25-29"], dtype="str")
    assert ordered_levels("age_group", values) == ("18-19", "25-29", "30+")
    assert ordered_levels("another", pd.Series(["b", "a"], dtype="str")) == ("a", "b")


def test_numbers_are_centred_by_cases_not_by_cells():
    term = covariate_term("months", tally()["months"], np.array([3.0, 1, 1, 3]))
    weights = np.array([3.0, 1, 1, 3])
    assert weights @ term.columns[:, 0] == pytest.approx(0)
    assert weights @ term.columns[:, 0] ** 2 / weights.sum() == pytest.approx(1)


def test_arrays_hold_the_exposure_first_and_a_constant_only_without_office_effects():
    used = tally()
    exposure = dummies("group", used["group"], ("x", "y", "z"))
    within = design_arrays(used, exposure, ["months"], office_effects=True)
    across = design_arrays(used, exposure, ["months"], office_effects=False)
    assert within.names == ("group", "group", "months")
    assert across.names == ("group", "group", "months", "constant")
    assert within.offices.tolist() == [1, 1, 0, 0]
    assert within.n_exposure == 2
    assert across.X.shape == (4, 4)


def test_the_fit_of_a_design_is_of_cases():
    used = tally().assign(n=[30, 10, 20, 30], group=pd.array(["x", "x", "y", "y"], "str"))
    design = design_arrays(used, dummies("group", used["group"], ("x", "y")), [], office_effects=False)
    fit = fit_design(design)
    assert fit.n_cases == 90
    assert fit.beta[0] == pytest.approx(np.log((20 / 30) / (30 / 10)))
