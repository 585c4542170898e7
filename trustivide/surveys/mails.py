"""STUB."""
COMPOSERS: dict = {}
TRACELESS: set = set()
