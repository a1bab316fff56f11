"""Separation is answered by Firth's logit: by hand, against refits of its own, and what is said of it."""

import numpy as np
import pandas as pd
import pytest

from se_outcomes.errors import EstimationError
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.regression.firth_logit import fit_firth_logit
from se_outcomes.study.placement import estimate_placement
from se_outcomes.study.referral import estimate_referral

AGES = ["18-19", "20-24", "25-29", "30+"]


def notices(result, key):
    return [notice for notice in result.warnings if notice.key == key]


def rows_of(result, contrast, adjustment="crude"):
    found = result.estimates.query("contrast == @contrast and adjustment == @adjustment")
    return found.set_index("measure")


def never(frame, level):
    """The frame with nobody referred who meets the condition."""
    frame.loc[level, ["referred", "accepted"]] = [False, pd.NA]
    return frame


def jackknifed(frame, columns, told):
    """What ``told`` tells of Firth's fit of referral on the columns (n, k), and its office jackknife."""
    offices = frame["office_id"].str[6:].astype(int).to_numpy()
    y = frame["referred"].astype(float).to_numpy()

    def fit(keep):
        return fit_firth_logit(y[keep], columns[keep], clusters=offices[keep], intercepts=offices[keep])

    full = fit(np.ones(len(frame), dtype=bool))
    left = [told(fit(offices != office)) for office in np.unique(offices)]
    return full, told(full), np.sqrt(np.diag(jackknife_covariance(told(full), left)))


def shares(fit, columns):
    """Mean predicted shares with the columns as given, intercepts estimated anew (FLIC)."""
    anew = fit.predicting
    eta = columns @ anew.beta + anew.intercept_values[anew.cells.group]
    return np.average(1 / (1 + np.exp(-eta)), weights=fit.cells.counts)


# by hand


def test_an_empty_cell_of_a_two_by_two_table(expand, make_cases):
    """Two offices alike, without office effects: half a case is added to every cell of the pooled table."""
    rows = []
    for office in ("a", "b"):
        rows += [(office, True, 5.0, False, False, 5)]
        rows += [(office, False, 5.0, True, False, 4), (office, False, 5.0, False, False, 6)]
    frame = expand(rows, ["office_id", "born_abroad", "motivation", "referred", "placed"])
    frame["accepted"] = pd.array([pd.NA] * len(frame), "boolean")
    result = estimate_referral(make_cases(frame), exposure="born_abroad", office_effects=False)
    found = rows_of(result, "true_vs_false")
    assert (found["estimator"] == "firth").all()
    assert found.loc["log_odds", "estimate"] == pytest.approx(np.log((0.5 * 12.5) / (10.5 * 8.5)), abs=1e-8)


# by refits of its own


def test_an_exposures_level_that_separates(make_frame, make_cases):
    frame = never(made := make_frame(), made["age_group"] == "30+")
    result = estimate_referral(make_cases(frame), exposure="age_group", adjust_for=())
    X = np.column_stack([frame["age_group"] == age for age in AGES[1:]]).astype(float)

    def told(fit):
        held = [fit.cells.X * 0 + np.eye(4)[level, 1:] for level in range(4)]
        share = np.array([shares(fit, columns) for columns in held])
        return np.r_[fit.beta, share[1:] - share[0], np.log(share[1:] / share[0])]

    fit, value, error = jackknifed(frame, X, told)
    assert (result.estimates["estimator"] == "firth").all()
    assert (result.estimates["std_error_kind"] == "CV3").all()
    for column, age in enumerate(AGES[1:]):
        rows = rows_of(result, f"{age}_vs_18-19")
        for place, measure in ((column, "log_odds"), (3 + column, "ame")):
            assert rows.loc[measure, "estimate"] == pytest.approx(value[place], abs=1e-6)
            assert rows.loc[measure, "std_error"] == pytest.approx(error[place], rel=1e-4)
        ratio = np.exp(value[6 + column])
        assert rows.loc["risk_ratio", "estimate"] == pytest.approx(ratio, rel=1e-5)
        assert rows.loc["risk_ratio", "std_error"] == pytest.approx(ratio * error[6 + column], rel=1e-4)
        assert rows.loc["log_odds", "p_value"] == pytest.approx(
            score_bootstrap(fit, column).p_value, abs=1e-4
        )
    (said,) = notices(result, "penalised")
    assert "age_group = 30+" in said
    assert said.parts["columns"] == "age_group"
    assert "Firth's, penalised" in result.method


