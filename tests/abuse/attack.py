"""Runs one attack in a process of its own: `attack.py NAME TARGET`; prints what came of it as JSON."""

import asyncio
import importlib
import json
import resource
import sys
from dataclasses import dataclass, field


@dataclass
class Target:
    """What an attacker knows."""

    host: str
    port: int
    # A job whose events somebody else reports, and that the attacker may watch.
    job: str
    # A job that the attacker may report on.
    own_job: str
    # How the attacker signs in; empty where nobody has to.
    headers: dict = field(default_factory=dict)
    # The authority of the server's certificate, where it speaks TLS.
    authority: str = ""


def main(name, target):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    attack = importlib.import_module(f"attacks.{name}")
    outcome = asyncio.run(attack.attack(Target(**json.loads(target))))
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
