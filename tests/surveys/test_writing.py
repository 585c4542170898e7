"""What is written down reads back as it was."""

import dataclasses

import pytest
from hypothesis import given

from tests.surveys.instruments import instruments
from trustivide.surveys import catalogue, writing
from trustivide.surveys.catalogue import Instrument, InstrumentError


def again(instrument: Instrument) -> Instrument:
    return catalogue.read(writing.file_name(instrument), writing.dump(instrument).encode())


@given(instrument=instruments())
def test_an_instrument_reads_back_as_it_was_written(instrument: Instrument) -> None:
    back = again(instrument)
    assert dataclasses.replace(back, fingerprint=instrument.fingerprint) == instrument
    assert again(back) == back, "and its fingerprint stays from then on"


def test_those_that_ship_read_back_too() -> None:
    for instrument in catalogue.all():
        back = again(instrument)
        assert dataclasses.replace(back, fingerprint=instrument.fingerprint) == instrument


def test_what_breaks_a_rule_can_be_written_and_is_refused_on_reading() -> None:
    team = catalogue.latest("tillit-i-team")
    with pytest.raises(InstrumentError, match="no items"):
        again(dataclasses.replace(team, sections=()))
