"""The population values of prospects, effects and policies against simulation, in this file's own code.

Twenty samples of 100,000 clients; in each, and in all of them together, the study's estimators as they are defined, by
statsmodels on cells. The spread over samples gives the errors of the estimates from all.
"""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit

from se_outcomes.cases.gate_model import GateModel, Offices
from se_outcomes.cases.population import Population, make_grid
from se_outcomes.cases.traits import AGE_GROUP, EDUCATION_LEVEL
from se_outcomes.cases.truth import tell_truth

OFFICES = Offices(
    share=np.array([0.15, 0.35, 0.5]),
    referral=np.array([0.5, -0.3, 0.1]),
    acceptance=np.array([-0.4, 0.5, 0.0]),
    placement=np.array([0.2, 0.0, -0.3]),
)
GROUPS = range(3)
N_SAMPLES, SIZE = 20, 100_000


def draw_cells(rng):
    """Counts by office, points, age group, education, status (0 not referred, 1 not accepted, 2 accepted) and placed;
    and the true means of what is not seen."""
    office = rng.choice(3, SIZE, p=OFFICES.share)
    M, U = rng.normal(size=(2, SIZE))
    lenience = 0.4 * rng.normal(size=SIZE)
    openness = 0.3 * rng.normal(size=SIZE) - 0.1 * (rng.binomial(32, 0.5, SIZE) - 16)
    draws = rng.random((4, SIZE))
    referred = draws[0] < expit(-0.75 + M + 0.6 * U + OFFICES.referral[office] + lenience)
    chance = expit(0.55 + 0.9 * M + 0.6 * U + OFFICES.acceptance[office] + openness)
    accepted = referred & (draws[1] >= 0.03) & (draws[2] < chance)
    base = 0.3 * M + 0.8 * U + OFFICES.placement[office]
    without_se, with_se = expit(base - 1.15), expit(base - 0.55)
    placed = draws[3] < np.where(accepted, with_se, without_se)
    table = pd.DataFrame(
        {
            "office": office,
            "points": np.clip(np.round(5.72 + 2.25 * M), 0, 10),
            "age": np.searchsorted(AGE_GROUP.cuts, 0.1 * M + 0.2 * U + rng.normal(size=SIZE)),
            "education": np.searchsorted(EDUCATION_LEVEL.cuts, 0.1 * M + 0.45 * U + rng.normal(size=SIZE)),
            "referred": referred.astype(float),
            "accepted": accepted.astype(float),
            "placed": placed.astype(float),
        }
    )
    true = causal_values(office, referred, accepted, with_se, without_se)
    return table.groupby(list(table)).size().rename("n").reset_index(), true


def causal_values(office, referred, accepted, with_se, without_se):
    gain = with_se - without_se
    found = {
        ("effect", "within", "all", "effect"): gain.mean(),
        ("effect", "within", "accepted", "effect"): gain[accepted].mean(),
        ("effect", "within", "not_accepted", "effect"): gain[~accepted].mean(),
        ("effect", "within", "open_gate", "share"): with_se.mean(),
        ("effect", "within", "closed_gate", "share"): without_se.mean(),
        ("left_out", "within", "not_referred", "without_se"): without_se[~referred].mean(),
        ("left_out", "within", "not_accepted", "with_se"): with_se[referred & ~accepted].mean(),
        ("left_out", "within", "accepted", "gain"): gain[accepted].mean(),
    }
    everyone = np.ones(len(office), dtype=bool)
    for question, prospects in (("creaming", without_se), ("targeting", gain)):
        for gate, at_risk, passed in (
            ("gate_1", everyone, referred),
            ("gate_2", referred, accepted),
            ("both", everyone, accepted),
        ):
            index = creaming(prospects, office, np.ones(len(office)), at_risk, passed)
            found |= {(question, "within", gate, measure): value for measure, value in index.items()}
    return found


def creaming(prospects, office, n, at_risk, passed):
    points = np.average(prospects, weights=n * passed) - np.average(prospects, weights=n * at_risk)
    within = greatest = 0.0
    for g in GROUPS:
        rows = (office == g) & (n * at_risk > 0)
        weight, own = (n * at_risk)[rows], prospects[rows]
        places = (n * passed)[office == g].sum()
        share = places / (n * passed).sum()
        order = np.argsort(-own)
        taken = np.clip(places - (np.cumsum(weight[order]) - weight[order]), 0, weight[order])
        mean = np.average(own, weights=weight)
        greatest += share * (np.average(own[order], weights=taken) - mean)
        within += share * (np.average(own, weights=(n * passed)[rows]) - mean)
    spread = np.sqrt(np.cov(prospects, fweights=n.astype(int), bias=True))
    return {
        "points": points,
        "sd": points / spread,
        "within": within,
        "between": points - within,
        "greatest": greatest,
        "ratio": within / greatest,
    }


