"""Simulated cases: what they hold, what they obey, and whether they survive being written and read."""

import csv
import re

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.gate_model import UNDECIDED_SHARE, GateModel, draw_offices
from se_outcomes.cases.record import MAY_BE_MISSING, OUTCOMES

FORMATS = [".csv", ".xlsx", ".dta", ".sav", ".parquet"]
PLAN = {
    "outcome_observed": "all",
    "outcome": "first ordinary job within twelve months of entering the target group",
    "horizon_days": 365,
    "adjust_for": ["age_group", "education_level"],
    "exclusion": ["caseload_at_referral"],
    "exclusion_referral": ["counsellor_leniency"],
    "source": "Simulated cases",
}


@pytest.fixture(scope="module")
def study():
    return so.simulate_cases(1200, n_offices=5, seed=1)


@pytest.fixture(scope="module")
def frame(study):
    return study._frame


@pytest.fixture(scope="module")
def recorded():
    """The same study with employability recorded."""
    return so.simulate_cases(1200, n_offices=5, seed=1, employability_recorded=True)


@pytest.fixture(scope="module")
def large():
    """Many cases without offices and gatekeepers that differ: shares have binomial errors."""
    return so.simulate_cases(60_000, n_offices=3, seed=2, variation=0.0)


class TestCases:
    def test_are_checked_and_carry_their_plan(self, study):
        assert isinstance(study.cases, so.Cases)
        assert (study.cases.n_cases, study.cases.n_offices) == (1200, 5)
        plan = study.cases.plan
        assert (plan.outcome_observed, plan.bypass, plan.gates) == ("all", "refused", "separate")
        assert (plan.horizon_days, plan.exposure, plan.adjust_for) == (
            365,
            "motivation",
            ("age_group", "education_level"),
        )
        assert plan.outcome
        assert plan.source == "Simulated cases"

    def test_columns_are_the_schemas(self, frame):
        columns = so.read_schema()["cases"].columns
        assert set(frame.columns) <= set(columns)

    def test_codes_are_the_schemas(self, frame):
        for name, column in so.read_schema()["cases"].columns.items():
            if column.allowed and name in frame:
                assert set(frame[name].dropna().astype(str)) <= set(column.allowed), name

    def test_ids_are_text_with_leading_zeros_and_never_repeat(self, frame):
        assert frame["case_id"].is_unique
        assert frame["case_id"].str.fullmatch(r"0\d{4}").all()
        assert sorted(frame["office_id"].unique()) == ["0301", "0302", "0303", "0304", "0305"]
        assert (frame["counsellor_id"].str[:4] == frame["office_id"]).all()

    def test_offices_differ_in_size_and_have_staff_to_match(self):
        frame = so.simulate_cases(5000, n_offices=5, seed=3)._frame
        by_office = frame.groupby("office_id")
        sizes = by_office.size()
        assert sizes.max() > 1.3 * sizes.min()
        assert (sizes / by_office["counsellor_id"].nunique()).between(35, 45).all()
        assert (sizes / by_office["job_specialist_id"].nunique()).between(70, 90).all()

    def test_repr_shows_no_case(self, study, frame):
        for text in (repr(study), str(study), repr(study.cases)):
            assert "1,200 cases" in text
            assert not re.search(r"\b0\d{3,}\b|\d{4}-\d{2}-\d{2}", text)
            assert "0301" not in text


