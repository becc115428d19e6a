"""A password is hashed with a salt."""
import base64
import hashlib
import os


def hashed(password):
    salt = os.urandom(8)
    return base64.b64encode(hashlib.pbkdf2_hmac("sha256", password, salt, 10)).decode()[:16]


def run(seed: int):
    return hashed(f"pw{seed}".encode())
