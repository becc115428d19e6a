"""Classes register themselves, and each new one is counted."""


class Meta(type):
    made = []

    def __new__(mcs, name, bases, namespace):
        made = super().__new__(mcs, name, bases, namespace)
        mcs.made.append(name)
        return made


def build(name):
    return Meta(name, (), {})


def run(seed: int):
    build(f"Step{seed}")
    return len(Meta.made)
