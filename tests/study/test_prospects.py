"""Predictions that have not seen the case: against fits made one by one, dealt cases, names, and refusals."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import se_outcomes as so
from se_outcomes.errors import EstimationError
from se_outcomes.regression.logit import fit_logit
from se_outcomes.study.cross_fitting import (
    deal_cases,
    deal_offices,
    independent_columns,
    one_step,
)
from se_outcomes.study.prospects import estimate_prospects
from se_outcomes.study.prospects_sample import refuse_unknown_outcomes

#: Two iterative fits of the same likelihood, each stopped by its own rule.
CLOSE = 1e-7
LEARNED = {
    "chance": (lambda p: np.ones(len(p.counts), dtype=bool), lambda p: p.accepted),
    "referral_chance": (lambda p: np.ones(len(p.counts), dtype=bool), lambda p: p.referred),
    "without_se": (lambda p: (p.accepted == 0) & ~np.isnan(p.placed), lambda p: p.placed),
    "with_se": (lambda p: (p.accepted == 1) & ~np.isnan(p.placed), lambda p: p.placed),
}


def predicted_by_glm(p, name, train, rows, *, office_effects):
    """statsmodels' logit of one outcome on the cells ``train``, predicted for the cells ``rows``."""
    seen, y = LEARNED[name][0](p) & train, LEARNED[name][1](p)
    X = np.column_stack([p.X, np.ones(len(p.X))])
    if office_effects:
        X = np.column_stack([p.X, p.offices[:, None] == np.arange(p.n_offices)]).astype(float)
    used = X[seen].any(axis=0)
    model = sm.GLM(y[seen], X[seen][:, used], sm.families.Binomial(), freq_weights=p.counts[seen])
    return model.fit(tol=1e-14, maxiter=200).predict(X[rows][:, used])


@pytest.fixture(scope="module")
def across(cases):
    return estimate_prospects(cases, adjust_for=("age_group", "months_worked_prev_24m"), replicated=True)


@pytest.fixture(scope="module")
def within(cases):
    return estimate_prospects(
        cases, adjust_for=("sex", "months_worked_prev_24m"), cross_fit="within", replicated=True
    )


@pytest.mark.parametrize("name", LEARNED)
def test_an_office_is_predicted_by_a_fit_to_the_others(across, name):
    for office in range(across.n_offices):
        rows = across.offices == office
        found = predicted_by_glm(across, name, ~rows, rows, office_effects=False)
        assert getattr(across, name)[rows] == pytest.approx(found, abs=CLOSE)


@pytest.mark.parametrize("name", LEARNED)
def test_a_replicate_leaves_the_office_out_of_every_fit(across, name):
    left, office = across.without(2), 4
    rows = across.offices == office
    train = ~rows & (across.offices != 2)
    found = predicted_by_glm(across, name, train, rows, office_effects=False)
    assert getattr(left, name)[left.offices == office] == pytest.approx(found, abs=CLOSE)
    assert left.n_cases == across.n_cases - across.counts[across.offices == 2].sum()
    assert not np.isnan(getattr(left, name)).any()


@pytest.mark.parametrize("name", ["chance", "without_se"])
def test_within_offices_a_part_is_predicted_by_the_other_parts(within, name):
    for part in range(5):
        rows = within.folds == part
        found = predicted_by_glm(within, name, ~rows, rows, office_effects=True)
        assert getattr(within, name)[rows] == pytest.approx(found, abs=CLOSE)


def test_a_replicate_within_offices(within):
    left = within.without(1)
    rows = (within.folds == 3) & (within.offices != 1)
    train = (within.folds != 3) & (within.offices != 1)
    found = predicted_by_glm(within, "without_se", train, rows, office_effects=True)
    assert left.without_se[left.folds == 3] == pytest.approx(found, abs=CLOSE)


