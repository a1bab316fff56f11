import io
import os
import shutil
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager

from se_outcomes.report.fonts import FILES, slim_fonts

#: Pairs that are set closer, a ligature, and what a figure of a report has of signs.
TEXT = "AV Te Yo efficient æøå ÆØÅ “50 %” − – ≥ → × β χ² ½"


def picture(kind, families, text=TEXT):
    with plt.rc_context({"font.family": families, "pdf.fonttype": 42}):
        figure, axes = plt.subplots(figsize=(6, 1))
        axes.set_axis_off()
        axes.text(0, 0.2, text)
        axes.text(0, 0.7, text, fontweight="bold")
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind)
        plt.close(figure)
    return buffer.getvalue()


def test_a_picture_is_the_same_as_in_the_whole_font():
    slim, whole = (
        plt.imread(io.BytesIO(picture("png", fonts))) for fonts in (slim_fonts(), slim_fonts()[1:])
    )
    assert (slim == whole).all()
    assert np.ptp(slim[..., 0]) > 0.9


def test_a_pdf_has_the_slim_fonts():
    pdf = picture("pdf", slim_fonts())
    assert b"DejaVuSansSlim-Bold" in pdf
    assert b"+DejaVuSans-Bold" in picture("pdf", slim_fonts()[1:])


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_the_slim_font_has_the_rules_of_few_scripts(weight):
    slim, whole = (
        font_manager.findfont(font_manager.FontProperties(family=name, weight=weight))
        for name in slim_fonts()
    )
    assert os.path.basename(slim) == os.path.basename(whole) in FILES
    scripts = []
    for path in (slim, whole):
        with TTFont(path) as font:
            scripts.append({record.ScriptTag for record in font["GPOS"].table.ScriptList.ScriptRecord})
    assert scripts[0] == scripts[1] & {"DFLT", "latn", "grek"} < scripts[1]
    assert os.path.getsize(slim) < 0.5 * os.path.getsize(whole)


def test_other_characters_come_from_the_whole_font():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        slim, whole = (picture("png", fonts, "Жданов אב") for fonts in (slim_fonts(), slim_fonts()[1:]))
    assert slim == whole


def test_fonts_that_were_tidied_away_are_made_again():
    before = picture("pdf", slim_fonts())
    path = Path(font_manager.findfont(slim_fonts()[0]))
    shutil.rmtree(path.parent)
    assert (
        picture("pdf", slim_fonts()).count(b"DejaVuSansSlim-Bold") == before.count(b"DejaVuSansSlim-Bold") > 0
    )
    assert path.exists()
