"""A registration that nobody confirms is forgotten within a week."""

from datetime import timedelta

import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.factories import customer
from trustivide.auth.models import User
from trustivide.core import clock
from trustivide.core.db import db, transaction
from trustivide.organisations.models import Organisation
from trustivide.outbox import worker


@both_databases
def test_an_unconfirmed_registration_is_gone_after_a_week_and_a_confirmed_one_is_not(
    app: Flask,
) -> None:
    customer()
    mallory = customer("Mallory", "mallory@annan.test", organisation="Annan AB")
    with transaction():
        mallory.confirmed_at = None
    for days, left in ((6, 2), (9, 1)):
        db.session.rollback()
        with time_machine.travel(clock.now() + timedelta(days=days), tick=False):
            worker.night(app)
        for model in (User, Organisation):
            assert db.session.scalar(select(func.count()).select_from(model)) == left