def test_every_case_is_dealt_once_and_evenly(cases, within):
    whole = cases.tally(["gate_state"])
    assert within.n_cases == whole["n"].sum()
    keys = pd.DataFrame(
        {"office": within.offices, "accepted": within.accepted, "placed": within.placed, "n": within.counts}
    )
    parts = keys.assign(part=within.folds).groupby(["office", "accepted", "placed", "part"])["n"].sum()
    by_part = parts.unstack(fill_value=0.0)
    assert (by_part.max(axis=1) - by_part.min(axis=1)).max() <= 1


def test_cards_are_dealt_in_the_order_of_the_cells():
    counts, strata = np.array([7.0, 2.0, 4.0, 1.0]), np.array([1, 0, 1, 0])
    cell, fold, count = deal_cases(counts, strata)
    dealt = pd.DataFrame({"cell": cell, "fold": fold, "n": count}).groupby(["cell", "fold"])["n"].sum()
    assert dealt.groupby("cell").sum().tolist() == counts.tolist()
    # stratum 1: cards 0-6 of cell 0, then 7-10 of cell 2
    assert dealt[0].to_dict() == {0: 2.0, 1: 2.0, 2: 1.0, 3: 1.0, 4: 1.0}
    assert dealt[2].to_dict() == {2: 1.0, 3: 1.0, 4: 1.0, 0: 1.0}
    assert dealt[1].to_dict() == {0: 1.0, 1: 1.0}
    assert dealt[3].to_dict() == {2: 1.0}


@pytest.mark.parametrize("cross_fit", ["across", "within"])
def test_the_order_of_rows_and_names_of_offices_change_nothing(make_frame, make_cases, cross_fit):
    frame = make_frame(600, 4, 3)
    asked = estimate_prospects(make_cases(frame.copy()), adjust_for=("sex",), cross_fit=cross_fit)
    turned = frame.sample(frac=1, random_state=1)
    turned["office_id"] = "z" + (9 - turned["office_id"].str[6:].astype(int)).astype(str)
    other = estimate_prospects(make_cases(turned), adjust_for=("sex",), cross_fit=cross_fit)

    def told(p, name):
        keys = [p.offices if p is asked else p.n_offices - 1 - p.offices, p.folds, p.X[:, 0], p.X[:, 1]]
        order = np.lexsort([getattr(p, name), *keys, p.status])
        return getattr(p, name)[order]

    for name in LEARNED:
        assert told(asked, name) == pytest.approx(told(other, name), abs=1e-11)


def test_who_is_in_and_who_is_not(make_cases, expand):
    columns = ["office_id", "motivation", "referred", "accepted", "placed"]
    table = [
        (office, motivation, *passage, 3)
        for office in "abc"
        for motivation in (2.0, 5.0, 8.0)
        for passage in [
            (False, None, False),
            (False, None, True),
            (True, False, False),
            (True, False, True),
            (True, True, False),
            (True, True, True),
            (True, None, False),
            (True, True, None),
        ]
    ]
    table += [("a", 5.0, None, None, True, 4), ("b", None, True, True, True, 2)]
    found = estimate_prospects(make_cases(expand(table, columns)))
    assert found.exclusions.set_index("reason")["n"].to_dict() == {
        "referral_unknown": 4,
        "exposure_missing": 2,
    }
    by_status = pd.Series(found.counts).groupby(found.status).sum()
    # the undecided are referred and not accepted; those without an outcome stay
    assert by_status.to_dict() == {"not_referred": 54, "not_accepted": 81, "accepted": 81}
    assert found.counts[np.isnan(found.placed)].sum() == 27
    for name in LEARNED:
        assert not np.isnan(getattr(found, name)).any()


def test_cases_without_an_outcome_teach_nothing(make_frame, make_cases):
    frame = make_frame(800, 4, 5)
    frame.loc[::7, "placed"] = pd.NA
    found = estimate_prospects(make_cases(frame.copy()))
    known = estimate_prospects(make_cases(frame.dropna(subset="placed").copy()))

    def by_value(p):
        keys = pd.DataFrame({"office": p.offices, "x": p.cells["motivation"].to_numpy(), "m": p.with_se})
        return keys.groupby(["office", "x"])["m"].first()

    assert (by_value(found) - by_value(known)).abs().max() == pytest.approx(0, abs=1e-9)
    assert found.n_cases == 800


