"""The flow of cases: every box has the result's number, and one that is withheld says so."""

from dataclasses import replace

import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.funnel import describe_funnel, funnel_data
from se_outcomes.wording.words import speak

BY_HAND = {
    "ineligible": 20, "short_followup": 0, "followed": 1180, "referral_unknown": 0, "not_referred": 700,
    "referred": 473, "undecided": 3, "refused": 170, "accepted": 300, "bypassed": 7, "placed": 120,
    "not_placed": 187, "outcome_unknown": 0,
}  # fmt: skip


@pytest.fixture
def by_hand(funnel):
    """A flow written down: nobody left out at the right but the undecided; seven who went round the gates."""
    flow = pd.DataFrame({"place": list(BY_HAND), "n": list(BY_HAND.values())})
    return replace(funnel, flow=flow, n_cases=1200)


def test_each_box_has_its_number(by_hand, read):
    written = read(so.draw_funnel(by_hand))
    for place, n in {"All cases": "1,200", "Not referred": "700", "Referred": "473", "Not decided": "3",
                     "Accepted": "300", "Placed in work": "120", "Accepted without referral": "7"}.items():  # fmt: skip
        assert written[written.index(place) + 1] == n


def test_a_place_where_nobody_is_left_out_is_not_drawn(by_hand, read):
    written = read(so.draw_funnel(by_hand))
    assert not {"Followed for too short a time", "Referral not known", "Outcome not known"} & set(written)
    without = {"n": by_hand.flow["n"].where(by_hand.flow["place"] != "bypassed", 0)}
    assert "Accepted without referral" not in read(
        so.draw_funnel(replace(by_hand, flow=by_hand.flow.assign(**without)))
    )


def test_who_goes_on_is_drawn_though_nobody_does(by_hand, read):
    flow = by_hand.flow.assign(n=0)
    written = read(so.draw_funnel(replace(by_hand, flow=flow)))
    assert written[written.index("Placed in work") + 1] == "0"


def test_merged_gates_have_no_box_of_referral(merged_funnel, read):
    written = read(so.draw_funnel(merged_funnel))
    assert not any("eferr" in text for text in written)
    n = merged_funnel.flow.set_index("place")["n"]
    assert written[written.index("Accepted") + 1] == str(n["accepted"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_withheld_count_is_a_colon_in_its_box(by_hand, withhold, read, language):
    places = ["undecided", "accepted", "bypassed"]
    rows = by_hand.flow["place"].isin(places)
    result = replace(by_hand, flow=withhold(by_hand.flow, ["n"], rows))
    written, words = read(so.draw_funnel(result, language=language)), speak(language)
    for place in places:
        assert written[written.index(words.say(f"place_{place}")) + 1] == ":"
    assert written.count(":") == 3
    alt = describe_funnel(result, language)
    assert alt.count(words.say("withheld")) == 3
    assert ": :" not in alt
    assert "nan" not in alt


def test_nothing_is_worked_out_from_what_is_told(by_hand, withhold):
    result = replace(by_hand, flow=withhold(by_hand.flow, ["n"], by_hand.flow["place"] == "referred"))
    assert pd.isna(funnel_data(result).set_index("place")["n"]["referred"])


def test_all_withheld_is_drawn(funnel, merged_funnel, withhold, read):
    for result in (funnel, merged_funnel):
        result = replace(result, flow=withhold(result.flow, ["n"]))
        written = read(so.draw_funnel(result))
        assert not any(character.isdigit() for text in written for character in text.replace("1,200", ""))


def test_without_a_horizon_nobody_was_followed_for_too_short_a_time(by_hand, read):
    result = replace(by_hand, horizon_days=None)
    assert "In the target group" in read(so.draw_funnel(result))
    assert "followed" not in describe_funnel(result)
    assert "In the target group and followed for long enough" in read(
        so.draw_funnel(replace(by_hand, horizon_days=365))
    )


def test_data_are_the_flow_with_all_cases_first(by_hand):
    data = funnel_data(by_hand)
    assert data.columns.tolist() == ["place", "n"]
    assert dict(data.itertuples(index=False)) == {"cases": 1200, **BY_HAND}
    assert data["n"].dtype.kind == "i"


def test_the_alt_text_has_every_number_drawn(by_hand):
    alt = describe_funnel(by_hand, "nn")
    for said in ("Alle saker: 1\u00a0200", "Tilvist: 473", "Teken inn utan tilvising: 7", "Ikkje avgjord: 3"):
        assert said in alt
