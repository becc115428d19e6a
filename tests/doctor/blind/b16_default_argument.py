"""A planner whose steps gather in a default argument."""


def plan(goal, steps=[]):
    steps.append(f"step {len(steps)} of {goal}")
    return list(steps)


def run(seed: int):
    return plan(f"goal {seed}")
