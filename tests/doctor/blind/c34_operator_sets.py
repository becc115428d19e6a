"""What two agents know that the other does not."""


class Agent:
    def __init__(self, *facts):
        self.facts = frozenset(facts)

    def __sub__(self, other):
        return "; ".join(self.facts - other.facts)


def run(seed: int):
    return Agent("sky is blue", "grass is green", f"seed is {seed}", "x") - Agent("x")
