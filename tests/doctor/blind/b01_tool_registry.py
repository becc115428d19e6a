"""An agent lists the tools it may call."""
REGISTRY = {}


def tool(*labels):
    def wrap(function):
        REGISTRY[function.__name__] = (function, set(labels))
        return function

    return wrap


@tool("read", "web", "slow")
def search(query):
    return f"found {query}"


@tool("read", "db", "fast")
def lookup(key):
    return f"row {key}"


def describe():
    lines = []
    for name, (_, labels) in REGISTRY.items():
        lines.append(f"{name} [{'|'.join(labels)}]")
    return "\n".join(lines)


def run(seed: int):
    return {"prompt": describe(), "answer": search(seed)}
