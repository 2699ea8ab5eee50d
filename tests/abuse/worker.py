"""A worker for the batch that goes on during attacks: slow until a file says that it may hurry."""

import json
import os
import sys
import time

for line in sys.stdin:
    item = json.loads(line)
    if not os.path.exists(sys.argv[1]):
        time.sleep(0.01)
    print(json.dumps({"index": item["index"], "output": item["index"]}), flush=True)
