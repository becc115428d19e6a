"""Every agent has a number, counted in its class."""


class Agent:
    count = 0

    def __init__(self, role):
        type(self).count += 1
        self.name = f"{role}-{self.count}"


class Planner(Agent):
    pass


def run(seed: int):
    return [Planner("plan").name, Planner("check").name, seed]
