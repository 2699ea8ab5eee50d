# The older service's client, as its documentation has it, for the job that is named:
# python3 client.py JOB
import json  # is missing there
import sys

import asyncio
import websockets

async def monitor_job(job_id):
    uri = f"ws://localhost:8000/progress/ws/{job_id}"
    async with websockets.connect(uri) as ws:
        async for message in ws:
            data = json.loads(message)
            print(f"Status: {data['status']}, Progress: {data['progress']}%")

asyncio.run(monitor_job(sys.argv[1]))
