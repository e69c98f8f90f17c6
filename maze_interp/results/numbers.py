"""Numbers in words, as the report and the command line write them."""

from __future__ import annotations


def decimal(value: float, digits: int = 1, form: str = "") -> str:
    """A number rounded to so many decimals: `−0.50`; `form` goes before them, such as `+` for a sign."""
    return f"{round(value, digits) + 0.0:{form}.{digits}f}".replace("-", "−")  # + 0.0: no minus zero


def counted(count: int, noun: str) -> str:
    """How many, with the noun: `1 level`, `12 levels`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