def test_a_covariates_level_that_separates(make_frame, make_cases):
    frame = never(made := make_frame(), made["age_group"] == "30+")
    result = estimate_referral(make_cases(frame), adjust_for=("age_group",))
    scaled = (frame["motivation"] - frame["motivation"].mean()) / frame["motivation"].std()
    X = np.column_stack([scaled, *(frame["age_group"] == age for age in AGES[1:])]).astype(float)

    def told(fit):
        anew = fit.predicting
        p = 1 / (1 + np.exp(-(fit.cells.X @ anew.beta + anew.intercept_values[anew.cells.group])))
        return np.r_[fit.beta[0], np.average(p * (1 - p), weights=fit.cells.counts) * fit.beta[0]]

    fit, value, error = jackknifed(frame, X, told)
    rows = rows_of(result, "per_sd", "adjusted")
    assert set(rows["estimator"]) == {"firth"}
    for place, measure in enumerate(("log_odds", "ame")):
        assert rows.loc[measure, "estimate"] == pytest.approx(value[place], abs=1e-6)
        assert rows.loc[measure, "std_error"] == pytest.approx(error[place], rel=1e-4)
    assert rows.loc["ame", "p_value"] == pytest.approx(score_bootstrap(fit, 0).p_value, abs=1e-4)
    # the crude model has nothing that separates, and stays as it was
    crude = estimate_referral(make_cases(frame), adjust_for=())
    pd.testing.assert_frame_equal(
        rows_of(result, "per_sd"), rows_of(crude, "per_sd"), check_exact=False, rtol=1e-8
    )
    assert set(rows_of(result, "per_sd")["estimator"]) == {"ml"}
    assert all("age_group = 30+" in said for said in notices(result, "penalised"))
    assert notices(result, "penalised")
    assert result.linearity is not None


def test_a_quarter_that_separates_is_kept_and_so_is_the_slope(make_frame, make_cases):
    frame = make_frame()
    frame.loc[frame["motivation"] >= 7, "referred"] = True
    result = estimate_referral(make_cases(frame), adjust_for=())
    estimator = result.estimates.groupby("contrast")["estimator"].unique().map(list).to_dict()
    assert estimator == {"per_sd": ["ml"], "top_vs_bottom": ["firth"]}
    top = rows_of(result, "top_vs_bottom")
    assert np.isfinite(top[["estimate", "std_error", "conf_low", "conf_high"]]).all(axis=None)
    (said,) = notices(result, "penalised")
    assert "motivation = q4" in said
    share = result.groups.set_index("group").loc["q4"]
    assert share["n_passed"] == share["n"]
    assert 0.98 < share["estimate"] < 1


def test_replicates_that_separate_make_all_of_them_penalised(make_frame, make_cases):
    """Outside office 0 nobody born abroad is referred: without it the coefficient would be infinite."""
    made = make_frame()
    frame = never(made, made["born_abroad"].astype(bool) & (made["office_id"] != "office0"))
    result = estimate_referral(make_cases(frame), exposure="born_abroad", adjust_for=())
    fit, value, error = jackknifed(frame, frame[["born_abroad"]].to_numpy(float), lambda fit: fit.beta.copy())
    row = rows_of(result, "true_vs_false").loc["log_odds"]
    assert (row["estimator"], row["std_error_kind"]) == ("firth", "CV3")
    assert row["estimate"] == pytest.approx(value[0], abs=1e-7)
    assert row["std_error"] == pytest.approx(error[0], rel=1e-5)
    assert row["p_value"] == pytest.approx(score_bootstrap(fit, 0).p_value, abs=1e-4)
    (said,) = notices(result, "penalised_replicates")
    assert "1 of 6 offices (separation)" in said
    assert not notices(result, "penalised")
    assert not notices(result, "linear_jackknife")


# by property


def test_one_more_case_that_ends_the_separation_changes_little_but_the_estimator(make_frame, make_cases):
    """Firth's and the ordinary logit are near where both exist; the switch is no jump of the other contrasts."""
    frame = never(made := make_frame(), made["age_group"] == "30+")
    penalised = estimate_referral(make_cases(frame), adjust_for=("age_group",))
    ended = frame.copy()
    for office in sorted(ended["office_id"].unique()):
        ended.loc[
            ended.index[(ended["age_group"] == "30+") & (ended["office_id"] == office)][:2], "referred"
        ] = True
    ordinary = estimate_referral(make_cases(ended), adjust_for=("age_group",))
    one, two = (rows_of(result, "per_sd", "adjusted") for result in (penalised, ordinary))
    assert (set(one["estimator"]), set(two["estimator"])) == ({"firth"}, {"ml"})
    assert (np.abs(one["estimate"] - two["estimate"]) < 2 * two["std_error"]).all()


def test_nothing_is_said_where_nothing_separates(cases):
    for result in (
        estimate_referral(cases, adjust_for=("age_group",)),
        estimate_placement(cases, adjust_for=()),
    ):
        assert set(result.estimates["estimator"]) == {"ml"}
        assert not notices(result, "penalised")
        assert not notices(result, "penalised_replicates")
        assert "Firth" not in result.method


# by refusal


def test_a_refusal_names_columns_and_no_level(make_frame, make_cases):
    """A level that hardly anyone has says something of those who have it: the notice is for the analyst."""
    frame = make_frame()
    frame["education_level"] = frame["age_group"].map(dict(zip(AGES, "1234", strict=True)))
    with pytest.raises(EstimationError) as refusal:
        estimate_referral(make_cases(frame), adjust_for=("age_group", "education_level"))
    assert refusal.value.reason == "collinearity"
    assert "education_level" in str(refusal.value)
    assert not any(f"= {level}" in str(refusal.value) for level in (*AGES, *"1234"))
