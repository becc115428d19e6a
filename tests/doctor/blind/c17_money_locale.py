"""An amount in the format of the user."""
import locale


def money(amount):
    locale.setlocale(locale.LC_ALL, "")
    return locale.format_string("%.2f", amount, grouping=True)


def run(seed: int):
    return money(1234567.5 + seed)
