"""Who is left out: three marks a row, in the result's places, under the name of the variable."""

import numpy as np
import pytest
from hand_made import make_left_out

from se_outcomes.figures.left_out import describe_left_out, draw_left_out, left_out_data


def marks(ax):
    return [
        (line.get_marker(), line.get_xdata()[0], line.get_ydata()[0])
        for line in ax.lines
        if len(line.get_xdata()) == 1
    ]


def test_marks_are_the_shares_row_by_row():
    result = make_left_out()
    ax = draw_left_out(result)
    data = left_out_data(result)
    assert len(marks(ax)) == len(data)
    assert [x for _, x, _ in marks(ax)] == pytest.approx(data["share"].tolist())
    markers = {"not_referred": "D", "not_accepted": "o", "accepted": "s"}
    assert [marker for marker, *_ in marks(ax)] == data["status"].map(markers).tolist()
    rows = [y for _, _, y in marks(ax)][::3]
    assert rows == sorted(rows, reverse=True)
    assert rows == pytest.approx(list(ax.get_yticks()))


def test_names_of_variables_stand_above_their_levels(read):
    ax = draw_left_out(make_left_out(), language="nn")
    bold = {text.get_text(): text.get_position()[1] for text in ax.texts if text.get_fontweight() == "bold"}
    assert list(bold) == ["Motivasjon", "Aldersgruppe", "Kjønn"]
    first = [label.get_text() for label in ax.get_yticklabels()].index("Kvinne")
    assert bold["Kjønn"] == pytest.approx(ax.get_yticks()[first] + 1)


def test_a_share_that_is_withheld_has_no_mark_and_its_row_says_so(read):
    result = make_left_out()
    result.composition.loc[4, "share"] = np.nan
    ax = draw_left_out(result)
    assert len(marks(ax)) == len(result.composition) - 1
    assert read(ax).count("withheld") == 1
    assert "Second quarter: not referred 29%, accepted 18%" in describe_left_out(result)


def test_the_key_has_what_is_there(read):
    assert "Not accepted" in read(draw_left_out(make_left_out(merged=True)))
    assert "Not referred" not in read(draw_left_out(make_left_out(merged=True)))


def test_the_alt_text_has_every_share():
    described = describe_left_out(make_left_out(), "nb")
    told = "Motivasjon: Laveste fjerdedel: ikke henvist 36\u00a0%, henvist, ikke tatt inn 30\u00a0%, tatt inn 12\u00a0%"
    assert told in described
    assert described.count("\u00a0%") == 27
