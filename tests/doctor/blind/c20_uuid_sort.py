"""Nodes of a plan, in the order of their ids."""
import uuid


class Node:
    def __init__(self, name):
        self.key = uuid.uuid4()
        self.name = name


def run(seed: int):
    nodes = [Node(n) for n in ("fetch", "parse", "rank", f"n{seed}")]
    return [node.name for node in sorted(nodes, key=lambda n: n.key)]
