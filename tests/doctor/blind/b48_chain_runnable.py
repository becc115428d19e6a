"""A chain of callables, one of which keeps what it has seen."""


class Runnable:
    def __init__(self, function):
        self.function = function

    def __or__(self, other):
        return Runnable(lambda x: other.function(self.function(x)))

    def invoke(self, x):
        return self.function(x)


def remember():
    history = []

    def step(x):
        history.append(x)
        return f"{x} ({len(history)} so far)"

    return step


CHAIN = Runnable(str.upper) | Runnable(remember())


def run(seed: int):
    return CHAIN.invoke(f"ask {seed}")