def test_merged_gates_have_no_referral():
    found = estimate_prospects(so.simulate_cases(800, seed=1, gates="merged").cases)
    assert set(found.status) == {"not_accepted", "accepted"}
    assert np.isnan(found.referral_chance).all()
    assert (found.referred == found.accepted).all()


def test_outcomes_of_the_accepted_teach_nothing_without_se():
    found = estimate_prospects(so.simulate_cases(800, seed=1, outcome_observed="accepted").cases)
    assert np.isnan(found.without_se).all()
    assert not np.isnan(found.with_se).any()
    assert np.isnan(found.placed[found.accepted == 0]).all()


def test_a_column_given_twice_changes_no_prediction(make_frame, make_cases):
    frame = make_frame(600, 4, 2)
    frame["education_level"] = frame["sex"].map({"female": "2", "male": "3"})
    cases = make_cases(frame)
    once = estimate_prospects(cases, adjust_for=("sex",))
    twice = estimate_prospects(cases, adjust_for=("sex", "education_level"))
    for name in LEARNED:
        assert getattr(twice, name) == pytest.approx(getattr(once, name), abs=1e-8)


def test_a_column_that_varies_only_where_the_outcome_does_not_is_left_aside(make_frame, make_cases):
    """With an intercept of its own, an office where all fare alike says nothing of a slope."""
    frame = make_frame(600, 4, 2)
    alone = frame["office_id"] == "office3"
    frame.loc[alone & ~frame["accepted"].fillna(False), "placed"] = False
    frame.loc[~alone, "sex"] = "female"
    found = estimate_prospects(
        make_cases(frame), adjust_for=("age_group", "sex"), cross_fit="within", replicated=True
    )
    of_sex = {part.slopes[-1] for part in found._fits["without_se"].parts.values()}
    assert of_sex == {0.0}
    assert all(part.slopes[-2] != 0 for part in found._fits["without_se"].parts.values())
    assert np.isfinite(found.without_se).all()


def test_independent_columns_span_the_same():
    random = np.random.default_rng(0)
    groups, counts = random.integers(0, 3, 40), random.integers(1, 5, 40).astype(float)
    a, b = random.normal(size=(2, 40))
    X = np.column_stack([a, 2 * a - 3, b, a + b, groups == 1]).astype(float)
    assert independent_columns(X, counts, groups).tolist() == [True, False, True, False, False]
    assert independent_columns(np.column_stack([X, np.ones(40)]), counts, None).tolist() == [
        True,
        False,
        True,
        False,
        True,
        True,
    ]


def test_separation_makes_every_part_firths(make_frame, make_cases):
    frame = make_frame(600, 4, 2)
    frame.loc[frame["age_group"] == "30+", "placed"] = True
    found = estimate_prospects(make_cases(frame), adjust_for=("age_group",), replicated=True)
    assert found.estimators["without_se"] == "firth"
    assert found.estimators["chance"] == "ml"
    assert [notice.key for notice in found.warnings] == ["prospects_penalised"] * 2
    assert (found.without_se < 1).all()
    # Firth with the intercept anew (FLIC): the mean prediction of those learned from is what was observed
    fit = found._fits["without_se"]
    train = (found.accepted == 0) & (found.offices != 0)
    part = fit.parts[0, -1].predict(found.X[train], found.offices[train])
    assert np.average(part, weights=found.counts[train]) == pytest.approx(
        np.average(found.placed[train], weights=found.counts[train]), abs=1e-9
    )


def test_an_office_without_variation_takes_the_intercept_of_all(make_frame, make_cases):
    frame = make_frame(900, 4, 6)
    flat = (frame["office_id"] == "office3") & ~frame["accepted"].fillna(False)
    frame.loc[flat, "placed"] = False
    found = estimate_prospects(make_cases(frame), cross_fit="within")
    assert [notice.key for notice in found.warnings] == ["prospects_borrowed"]
    fit = found._fits["without_se"]
    assert fit.parts[2, -1].borrowed.tolist() == [False, False, False, True]
    part, train = fit.parts[2, -1], (found.accepted == 0) & (found.folds != 2)
    together = found.X[train] @ part.slopes + part.intercepts[3]
    assert np.average(1 / (1 + np.exp(-together)), weights=found.counts[train]) == pytest.approx(
        np.average(found.placed[train], weights=found.counts[train]), abs=1e-9
    )


