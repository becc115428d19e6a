"""Handlers by priority; ties are broken by the handler's address."""


def make(name):
    def handler(event):
        return f"{name}({event})"

    return handler


class Dispatcher:
    def __init__(self):
        self.handlers = []

    def add(self, priority, handler):
        self.handlers.append((priority, id(handler), handler))
        self.handlers.sort(key=lambda row: row[:2])

    def fire(self, event):
        return [handler(event) for _, _, handler in self.handlers]


def run(seed: int):
    dispatcher = Dispatcher()
    pads = []
    for i, name in enumerate(("log", "mail", "save", "ping", "push", "sync")):
        pads.append(bytearray(40 * (i % 3)))
        dispatcher.add(i % 2, make(name))
    return dispatcher.fire(seed)
