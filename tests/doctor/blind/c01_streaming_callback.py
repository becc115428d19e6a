"""Tokens are handed to callbacks that a set holds."""


class Stream:
    def __init__(self):
        self.listeners = set()

    def subscribe(self, listener):
        self.listeners.add(listener)

    def emit(self, token):
        for listener in self.listeners:
            listener(token)


def run(seed: int):
    seen = []
    stream = Stream()
    for name in ("printer", "counter", "logger", "saver", "tracer"):
        stream.subscribe(lambda token, name=name: seen.append(f"{name}:{token}"))
    stream.emit(seed)
    return seen
