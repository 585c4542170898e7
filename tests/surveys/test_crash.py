"""A kill in the middle of submitting loses nothing acknowledged and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from tests.conftest import both_databases
from tests.surveys.stories import launched, tokens
from trustivide.core.db import db
from trustivide.surveys import actions, anonymity
from trustivide.surveys.models import AnswerSet

ROOT = Path(__file__).parent.parent.parent

# Submits with one link after the other, and says so only when it is stored.
SUBMITTER = """
import sys
from uuid import UUID
from trustivide import create_app
from trustivide.surveys import actions
survey, *work = sys.argv[1:]
app = create_app()
with app.app_context():
    print("ready", flush=True)
    for token, code in zip(work[::2], work[1::2]):
        actions.submit(UUID(survey), token, code, {"care_1": 4})
        print(token, flush=True)
"""


@both_databases
def test_a_kill_in_the_middle_loses_and_doubles_nothing(
    app: Flask, settings: dict[str, str]
) -> None:
    survey = launched(app, 60)
    links = list(tokens(survey).values())
    survey_id = survey.id
    codes = [anonymity.new_receipt_code() for _ in links]
    db.session.rollback()
    acknowledged: set[str] = set()
    for _ in range(3):
        acknowledged |= _submit_until_killed(settings, str(survey_id), links, codes)
        stored = set(db.session.scalars(select(AnswerSet.slot)))
        db.session.rollback()
        # Whoever was told "stored" is stored; at most the one being submitted
        # at the kill may be stored without having been told.
        told = {anonymity.slot_of(token) for token in acknowledged}
        assert told <= stored
        assert len(stored - told) <= 1
    assert acknowledged
    for token, code in zip(links, codes, strict=True):  # everybody presses once more
        actions.submit(survey_id, token, code, {"care_1": 4})
    assert db.session.scalar(select(func.count()).select_from(AnswerSet)) == len(links)


def _submit_until_killed(
    settings: dict[str, str], survey: str, links: list[str], codes: list[str]
) -> set[str]:
    work = [part for pair in zip(links, codes, strict=True) for part in pair]
    process = subprocess.Popen(
        [sys.executable, "-c", SUBMITTER, survey, *work],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(random.uniform(0.01, 0.15))
    process.send_signal(signal.SIGKILL)
    told = process.stdout.read().split()
    process.wait()
    return set(told)
