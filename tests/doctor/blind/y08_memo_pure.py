"""A memo in a default argument, of a pure function."""


def fib(n, memo={0: 0, 1: 1}):
    if n not in memo:
        memo[n] = fib(n - 1) + fib(n - 2)
    return memo[n]


def run(seed: int):
    return fib(10 + seed % 20)
