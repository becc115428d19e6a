"""Ids mark what was visited, and never leave the function."""


class Node:
    def __init__(self, value):
        self.value = value
        self.links = []


def run(seed: int):
    a, b, c = Node(seed), Node(2), Node(3)
    a.links, b.links, c.links = [b, c], [c, a], [a]
    seen, out, todo = set(), [], [a]
    while todo:
        node = todo.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        out.append(node.value)
        todo.extend(node.links)
    return out
