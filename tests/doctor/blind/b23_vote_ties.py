"""Labellers vote; the winner of a tie is the first that was counted."""
from collections import Counter


def labels(text):
    return {word.strip(".,").lower() for word in text.split()}


def winner(documents):
    votes = Counter()
    for text in documents:
        votes.update(labels(text))
    return votes.most_common(2)


def run(seed: int):
    documents = ["Cats chase mice.", "Mice fear cats.", f"Cats and mice {seed}."]
    return winner(documents)
