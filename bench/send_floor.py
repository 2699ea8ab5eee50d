#!/usr/bin/env python3
"""The least that a delivery can cost: one send(2) of a ready frame to each of 1,000 sockets.

    python3 bench/send_floor.py [--sockets 1000] [--bytes 500] [--rounds 200]

Prints processor time per send in microseconds, measured while a second process reads everything.
What a server needs for each delivery is told as a multiple of it. The loop around the call is
Python's and counts, so the floor is a little high, and a multiple of it a little low.
"""

import argparse
import os
import selectors
import socket
import time


def read_all(listener: socket.socket, sockets: int) -> None:
    """Accepts and reads until the other side has closed every socket."""
    selector = selectors.DefaultSelector()
    for _ in range(sockets):
        selector.register(listener.accept()[0], selectors.EVENT_READ)
    while selector.get_map():
        for key, _ in selector.select():
            if not key.fileobj.recv(1 << 16):
                selector.unregister(key.fileobj)
                key.fileobj.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sockets", type=int, default=1_000)
    parser.add_argument("--bytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=options.sockets)
    if os.fork() == 0:
        read_all(listener, options.sockets)
        os._exit(0)
    sockets = [socket.create_connection(listener.getsockname()) for _ in range(options.sockets)]
    frame = b"x" * options.bytes
    took = []
    for _ in range(options.rounds):
        began = time.process_time()
        for each in sockets:
            each.sendall(frame)
        took.append(time.process_time() - began)
        time.sleep(0.01)  # The reader catches up: full buffers would make the sender wait.
    for each in sockets:
        each.close()
    os.wait()
    median = sorted(took)[len(took) // 2]
    print(f"{median / options.sockets * 1e6:.2f} us per send")


if __name__ == "__main__":
    main()
