"""Several gates together: against the method on fits of its own, by property, by refusal."""

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.errors import EstimationError
from se_outcomes.inference.multiple_testing import romano_wolf, westfall_young
from se_outcomes.inference.score_bootstrap import score_hypothesis
from se_outcomes.regression.logit import fit_logit
from se_outcomes.results import TIDY_COLUMNS, Result
from se_outcomes.study.acceptance import estimate_acceptance
from se_outcomes.study.familywise import estimate_familywise
from se_outcomes.study.placement import estimate_placement
from se_outcomes.study.referral import estimate_referral


@pytest.fixture(scope="module")
def frame():
    random = np.random.default_rng(3)
    n, office = 1200, random.integers(0, 5, 1200)
    motivation, shift = random.integers(0, 11, n).astype(float), random.normal(0, 0.4, 5)[office]

    def passes(slope, constant):
        own = slope + random.normal(0, 0.05, 5)[office]
        return random.random(n) < 1 / (1 + np.exp(-(own * (motivation - 5) + constant + shift)))

    referred = passes(0.2, 0.5)
    accepted = pd.array(passes(0.12, 0.3), "boolean")
    accepted[~referred] = pd.NA
    return pd.DataFrame(
        {
            "office_id": [f"office{code}" for code in office],
            "motivation": motivation,
            "referred": pd.array(referred, "boolean"),
            "accepted": accepted,
            "placed": pd.array(passes(0.03, -0.5), "boolean"),
            "sex": random.choice(["female", "male"], n),
        }
    )


@pytest.fixture
def results(frame, make_cases):
    cases = make_cases(frame)
    return [ask(cases, adjust_for=()) for ask in (estimate_referral, estimate_acceptance, estimate_placement)]


# by reference


@pytest.mark.parametrize(
    ("method", "own"), [("romano_wolf", romano_wolf), ("westfall_young", westfall_young)]
)
def test_as_the_method_on_fits_case_by_case(method, own, frame, results):
    scaled = ((frame["motivation"] - frame["motivation"].mean()) / frame["motivation"].std()).to_numpy()
    offices = frame["office_id"].str[6:].astype(int).to_numpy()
    gates = (
        ("referred", np.ones(len(frame), dtype=bool)),
        ("accepted", frame["referred"].to_numpy(bool)),
        ("placed", frame["accepted"].fillna(False).to_numpy(bool)),
    )
    hypotheses = []
    for outcome, at_risk in gates:
        y, codes = frame.loc[at_risk, outcome].astype(float).to_numpy(), offices[at_risk]
        fit = fit_logit(y, scaled[at_risk][:, None], clusters=codes, intercepts=codes)
        hypotheses.append(score_hypothesis(fit.refit(restrict={0: 0.0}), [0]))
    observed = [one.tested[0].verdicts.statistic for one in results]
    expected = own(hypotheses, observed=observed)
    found = estimate_familywise(results, method=method).tidy()
    np.testing.assert_allclose(found["adjusted_p_value"], expected.adjusted, atol=1e-12)
    np.testing.assert_allclose(found["p_value"], expected.p_values, atol=1e-12)
    np.testing.assert_allclose(found["statistic"], expected.statistics, rtol=1e-9)


def test_rows_are_those_of_the_questions(results):
    found = estimate_familywise(results).tidy()
    assert found["question"].tolist() == ["referral", "acceptance", "placement"]
    assert found["at_risk"].tolist() == ["eligible", "referred", "accepted"]
    for row, result in zip(found.itertuples(), results, strict=True):
        own = result.estimates.query("contrast == 'per_sd' and measure == 'log_odds'").iloc[0]
        for name in ("estimate", "std_error", "conf_low", "conf_high", "p_value", "n_offices"):
            assert getattr(row, name) == pytest.approx(own[name], abs=1e-12)
        assert row.statistic == pytest.approx(abs(own["estimate"]) / own["cv1_std_error"])


def test_the_last_model_is_taken(frame, make_cases):
    result = estimate_referral(make_cases(frame), adjust_for=("sex",))
    found = estimate_familywise([result]).tidy().iloc[0]
    own = result.estimates.query("contrast == 'per_sd' and measure == 'log_odds'").set_index("adjustment")
    assert found["adjustment"] == "adjusted"
    assert found["estimate"] == own.loc["adjusted", "estimate"] != own.loc["crude", "estimate"]


# by property


@pytest.mark.parametrize("method", ["romano_wolf", "westfall_young"])
def test_adjusted_are_not_smaller_and_keep_the_order(method, results):
    result = estimate_familywise(results, method=method)
    found = result.tidy()
    assert (found["adjusted_p_value"] >= found["p_value"]).all()
    assert (found["adjusted_p_value"] > found["p_value"]).any()
    by = {"romano_wolf": -found["statistic"], "westfall_young": found["p_value"]}[method]
    assert found["adjusted_p_value"].iloc[np.argsort(by, kind="stable")].is_monotonic_increasing
    assert (found["adjusted_p_value"] >= result.smallest_possible).all()
    # never more than Bonferroni would take, but for the grid
    assert (found["adjusted_p_value"] <= 3 * found["p_value"] + 2 * result.smallest_possible).all()


