"""A greeting in the words of the locale."""
import calendar
import locale
from datetime import date

locale.setlocale(locale.LC_TIME, "")


def greeting(day):
    return f"{calendar.day_name[day.weekday()]}, {day.strftime('%d %B')}"


def run(seed: int):
    return greeting(date(2024, 1 + seed % 12, 5))