class TestOrder:
    LINE = ("entry_date", "referral_date", "decision_date", "start_date", "first_job_date", "first_job_end")

    @pytest.mark.parametrize("merged", [False, True])
    def test_dates_follow_each_other(self, merged):
        frame = so.simulate_cases(3000, seed=4, gates="merged" if merged else "separate")._frame
        pairs = [(a, b) for i, a in enumerate(self.LINE) for b in self.LINE[i + 1 :]]
        pairs += [
            ("motivation_date", "referral_date"),
            ("entry_date", "motivation_date"),
            ("start_date", "end_date"),
        ]
        for earlier, later in pairs:
            both = frame[[earlier, later]].dropna()
            assert len(both) > 50, (earlier, later)
            assert (both[earlier] <= both[later]).all(), (earlier, later)

    def test_nothing_is_known_of_what_came_after_follow_up(self, frame):
        for column in frame.columns[frame.columns.str.endswith(("_date", "first_job_end"))]:
            known = frame[[column, "followup_end"]].dropna()
            assert (known[column] <= known["followup_end"]).all(), column

    def test_steps_have_no_forced_order_but_follow_the_start(self, frame):
        for step in ("engagement", "profiling", "job_search", "match", "support"):
            known = frame[["start_date", f"{step}_date"]].dropna()
            assert len(known) > 50
            assert (known["start_date"] <= known[f"{step}_date"]).all(), step

    def test_dates_have_no_time_of_day(self, frame):
        for column in frame.select_dtypes("datetime"):
            known = frame[column].dropna()
            assert (known == known.dt.normalize()).all()


class TestGates:
    def test_acceptance_is_known_for_the_decided_only(self, frame):
        decided = frame["decision_date"].notna()
        assert (frame["accepted"].notna() == decided).all()
        assert frame.loc[decided, "referred"].all()
        assert (frame["referred"].astype(bool) == frame["referral_date"].notna()).all()

    def test_who_said_no_is_known_where_somebody_did(self, frame):
        refused = (frame["accepted"] == False).fillna(False)  # noqa: E712
        assert (frame["non_acceptance_by"].notna() == refused).all()
        assert (frame["non_acceptance_reason"].notna() == refused).all()

    def test_specialist_and_caseload_belong_to_referrals_also_refused_ones(self, frame):
        for column in ("job_specialist_id", "caseload_at_referral"):
            assert (frame[column].notna() == frame["referred"].astype(bool)).all()

    def test_insourced_support_is_what_the_accepted_get(self, frame):
        accepted = frame["accepted"].fillna(False).astype(bool)
        assert (frame["provision"] == "inhouse").eq(accepted).all()
        assert (frame["measure_code"] == "UTVAOONAV").eq(accepted).all()

    def test_the_ineligible_are_few_and_never_referred(self, large):
        ineligible = ~large._frame["eligible"].astype(bool)
        assert ineligible.mean() == pytest.approx(0.02, abs=0.003)
        assert not large._frame.loc[ineligible, "referred"].any()

    def test_some_referred_are_undecided_however_long_they_are_followed(self, large):
        frame = large._frame
        followed = frame[(frame["followup_end"] - frame["entry_date"]).dt.days >= 365]
        referred = followed[followed["referred"]]
        assert referred["accepted"].isna().mean() == pytest.approx(UNDECIDED_SHARE, abs=0.006)

    @pytest.mark.parametrize("gate", ["referral", "acceptance", "placement_of_accepted"])
    def test_shares_are_those_of_the_equations(self, large, gate):
        stage, of = {
            "referral": ("referred", "eligible"),
            "acceptance": ("accepted", "referred"),
            "placement_of_accepted": ("placed", "accepted"),
        }[gate]
        frame = large._frame
        followed = frame[(frame["followup_end"] - frame["entry_date"]).dt.days >= 365]
        passed = followed.loc[followed[of].fillna(False).astype(bool), stage].dropna().astype(bool)
        passage = getattr(large.population, gate)
        exact = np.average(passage.chance, weights=passage.at_risk)
        assert abs(passed.mean() - exact) < 4 * np.sqrt(exact * (1 - exact) / len(passed))

    def test_a_lottery_does_not_see_motivation(self):
        lottery = so.simulate_cases(
            40_000, seed=5, referral_effect=0, acceptance_effect=0, employability_effect=0, variation=0
        )
        by_referral = lottery._frame.query("eligible").groupby("referred")["motivation"].mean()
        assert (
            abs(by_referral[True] - by_referral[False]) < 0.1
        )  # four errors of 2.2 * sqrt(1/13000 + 1/26000)

    def test_merged_gates_record_the_accepted_as_the_referred(self):
        merged = so.simulate_cases(600, seed=1, gates="merged")
        frame = merged._frame
        assert merged.cases.plan.gates == "merged"
        assert frame["referred"].equals(frame["accepted"])
        assert frame["accepted"].notna().all()
        assert (frame["referral_date"].notna() == frame["accepted"].astype(bool)).all()
        assert "non_acceptance_by" not in frame
        assert "referral" not in set(merged.truth["question"])
        assert not {"gate_1", "gate_2", "not_referred"} & set(merged.truth["term"])


