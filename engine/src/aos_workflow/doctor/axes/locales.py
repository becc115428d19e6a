"""Locale and default encoding."""

from __future__ import annotations

import builtins
import calendar
import io
import locale
import sys
from typing import Any

from aos_workflow.doctor.axes.environment import replace
from aos_workflow.doctor.child.run import Reading, Run

NAME = "locale"
LABEL = "locale-timezone"
GERMAN = {
    "decimal_point": ",", "thousands_sep": ".", "grouping": [3, 3, 0], "int_curr_symbol": "EUR ",
    "currency_symbol": "€", "mon_decimal_point": ",", "mon_thousands_sep": ".", "mon_grouping": [3, 3, 0],
    "positive_sign": "", "negative_sign": "-", "int_frac_digits": 2, "frac_digits": 2, "p_cs_precedes": 0,
    "p_sep_by_space": 1, "n_cs_precedes": 0, "n_sep_by_space": 1, "p_sign_posn": 1, "n_sign_posn": 1,
}  # fmt: skip
_ORIGINAL_OPEN = io.open
_DAYS = ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"]
_MONTHS = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
]


def provoke(budget: str) -> list[Any]:
    """Another language's conventions with one-byte encodings."""
    return ["latin-1"] if budget == "quick" else ["latin-1", "utf-16", "cp1252"]


def control(run: Run) -> dict[str, Any]:
    """The C locale with UTF-8."""
    _names(run)
    _conventions(run)
    _files(run)
    return {}


def _names(run: Run) -> None:
    def encoding(reading: Reading, *_: Any, **__: Any) -> str:
        return "UTF-8" if reading.variant is None else str(reading.variant).upper()

    def language(reading: Reading, *_: Any, **__: Any) -> tuple[str | None, str]:
        return ("en_US", "UTF-8") if reading.variant is None else ("de_DE", "ISO8859-1")

    _replace_called(run, locale, "getpreferredencoding", encoding)
    if hasattr(locale, "getencoding"):
        _replace_called(run, locale, "getencoding", encoding)
    for name in ("getlocale", "getdefaultlocale"):
        _replace_called(run, locale, name, language)
    replace(run, NAME, sys, "getfilesystemencoding", "utf-8", "latin-1")


def _replace_called(run: Run, module: Any, name: str, answer: Any) -> None:
    """A function that answers as ``answer`` when the user's code is what calls it."""
    original = getattr(module, name)

    def function(*args: Any, **kwargs: Any) -> Any:
        if sys._getframe(1).f_code.co_filename not in run.files:
            return original(*args, **kwargs)
        reading = run.visit(NAME, f"{module.__name__}.{name}")
        return original(*args, **kwargs) if reading is None else answer(reading)

    function.__name__, function.__module__ = name, module.__name__
    setattr(module, name, function)


def _conventions(run: Run) -> None:
    """Numbers and collation, as far as the user asks for the locale of the environment."""
    real: Any = locale.localeconv
    chosen: list[Reading] = []
    """Where the locale of the environment was asked for; it stays until another is set."""

    def localeconv() -> Any:
        found = real()
        if any(reading.variant is not None for reading in chosen):
            found.update(GERMAN)
        return found

    original = locale.setlocale

    def setlocale(category: int, wanted: Any = None) -> str:
        if wanted is None or wanted != "":
            if wanted is not None:
                chosen.clear()
            return original(category, wanted)
        reading = run.visit(NAME, "locale.setlocale")
        if reading is not None:
            chosen.append(reading)
        found = original(category, "C.UTF-8")
        return found if reading is None or reading.variant is None else "de_DE.UTF-8"

    strxfrm = locale.strxfrm

    def transformed(text: str, /) -> str:
        if any(reading.variant is not None for reading in chosen):
            return strxfrm(text.casefold()) + "\1" + text.swapcase()
        return strxfrm(text)

    def strcoll(a: str, b: str, /) -> int:
        left, right = transformed(a), transformed(b)
        return (left > right) - (left < right)

    locale.localeconv, locale.setlocale = localeconv, setlocale  # type: ignore[assignment]
    locale.strxfrm, locale.strcoll = transformed, strcoll
    _month_names(run, chosen)

    def number(value: Any, spec: str) -> str:
        """``f"{value:n}"``."""
        if type(value) not in (int, float) or all(reading.variant is None for reading in chosen):
            return format(value, spec)
        text = format(value, f"{spec[:-1]},d") if type(value) is int else format(value, spec)
        return text.translate(str.maketrans(",.", ".,"))

    builtins.__aos_number__ = number  # type: ignore[attr-defined]


def _month_names(run: Run, chosen: list[Reading]) -> None:
    import time

    real = time.strftime

    def strftime(form: str, *when: Any) -> str:
        if any(reading.variant is not None for reading in chosen):
            at = when[0] if when else time.localtime()
            for code, name in (("%A", _DAYS[at[6]]), ("%B", _MONTHS[at[1] - 1])):
                form = form.replace(code, name).replace(code.lower(), name[:3])
        return real(form, *when)

    time.strftime = strftime
    assert calendar is not None


def _files(run: Run) -> None:
    """``open`` for text without an encoding."""

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if "b" not in mode and encoding in (None, "locale") and _by_user(run):
            encoding = _chosen(run, "open without encoding", encoding)
        return _ORIGINAL_OPEN(file, mode, buffering, encoding, *args, **kwargs)

    opened.__name__ = opened.__qualname__ = "open"
    builtins.open = io.open = opened
    io.TextIOWrapper = _text_wrapper(run)  # type: ignore[misc]


def _chosen(run: Run, name: str, encoding: Any) -> Any:
    reading = run.visit(NAME, name, depth=3, count=False)
    if reading is None:
        return encoding
    return "utf-8" if reading.variant is None else str(reading.variant)


def _text_wrapper(run: Run) -> Any:
    """``io.TextIOWrapper`` without an encoding, also below ``gzip`` and ``zipfile``."""
    original = io.TextIOWrapper

    class Known(type):
        """What the interpreter makes itself is one, too."""

        def __instancecheck__(cls, value: Any) -> bool:
            return (
                isinstance(value, original)
                if cls is wrapper
                else type.__instancecheck__(cls, value)
            )

        def __subclasscheck__(cls, kind: Any) -> bool:
            return (
                issubclass(kind, original) if cls is wrapper else type.__subclasscheck__(cls, kind)
            )

    class TextIOWrapper(original, metaclass=Known):  # type: ignore[misc,valid-type]
        __doc__ = original.__doc__

        def __init__(self, buffer: Any, encoding: Any = None, *args: Any, **kwargs: Any) -> None:
            if encoding in (None, "locale") and _by_user(run):
                encoding = _chosen(run, "io.TextIOWrapper without encoding", encoding)
            super().__init__(buffer, encoding, *args, **kwargs)

    wrapper = TextIOWrapper
    wrapper.__module__, wrapper.__qualname__ = original.__module__, "TextIOWrapper"
    return wrapper


OPENERS = frozenset(
    [
        "pathlib",
        "gzip",
        "bz2",
        "lzma",
        "zipfile",
        "tempfile",
        "fileinput",
        "configparser",
        "aos_workflow",
    ]
)
"""Who opens files for others, with the encoding they are given."""


def _by_user(run: Run) -> bool:
    """Whether the user's code opens the file, itself or through a library that opens files for it."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in OPENERS:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename in run.files
