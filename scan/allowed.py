"""What the scanners say that is no flaw, each with its reason. Keep it short."""

from scan.findings import Allowed

ALLOWED: tuple[Allowed, ...] = ()