class TestOutcomes:
    def test_placement_is_unknown_only_where_follow_up_is_short(self, frame):
        days = (frame["followup_end"] - frame["entry_date"]).dt.days
        assert 0.05 < (days < 365).mean() < 0.25
        assert frame.loc[days >= 365, "placed"].notna().all()
        short = frame[days < 365]
        assert set(short["placed"].dropna()) == {True}
        assert short["placed"].isna().any()

    def test_jobs_begin_within_the_horizon_and_belong_to_the_placed(self, frame):
        placed = frame["placed"].fillna(False).astype(bool)
        for column in ("first_job_date", "job_pct", "wage_subsidy"):
            assert (frame[column].notna() == placed).all()
        assert ((frame["first_job_date"] - frame["entry_date"]).dt.days.dropna() <= 365).all()
        assert frame["weeks_worked_12m"].dropna().between(0, 52).all()
        assert (frame.loc[~placed, "weeks_worked_12m"].dropna() == 0).all()

    def test_retention_is_known_where_it_could_be_seen(self, frame):
        for column, days in (("retained_6m", 183), ("retained_12m", 365)):
            seen = (frame["followup_end"] - frame["first_job_date"]).dt.days >= days
            assert (frame[column].notna() == seen).all()
            stayed = frame["first_job_end"].isna() | (
                (frame["first_job_end"] - frame["first_job_date"]).dt.days >= days
            )
            assert (frame.loc[seen, column].astype(bool) == stayed[seen]).all()
        assert not (frame["retained_12m"].fillna(False) & ~frame["retained_6m"].fillna(True)).any()

    def test_outcomes_of_the_accepted_only(self):
        study = so.simulate_cases(600, seed=1, outcome_observed="accepted")
        accepted = study._frame["accepted"].fillna(False).astype(bool)
        for column in OUTCOMES:
            assert study._frame.loc[~accepted, column].isna().all(), column
        assert study._frame.loc[accepted, "placed"].notna().any()
        assert study.cases.plan.outcome_observed == "accepted"
        assert set(study.truth.query("question == 'placement'")["at_risk"]) == {"accepted"}


class TestMissing:
    def test_takes_its_share_of_what_may_be_missing_and_nothing_else(self, study, frame):
        lossy = so.simulate_cases(1200, n_offices=5, seed=1, missing=0.2)._frame
        for column in frame:
            known = frame[column].notna().to_numpy()
            lost = lossy.loc[known, column].isna().mean()
            if column in MAY_BE_MISSING:
                assert lost == pytest.approx(0.2, abs=4 * 0.4 / np.sqrt(known.sum())), column
            else:
                assert lost == 0, column
            kept = lossy[column].notna()
            assert lossy.loc[kept, column].equals(frame.loc[kept, column]), column

    def test_goes_with_merged_gates_and_outcomes_of_the_accepted(self):
        study = so.simulate_cases(500, seed=1, missing=0.3, gates="merged", outcome_observed="accepted")
        assert 0.2 < study._frame["age_group"].isna().mean() < 0.4
        assert study._frame["accepted"].notna().all()

    def test_true_is_one_in_twenty(self):
        lost = so.simulate_cases(4000, seed=1, missing=True)._frame["motivation"].isna().mean()
        assert lost == pytest.approx(0.05, abs=0.014)


class TestSeed:
    def test_same_seed_same_cases(self, study):
        again = so.simulate_cases(1200, n_offices=5, seed=1)
        pd.testing.assert_frame_equal(again._frame, study._frame)
        assert again.cases.fingerprint == study.cases.fingerprint

    def test_another_seed_other_cases(self, study):
        assert so.simulate_cases(1200, n_offices=5, seed=2).cases.fingerprint != study.cases.fingerprint

    def test_more_cases_are_in_the_same_offices_and_have_the_same_truth(self, study):
        more = so.simulate_cases(3000, n_offices=5, seed=1)
        pd.testing.assert_frame_equal(more.truth, study.truth)

    def test_truth_cannot_be_edited(self, study):
        mine = study.truth
        mine["causal_value"] = 0.0
        assert (study.truth["causal_value"] != 0).any()


