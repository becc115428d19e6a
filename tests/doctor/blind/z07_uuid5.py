"""Ids that follow from the content."""
import uuid


def run(seed: int):
    return [str(uuid.uuid5(uuid.NAMESPACE_URL, f"{seed}/{i}")) for i in range(3)]