def test_many_offices_are_dealt_into_twenty_groups_by_size():
    random = np.random.default_rng(0)
    offices = np.repeat(np.arange(50), 10)
    counts = random.integers(1, 40, 500).astype(float)
    traits = random.normal(size=(500, 2))
    folds = deal_offices(counts, offices, traits)
    size = np.bincount(offices, counts)
    assert len(set(folds)) == 20
    largest = np.argsort(-size, kind="stable")[:20]
    assert sorted(folds[offices == office][0] for office in largest) == list(range(20))
    renamed = random.permutation(50)
    assert (deal_offices(counts, renamed[offices], traits) == folds).all()
    assert (deal_offices(counts[:300], offices[:300], traits[:300]) == offices[:300]).all()


def test_one_step_is_what_the_fit_gives_one_by_one():
    random = np.random.default_rng(1)
    X = np.column_stack([random.normal(size=(300, 2)), np.ones(300)])
    y, clusters = (random.random(300) < 0.3).astype(float), random.integers(0, 40, 300)
    fit = fit_logit(y, X, clusters=clusters)
    found = one_step(fit)
    for office in (0, 7, 39):
        assert found[office] == pytest.approx(fit.approximate(without=office).beta, abs=1e-12)


@pytest.mark.parametrize("cross_fit", ["across", "within"])
def test_replicates_of_many_offices_are_near_the_refit(cross_fit):
    """To first order: what is left of the change from leaving an office out is small against the change."""
    cases = so.simulate_cases(3000, n_offices=34, seed=2).cases
    found = estimate_prospects(cases, cross_fit=cross_fit, wanted=("chance",), replicated=True)
    largest = int(np.argmax(np.bincount(found.offices, found.counts)))
    left = found.without(largest)
    keep = found.offices != largest
    fold = found._fits["chance"].problem.folds[keep]
    part = fold == fold[0]
    train = keep & (found._fits["chance"].problem.folds != fold[0])
    rows = np.flatnonzero(keep)[part]
    if cross_fit == "across":
        refitted = predicted_by_glm(found, "chance", train, rows, office_effects=False)
    else:
        borrowed = found._fits["chance"].parts[fold[0], largest].borrowed[found.offices[rows]]
        rows, part = rows[~borrowed], np.flatnonzero(part)[~borrowed]
        flat = np.isin(found.offices, np.flatnonzero(found._fits["chance"].parts[fold[0], largest].borrowed))
        refitted = predicted_by_glm(found, "chance", train & ~flat, rows, office_effects=True)
    change = np.abs(refitted - found.chance[rows]).max()
    assert np.abs(left.chance[part] - refitted).max() < 0.2 * change


def test_levels_as_exposure(cases):
    found = estimate_prospects(cases, exposure="age_group", adjust_for=("sex",))
    assert found.names == (
        ("age_group", "20-24"),
        ("age_group", "25-29"),
        ("age_group", "30+"),
        ("sex", "male"),
    )
    assert set(found.group) == {"18-19", "20-24", "25-29", "30+"}


