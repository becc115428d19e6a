"""A graph of nodes, walked in the order of a dict that is keyed by id."""


class Node:
    def __init__(self, name):
        self.name = name
        self.next = []


def walk(root):
    seen = {}
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        stack.extend(node.next)
    return [seen[key].name for key in sorted(seen)]


def run(seed: int):
    nodes = [Node(f"n{i}") for i in range(9)]
    junk = [bytearray(48 * (i % 5)) for i in range(200)]
    for i, node in enumerate(nodes):
        node.next = [nodes[(i * 3 + 1) % 9], nodes[(i * 5 + 2) % 9]]
    return walk(nodes[seed % 9]) + [len(junk)]
