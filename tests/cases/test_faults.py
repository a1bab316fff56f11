import numpy as np

from se_outcomes.cases.faults import Fault, fault_in_rows, faults_frame, first_rows
from se_outcomes.errors import CaseFileError


def test_rows_are_counted_from_one_and_the_first_five_named():
    assert first_rows(np.ones(9, dtype=bool)) == "1, 2, 3, 4, 5"
    assert first_rows([16, 2]) == "3, 17"
    assert first_rows(np.zeros(3, dtype=bool)) == ""


def test_fault_counts_its_rows():
    fault = fault_in_rows("cases", "sex", "rule", np.array([False, True, True]), "a", "b")
    assert (fault.n_rows, fault.first_rows) == (2, "2, 3")


def test_frame_has_the_documented_columns_also_when_empty():
    columns = ["table", "column", "rule", "n_rows", "first_rows", "expected", "remedy"]
    assert list(faults_frame([]).columns) == columns
    frame = faults_frame([Fault("cases", "sex", "rule", 2, "1, 2", "a code", "Translate it.")])
    assert frame.to_numpy().tolist() == [["cases", "sex", "rule", 2, "1, 2", "a code", "Translate it."]]
    assert "cases.sex: expected a code (2 rows; first: 1, 2). Translate it." in str(CaseFileError(frame))
