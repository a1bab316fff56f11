"""The fonts of a report's pictures: those of matplotlib without what no report needs of them.

For each PDF a font is cut down to the characters in it. Most of that time goes to scripts that no report is written in
and to their rules of composition, read and cut down anew for every figure. Here they are left out once, which makes a
PDF several times quicker to write and changes no glyph and no distance.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools import subset
from matplotlib import font_manager, get_data_path

WHOLE, SLIM = "DejaVu Sans", "DejaVu Sans Slim"
FILES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
#: Latin, Greek, what is said in small above and below the line, punctuation, arrows, mathematics, boxes and shapes (the
#: letters above the line also tell how figures there are hinted); another character is taken from the whole font.
CHARACTERS = (*range(0x20, 0x250), *range(0x370, 0x400), *range(0x1D00, 0x1DC0), *range(0x2000, 0x2800))
SCRIPTS = ["DFLT", "latn", "grek"]
#: Names within a font (OpenType's numbers) that hold its family.
FAMILY_NAMES = (1, 3, 4, 6, 16)


def slim_fonts() -> tuple[str, ...]:
    """Families to draw with, the first of them slim; matplotlib knows it from then on.

    Returns
    -------
    tuple of str
        For ``font.family``.

    Examples
    --------
    >>> slim_fonts()
    ('DejaVu Sans Slim', 'DejaVu Sans')
    """
    folder = Path(_folder().name)
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in FILES:
        path = folder / name
        if not path.exists():  # at first, and where the system has tidied its temporary folder since
            _slim(Path(get_data_path(), "fonts", "ttf", name), path)
            font_manager.fontManager.addfont(path)
    return SLIM, WHOLE


@cache
def _folder() -> TemporaryDirectory[str]:
    """Lasts as long as the process: a font is read again for each PDF."""
    return TemporaryDirectory(prefix="se_outcomes_fonts_", ignore_cleanup_errors=True)


def _slim(source: Path, target: Path) -> None:
    options = subset.Options(glyph_names=True, notdef_outline=True, legacy_kern=True, layout_scripts=SCRIPTS)
    options.drop_tables += ["MATH", "FFTM"]
    with subset.load_font(source, options) as font:
        cut = subset.Subsetter(options)
        cut.populate(unicodes=CHARACTERS)
        cut.subset(font)
        for record in font["name"].names:
            if record.nameID in FAMILY_NAMES:
                record.string = str(record).replace(WHOLE, SLIM).replace("DejaVuSans", "DejaVuSansSlim")
        subset.save_font(font, target, options)
