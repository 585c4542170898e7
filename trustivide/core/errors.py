"""Errors that the domain itself raises. None of them knows HTTP."""


class BootError(RuntimeError):
    """The application must not start; the message names what is wrong and where."""


class Refused(Exception):
    """A rule of the domain said no. ``str()`` of it is fit for the person who asked."""
