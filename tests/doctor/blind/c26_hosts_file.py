"""What the machine is called in its own table."""


def hosts():
    with open("/etc/hosts", encoding="utf-8") as stream:
        return sum(1 for line in stream if line.strip() and not line.startswith("#"))


def run(seed: int):
    return {"hosts": hosts(), "seed": seed}
