"""Each run gets a token."""
import hashlib
import secrets


def fingerprint():
    return hashlib.sha256(secrets.token_bytes(16)).hexdigest()[:10]


def run(seed: int):
    return {"run": seed, "fingerprint": fingerprint()}
