"""Messages of a conversation, each with an id of its own."""
from dataclasses import asdict, dataclass, field
from uuid import uuid4


@dataclass
class Message:
    role: str
    text: str
    id: str = field(default_factory=lambda: f"msg_{uuid4().hex[:12]}")


def run(seed: int):
    thread = [Message("system", "be brief"), Message("user", f"question {seed}")]
    return [asdict(m) for m in thread]
