"""The sum over a set of amounts."""


def total(amounts):
    result = 0.0
    for _, amount in amounts:
        result += amount
    return result


def run(seed: int):
    amounts = {("rent", 1e16), ("tax", 1.1), ("fee", 2.3), ("tip", -1e16), ("gas", 0.7 + seed)}
    return total(amounts)