class TestEmployability:
    def test_is_one_more_column_of_the_same_cases(self, recorded, study, frame):
        assert "employability" not in frame
        pd.testing.assert_frame_equal(recorded._frame.drop(columns="employability"), frame)
        assert recorded.cases.plan.adjust_for == (*study.cases.plan.adjust_for, "employability")

    def test_is_standard_normal_to_one_decimal_without_gaps_or_minus_zero(self):
        values = so.simulate_cases(20_000, seed=2, missing=0.3, employability_recorded=True)._frame[
            "employability"
        ]
        assert values.notna().all()
        assert (values == values.round(1)).all()
        assert not np.signbit(values[values == 0]).any()
        assert values.mean() == pytest.approx(0, abs=4 / np.sqrt(20_000))
        assert values.std() == pytest.approx(1, abs=4 / np.sqrt(40_000))

    def test_is_exact_where_motivation_is(self):
        study = so.simulate_cases(200, seed=1, rounded=False, employability_recorded=True)
        assert study._frame["employability"].nunique() == 200

    def test_belongs_to_its_case(self):
        """The employable are referred more often, and keep their jobs longer: rows were not mixed up."""
        frame = so.simulate_cases(20_000, seed=1, employability_recorded=True)._frame
        high = frame["employability"] > 0.5
        assert frame.loc[high, "referred"].mean() > frame.loc[~high, "referred"].mean() + 0.1
        assert frame.loc[high, "weeks_worked_12m"].mean() > frame.loc[~high, "weeks_worked_12m"].mean() + 2

    @pytest.mark.parametrize("ending", FORMATS)
    def test_is_written_and_read_as_an_extra_column(self, tmp_path, ending, recorded):
        plan = {**PLAN, "adjust_for": [*PLAN["adjust_for"], "employability"]}
        mapping = {"study": plan, "extra": {"employability": "number"}}
        loaded = so.load_cases(recorded.write(tmp_path / f"cases{ending}"), mapping=mapping)
        assert loaded.fingerprint == recorded.cases.fingerprint
        pd.testing.assert_frame_equal(
            loaded.tally(["employability"]), recorded.cases.tally(["employability"]), check_dtype=False
        )

    def test_adjusting_for_it_brings_the_causal_slope(self):
        """Exact and without gatekeepers the logit is right: what it converges to is what motivation causes."""
        truth = so.simulate_cases(
            100, n_offices=1, seed=1, rounded=False, variation=0.0, employability_recorded=True
        ).truth.query("measure == 'log_odds' and contrast == 'per_sd' and adjustment == 'adjusted'")
        found = truth[truth["at_risk"] != "eligible"]
        assert set(found["question"]) == {"acceptance", "placement"}
        assert found["population_value"].to_numpy() == pytest.approx(found["causal_value"], abs=1e-6)

    @pytest.mark.parametrize("given", [1, None, "yes"])
    def test_other_than_true_or_false_is_refused(self, given):
        with pytest.raises(ValueError, match="employability_recorded must be True or False"):
            so.simulate_cases(100, employability_recorded=given)