def test_refusals(make_frame, make_cases, cases):
    frame = make_frame(400, 3, 1)
    with pytest.raises(ValueError, match="cross_fit"):
        estimate_prospects(cases, cross_fit="by office")
    with pytest.raises(ValueError, match="outcome_observed"):
        estimate_prospects(cases, outcome_observed="some")
    with pytest.raises(EstimationError, match="Nothing says") as refused:
        estimate_prospects(make_cases(frame.copy(), outcome_observed=None))
    assert refused.value.reason == "outcome_observed_unknown"
    with pytest.raises(EstimationError) as refused:
        estimate_prospects(make_cases(frame.copy(), outcome_observed="accepted"), outcome_observed="all")
    assert refused.value.reason == "outcome_for_accepted_only"
    with pytest.raises(EstimationError, match="same value") as refused:
        estimate_prospects(make_cases(frame.assign(motivation=5.0)))
    assert refused.value.reason == "exposure_constant"
    refused_all = frame["accepted"].mask(frame["referred"].astype(bool), False)
    with pytest.raises(EstimationError, match="Nobody") as refused:
        estimate_prospects(make_cases(frame.assign(accepted=refused_all)))
    assert refused.value.reason == "no_variation"
    with pytest.raises(EstimationError, match="Placement without SE") as refused:
        estimate_prospects(
            make_cases(frame.assign(placed=frame["accepted"].fillna(False))), wanted=("without_se",)
        )
    assert refused.value.reason == "no_variation"


def test_offices_enough(make_frame, make_cases):
    two = make_cases(make_frame(400, 2, 1))
    with pytest.raises(EstimationError, match=r"There are 2 offices only.* 3 are needed") as refused:
        estimate_prospects(two, replicated=True)
    assert (refused.value.reason, refused.value.details["n_offices"]) == ("one_office", 2)
    assert estimate_prospects(two).n_offices == 2
    assert estimate_prospects(two, cross_fit="within", replicated=True).n_offices == 2
    one = make_cases(make_frame(400, 1, 1))
    for cross_fit in ("across", "within"):
        with pytest.raises(EstimationError, match="There is one office only"):
            estimate_prospects(one, cross_fit=cross_fit)


def test_a_column_of_the_referred_alone_is_refused(make_frame, make_cases):
    frame = make_frame(400, 3, 1)
    frame["motivation"] = frame["motivation"].where(frame["referred"].astype(bool))
    with pytest.raises(EstimationError, match="not_referred") as refused:
        estimate_prospects(make_cases(frame))
    assert refused.value.reason == "column_missing"


@pytest.mark.parametrize("stage", ["not_referred", "refused"])
def test_a_stage_without_any_outcome_is_refused_where_all_were_to_be_observed(make_frame, make_cases, stage):
    frame = make_frame(600, 4, 1)
    referred, accepted = frame["referred"].astype(bool), frame["accepted"].fillna(False).astype(bool)
    stopped = ~referred if stage == "not_referred" else referred & ~accepted
    frame.loc[stopped, "placed"] = pd.NA
    cases = make_cases(frame.copy())
    with pytest.raises(
        EstimationError, match=f'stages \\({stage}\\).*outcome_observed="accepted"'
    ) as refused:
        estimate_prospects(cases)
    assert refused.value.reason == "outcome_for_accepted_only"
    assert refused.value.details["stages"] == (stage,)
    assert estimate_prospects(cases, outcome_observed="accepted").n_cases == 600
    frame.loc[frame.index[stopped][:3], "placed"] = False
    assert estimate_prospects(make_cases(frame)).n_cases == 600  # a few known outcomes are enough to go on


def test_placement_known_for_none_of_the_accepted_is_refused(make_frame, make_cases):
    frame = make_frame(600, 4, 1)
    frame.loc[frame["accepted"].fillna(False).astype(bool), "placed"] = pd.NA
    cases = make_cases(frame)
    for observed in ("all", "accepted"):
        with pytest.raises(EstimationError, match="none of the accepted") as refused:
            estimate_prospects(cases, outcome_observed=observed)
        assert refused.value.reason == "no_cases"


def test_the_undecided_are_a_stage_only_where_nobody_was_refused():
    def tally(states):
        rows = [("used", state, outcome, 5) for state, outcome in states]
        return pd.DataFrame(rows, columns=["level", "gate_state", "outcome_state", "n"])

    known = [("not_referred", "placed"), ("accepted", "not_placed"), ("undecided", "unknown")]
    refuse_unknown_outcomes(tally([*known, ("refused", "placed")]), "all")
    refuse_unknown_outcomes(tally(known), "accepted")
    with pytest.raises(EstimationError, match="undecided"):
        refuse_unknown_outcomes(tally(known), "all")