def predict(cells, event, rows, cross_fit):
    """Chances by statsmodels: office dummies, or each office from the two others without them."""
    levels = [(cells[name] == level) for name in ("age", "education") for level in (1, 2, 3)]
    X = np.column_stack([cells["points"], *levels]).astype(float)
    offices = np.column_stack([cells["office"] == g for g in GROUPS]).astype(float)
    design = np.column_stack([X, offices if cross_fit == "within" else np.ones(len(X))])
    found = np.empty(len(X))
    for g in GROUPS if cross_fit == "across" else (None,):
        use = rows if g is None else rows & (cells["office"] != g).to_numpy()
        family = sm.families.Binomial()
        fit = sm.GLM(event[use], design[use], family=family, freq_weights=cells["n"][use]).fit()
        of = np.ones(len(X), dtype=bool) if g is None else (cells["office"] == g).to_numpy()
        found[of] = fit.predict(design[of])
    return found


def estimates(cells, cross_fit):
    """(question, adjustment, term, measure) -> estimate."""
    n, A, Y = (cells[name].to_numpy(float) for name in ("n", "accepted", "placed"))
    R, office = cells["referred"].to_numpy(), cells["office"].to_numpy()
    e = predict(cells, A, np.ones(len(A), dtype=bool), cross_fit)
    m0, m1 = predict(cells, Y, A == 0, cross_fit), predict(cells, Y, A == 1, cross_fit)
    found = {}
    for question, prospects in (("creaming", m0), ("targeting", m1 - m0)):
        for gate, at_risk, passed in (("gate_1", 0 * R + 1, R), ("gate_2", R, A), ("both", 0 * R + 1, A)):
            for measure, value in creaming(prospects, office, n, at_risk, passed).items():
                found[question, cross_fit, gate, measure] = value
    for status, rows in (
        ("not_referred", R == 0),
        ("not_accepted", (R == 1) & (A == 0)),
        ("accepted", A == 1),
    ):
        for measure, prospects in (("chance", e), ("without_se", m0), ("with_se", m1), ("gain", m1 - m0)):
            found["left_out", cross_fit, status, measure] = np.average(prospects[rows], weights=n[rows])
    opened, closed = m1 + A * (Y - m1) / e, m0 + (1 - A) * (Y - m0) / (1 - e)
    effects = {
        "all": np.average(opened - closed, weights=n),
        "accepted": n @ (A * (Y - m0) - (1 - A) * e / (1 - e) * (Y - m0)) / (n @ A),
        "not_accepted": n @ (A * (1 - e) / e * (Y - m1) - (1 - A) * (Y - m1)) / (n @ (1 - A)),
        "overlap": n
        @ ((A - e) ** 2 * (m1 - m0) + A * (1 - e) * (Y - m1) - (1 - A) * e * (Y - m0))
        / (n @ (A - e) ** 2),
    }
    found |= {("effect", cross_fit, term, "effect"): value for term, value in effects.items()}
    found["effect", cross_fit, "open_gate", "share"] = np.average(opened, weights=n)
    found["effect", cross_fit, "closed_gate", "share"] = np.average(closed, weights=n)
    if cross_fit == "within":
        found |= policies(cells, m0, m1, opened, closed)
    return found


def policies(cells, m0, m1, opened, closed):
    """Values of serving by rank, by cells of the recorded columns.

    Who is included is a step function of the ranks, which no number of cases settles where two cells are nearly tied;
    that is tested with known ranks beside the policies.
    """
    n = cells["n"].to_numpy(float)
    today = n @ cells["placed"].to_numpy()
    found = {}
    for policy, score in (("highest_prospects", m0), ("need_first", -m0), ("largest_gain", m1 - m0)):
        served = np.zeros(len(n))
        for g in GROUPS:
            rows = np.flatnonzero(cells["office"] == g)
            # cases of one recorded cell differ in what became of them: they are served alike
            groups = np.unique(score[rows].round(12), return_inverse=True)[1]
            size = np.bincount(groups, n[rows])[::-1]
            left = (n * cells["accepted"])[rows].sum() - (np.cumsum(size) - size)
            served[rows] = np.clip(left / size, 0, 1)[::-1][groups]
        placed = n @ (served * opened + (1 - served) * closed)
        found["policies", "within", policy, "placed"] = placed / n.sum()
        found["policies", "within", policy, "difference"] = (placed - today) / n.sum()
    return found


@pytest.mark.slow
def test_twenty_samples_agree():
    model = GateModel()
    truth = tell_truth(Population(model, OFFICES, make_grid(model.ruler)), merged=False, outcome_for_all=True)
    truth = truth[truth["measure"] != "inclusion"].set_index(["question", "adjustment", "term", "measure"])
    rng = np.random.default_rng(17)
    samples, causal = zip(*(draw_cells(rng) for _ in range(N_SAMPLES)), strict=True)
    together = pd.concat(samples)
    together = together.groupby(list(together.columns[:-1]))["n"].sum().reset_index()
    found = [both_ways(cells) for cells in samples]
    means = {key: np.mean([true[key] for true in causal]) for key in causal[0]}
    for each, of_all, column in (
        # what is best by noisy predictions is too good: of single samples the mean would be off
        (found, both_ways(together), "population_value"),
        (causal, means, "causal_value"),
    ):
        for key, value in of_all.items():
            error = np.std([sample[key] for sample in each], ddof=1) / np.sqrt(N_SAMPLES)
            wanted = truth.loc[key, column]
            assert abs(value - wanted) < 4.5 * error + 1e-9, (column, key, value, wanted, error)
    assert len(found[0]) == 2 * (2 * 3 * 6 + 12 + 6) + 3 * 2


def both_ways(cells):
    return estimates(cells, "across") | estimates(cells, "within")