class TestSizes:
    @pytest.mark.parametrize(("n_cases", "n_offices"), [(1, 1), (5, 5), (20, 5), (20, 1)])
    def test_a_few_cases_are_cases_too(self, n_cases, n_offices):
        for seed in range(3):
            cases = so.simulate_cases(n_cases, n_offices=n_offices, seed=seed, missing=0.3).cases
            assert (cases.n_cases, cases.n_offices) == (n_cases, n_offices)

    @pytest.mark.parametrize("n_cases", [7, 8, 100, 1201])
    def test_office_sizes_add_up(self, n_cases):
        sizes = draw_offices(7, GateModel(), np.random.default_rng(1)).sizes(n_cases)
        assert sizes.sum() == n_cases
        assert sizes.min() >= 1

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"n_cases": 0}, "n_cases"),
            ({"n_cases": 10.5}, "n_cases"),
            ({"n_cases": "many"}, "n_cases"),
            ({"n_offices": 0}, "n_offices"),
            ({"n_cases": 4, "n_offices": 5}, "at least n_offices"),
            ({"seed": -1}, "seed"),
            ({"seed": None}, "seed"),
            ({"outcome_observed": "some"}, '"all" or "accepted"'),
            ({"gates": "none"}, '"separate" or "merged"'),
            ({"missing": 1.0}, "missing"),
            ({"missing": float("nan")}, "missing"),
            ({"missing": "few"}, "missing"),
            ({"referral_effect": float("inf")}, "referral_effect"),
            ({"acceptance_effect": "steep"}, "acceptance_effect"),
            ({"variation": -1.0}, "variation"),
        ],
    )
    def test_wrong_arguments_are_named(self, arguments, said):
        with pytest.raises(ValueError, match=said):
            so.simulate_cases(**arguments)


class TestWriting:
    @pytest.mark.parametrize("ending", FORMATS)
    @pytest.mark.parametrize("options", [{}, {"missing": 0.15}, {"outcome_observed": "accepted"}], ids=str)
    def test_written_cases_load_to_the_same_tally(self, tmp_path, ending, options):
        study = so.simulate_cases(300, n_offices=4, seed=3, **options)
        path = study.write(tmp_path / f"cases{ending}")
        observed = options.get("outcome_observed", "all")
        loaded = so.load_cases(path, mapping={"study": {**PLAN, "outcome_observed": observed}})
        assert loaded.plan == study.cases.plan
        for column in study._frame.columns:
            pd.testing.assert_frame_equal(
                loaded.tally([column]), study.cases.tally([column]), check_dtype=False
            )
        joint = [
            "office_id",
            "motivation_group",
            "age_group",
            "gate_state",
            "outcome_state",
            "retention_state",
        ]
        pd.testing.assert_frame_equal(loaded.tally(joint), study.cases.tally(joint))
        assert loaded.fingerprint == study.cases.fingerprint

    def test_csv_is_norwegian(self, tmp_path, frame, study):
        content = study.write(tmp_path / "cases.csv").read_bytes()
        assert not content.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(content.decode("utf-8").splitlines(), delimiter=";"))
        assert len(rows) == 1200
        assert all(re.fullmatch(r"\d\d\.\d\d\.\d{4}", row["entry_date"]) for row in rows)
        assert {row["referred"] for row in rows} == {"ja", "nei"}
        assert "37,5" in {row["job_pct"] for row in rows}
        assert {row["motivation"] for row in rows} == {str(point) for point in range(11)}
        assert rows[0]["case_id"] == "00001"

    def test_exact_motivation_is_written_exactly(self, tmp_path):
        study = so.simulate_cases(50, seed=1, rounded=False)
        loaded = so.load_cases(study.write(tmp_path / "cases.csv"), mapping={"study": PLAN})
        assert loaded.tally(["motivation"]).equals(study.cases.tally(["motivation"]))

    def test_capitals_in_the_ending_are_understood(self, tmp_path, study):
        assert study.write(tmp_path / "CASES.CSV").exists()

    def test_a_quote_in_the_folder_is_no_command(self, tmp_path, study):
        folder = tmp_path / "it's here"
        folder.mkdir()
        assert study.write(folder / "cases.parquet").exists()

    @pytest.mark.parametrize("name", ["cases.rds", "cases", "cases.xls"])
    def test_other_endings_are_refused(self, tmp_path, study, name):
        with pytest.raises(ValueError, match=r"must be one of \.csv"):
            study.write(tmp_path / name)
        assert not list(tmp_path.iterdir())

    def test_more_cases_than_a_sheet_has_rows(self, tmp_path, study, monkeypatch):
        monkeypatch.setattr("se_outcomes.cases.write.EXCEL_ROWS", 1200)
        with pytest.raises(ValueError, match="Excel sheet holds 1,199 cases"):
            study.write(tmp_path / "cases.xlsx")
