"""Organisation numbers in every spelling that people type."""

import pytest

from trustivide.organisations.numbers import clean, is_personal, masked


@pytest.mark.parametrize(
    "typed", ["556016-0680", "5560160680", " 556016 0680 ", "16556016-0680", "165560160680"]
)
def test_a_company_number_is_brought_into_one_form(typed: str) -> None:
    assert clean(typed) == "556016-0680"


@pytest.mark.parametrize("typed", ["", "556016-0681", "55601606", "abc", "9955601606800"])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        clean(typed)


def test_a_sole_traders_number_is_masked() -> None:
    assert clean("19811218-9876") == "811218-9876"
    assert is_personal("811218-9876")
    assert masked("811218-9876") == "811218-····"
    assert masked("556016-0680") == "556016-0680"
