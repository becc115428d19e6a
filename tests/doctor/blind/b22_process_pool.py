"""Squares from worker processes, in the order in which they are ready."""
from multiprocessing import Pool


def square(n):
    return n * n


def run(seed: int):
    with Pool(3) as pool:
        return list(pool.imap_unordered(square, range(seed % 5, seed % 5 + 6)))
