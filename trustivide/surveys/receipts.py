"""STUB."""


def holder():
    return None
