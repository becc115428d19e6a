"""A benchmark of a step, rounded."""
import time


def measure(function, *args):
    began = time.perf_counter_ns()
    value = function(*args)
    return {"value": value, "us": (time.perf_counter_ns() - began) // 1000}


def run(seed: int):
    return measure(sum, range(seed % 50))
