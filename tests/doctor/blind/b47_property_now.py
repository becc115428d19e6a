"""The age of an account, through three layers."""
from dataclasses import dataclass
from datetime import date


class Clock:
    @staticmethod
    def today():
        return date.today()


@dataclass
class Account:
    opened: date
    clock: type = Clock

    @property
    def years(self):
        return (self.clock.today() - self.opened).days // 365


def run(seed: int):
    return {"years": Account(date(2019, 1 + seed % 12, 1)).years}