@pytest.mark.parametrize("method", ["romano_wolf", "westfall_young"])
def test_one_question_has_nothing_to_adjust_for(method, results):
    for result in results:
        found = estimate_familywise([result], method=method).tidy().iloc[0]
        assert found["adjusted_p_value"] == pytest.approx(found["p_value"], abs=1e-12)
        own = result.estimates.query("contrast == 'per_sd'")["p_value"].iloc[0]
        assert found["p_value"] == pytest.approx(own, abs=1e-12)


def test_order_of_the_questions_and_repetition_change_nothing(results):
    one = estimate_familywise(results).tidy().set_index("question")
    again = estimate_familywise(results).tidy().set_index("question")
    other = estimate_familywise(results[::-1]).tidy().set_index("question")
    pd.testing.assert_frame_equal(one, again, check_exact=True)
    pd.testing.assert_frame_equal(one, other.loc[one.index])


def test_more_questions_make_no_p_value_smaller(results):
    two = estimate_familywise(results[:2]).tidy()["adjusted_p_value"]
    three = estimate_familywise(results).tidy()["adjusted_p_value"].iloc[:2]
    assert (three >= two - 1e-12).all()


def test_a_question_that_lacks_an_office_is_joined_by_office(frame, make_cases):
    """Without variation in acceptance office 0 leaves that question alone; others' p-values stay as they were."""
    lacking = frame.copy()
    gone = (lacking["office_id"] == "office0") & lacking["accepted"].notna()
    lacking.loc[gone, "accepted"] = True
    cases = make_cases(lacking)
    asked = [estimate_referral(cases, adjust_for=()), estimate_acceptance(cases, adjust_for=())]
    found = estimate_familywise(asked)
    assert found.tidy()["n_offices"].tolist() == [5, 4]
    assert found.glance()["n_offices"] == 5
    own = asked[0].estimates.query("contrast == 'per_sd'")["p_value"].iloc[0]
    assert found.tidy()["p_value"].iloc[0] == pytest.approx(own, abs=1e-12)
    np.testing.assert_array_equal(asked[1].tested[0].verdicts.hypothesis.clusters, [1, 2, 3, 4])


def test_a_result_like_every_other(results):
    result = estimate_familywise(results)
    assert isinstance(result, Result)
    assert list(result.tidy().columns[:7]) == list(TIDY_COLUMNS)
    assert result.question == "familywise"
    assert result.glance() == {
        "n_questions": 3,
        "n_offices": 5,
        "n_draws": 7776,
        "enumerated": True,
        "smallest_possible": 1 / 3888,
    }
    assert result.summary() == repr(result)
    for word in ("Romano and Wolf", "7,776 draws", "acceptance", "adjusted p"):
        assert word in result.summary()
    tidy = result.tidy()
    tidy.loc[:, "estimate"] = 0
    assert (result.tidy()["estimate"] != 0).all()
    assert not result.warnings
    assert "Westfall and Young" in estimate_familywise(results, method="westfall_young").method


def test_two_offices_can_find_nothing_and_that_is_said(frame, make_cases):
    two = frame.loc[frame["office_id"].isin(["office0", "office1"])]
    result = estimate_familywise([estimate_referral(make_cases(two), adjust_for=())])
    assert [notice.key for notice in result.warnings] == ["familywise_too_few_offices"]
    assert result.smallest_possible == pytest.approx(1 / 18)
    assert result.warnings[0] in result.summary()


def test_other_contrasts_of_other_exposures(frame, make_cases):
    cases = make_cases(frame)
    asked = [ask(cases, exposure="sex", adjust_for=()) for ask in (estimate_referral, estimate_acceptance)]
    found = estimate_familywise(asked, contrast="male_vs_female").tidy()
    assert found["term"].tolist() == ["sex", "sex"]
    assert found["contrast"].tolist() == ["male_vs_female"] * 2


def test_it_is_in_the_package():
    assert so.estimate_familywise is estimate_familywise


# by refusal


def test_a_contrast_that_a_question_lacks(frame, results, make_cases):
    other = estimate_acceptance(make_cases(frame), exposure="sex", adjust_for=())
    with pytest.raises(
        EstimationError, match="accepted has no score bootstrap of the contrast per_sd"
    ) as refused:
        estimate_familywise([results[0], other])
    assert refused.value.reason == "not_identified"


def test_wrong_words(results):
    with pytest.raises(ValueError, match="romano_wolf, westfall_young"):
        estimate_familywise(results, method="bonferroni")
    with pytest.raises(ValueError, match="at least one question"):
        estimate_familywise([])
