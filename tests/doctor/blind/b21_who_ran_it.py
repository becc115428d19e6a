"""Where and by whom a run was started."""
import getpass
import os
import socket


def origin():
    return {
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }


def run(seed: int):
    return {"seed": seed, "origin": origin()}
