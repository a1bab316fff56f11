"""Cases and answers that the report's tests share."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hand_made import make_two_gates

import se_outcomes as so
from se_outcomes.report import admission_answers
from se_outcomes.report.answers import ask_questions
from se_outcomes.report.plan import plan_disclosure

MAPPING = Path(__file__).parents[2] / "analyses" / "simulated.toml"


def answer_two_gates(cases, **call):
    """The model of both gates by hand: by the real one a report would take minutes."""
    rows = [
        ("referral", "motivation", None, 0.8),
        ("acceptance", "age_group", "30+", 0.2),
        ("placement", "accepted", None, 0.5),
    ]
    equations = pd.DataFrame(rows, columns=["equation", "term", "level", "estimate"])
    used = [
        ("used", "not_referred", "not_placed", 500),
        ("used", "not_referred", "placed", 100),
        ("used", "refused", "not_placed", 80),
        ("used", "accepted", "placed", 90),
        ("used", "accepted", "not_placed", 110),
    ]
    return replace(
        make_two_gates(cases.plan.outcome_observed),
        exclusion_referral=("counsellor_leniency",),
        exclusion_acceptance=("caseload_at_referral",),
        equations=equations.assign(std_error=0.1, conf_low=0.1, conf_high=0.9),
        estimates=pd.DataFrame(
            {
                "term": ["motivation"],
                "estimate": [0.1],
                "conf_low": [0.02],
                "conf_high": [0.18],
                "equation": ["referral"],
                "model": ["corrected"],
                "n_cases": [780],
            }
        ),
        grid=pd.DataFrame({"deviance": [1.2], "open_gate": [0.3712], "open_gate_low": [0.2], "inside": [1]}),
        used=pd.DataFrame(used, columns=["level", "gate_state", "outcome_state", "n"]),
        exclusions=pd.DataFrame({"reason": ["exposure_missing"], "n": [3]}),
        fit_statistics={"n_cases": 780, "n_accepted": 200, "n_offices": 5, "n_excluded": 3, "loglik": -812.3},
        identified=True,
        inside=True,
        boundary=False,
        warnings=(),
    )


@pytest.fixture(scope="session", autouse=True)
def _two_gates_by_hand():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admission_answers, "estimate_two_gates", answer_two_gates)
        yield


@pytest.fixture(scope="session")
def small_cases():
    """300 cases in five offices, values missing: much of it must be withheld."""
    return so.simulate_cases(300, seed=2, missing=True).cases


@pytest.fixture(scope="session")
def usual_cases(tmp_path_factory):
    """1,200 cases in five offices, from a file, with the study plan in three languages."""
    path = tmp_path_factory.mktemp("usual") / "cases.csv"
    return so.load_cases(so.simulate_cases(1200, seed=1).write(path), mapping=MAPPING)


@pytest.fixture(scope="session")
def usual_answers(usual_cases):
    """Everything asked of the usual cases; nothing protected."""
    return ask_questions(usual_cases)


@pytest.fixture(scope="session")
def usual_plan(usual_cases, usual_answers):
    """What a report on the usual cases may tell."""
    return plan_disclosure(usual_cases, usual_answers, 5)
