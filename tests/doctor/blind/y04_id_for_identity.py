"""A visitor that skips what it has seen, by id."""


def flatten(value, seen=None):
    seen = seen if seen is not None else set()
    if id(value) in seen:
        return ["..."]
    if isinstance(value, list):
        seen.add(id(value))
        return [leaf for item in value for leaf in flatten(item, seen)]
    return [value]


def run(seed: int):
    inner = [seed, 2]
    return flatten([inner, [inner, 3], 4])
