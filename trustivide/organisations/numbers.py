"""Swedish organisation numbers."""

from stdnum.exceptions import ValidationError
from stdnum.se import orgnr


def clean(text: str) -> str:
    """The number as ``NNNNNN-NNNN``. Raises :class:`ValueError` when it can't be one.

    Ten digits with a Luhn check digit; a sole trader's personal identity
    number has the same form, with or without the century.
    """
    digits = "".join(c for c in text if c.isdigit())
    if len(digits) == 12 and digits[:2] in {"16", "18", "19", "20"}:
        digits = digits[2:]
    try:
        number = str(orgnr.validate(digits))
    except ValidationError as error:
        raise ValueError(str(error)) from None
    return f"{number[:6]}-{number[6:]}"


def is_personal(number: str) -> bool:
    """Whether it is a sole trader's, hence a personal identity number.

    In a company's number the third digit is at least 2 (Skatteverket, SKV 709);
    in a personal one the third and fourth digits are a month.
    """
    return number[2] in "01"


def masked(number: str) -> str:
    """The number for lists and mail: a sole trader's without its last four digits."""
    return f"{number[:6]}-····" if is_personal(number) else number
