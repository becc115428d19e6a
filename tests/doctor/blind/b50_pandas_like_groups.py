"""Totals by group, in the order of a set of keys."""


def group(rows):
    keys = {row["city"] for row in rows}
    table = []
    for key in keys:
        part = [row["amount"] for row in rows if row["city"] == key]
        table.append((key, sum(part), len(part)))
    return table


def run(seed: int):
    rows = [{"city": c, "amount": i * (seed + 1)} for i, c in enumerate(["rome", "oslo", "bern", "rome", "kyiv"])]
    return group(rows)
