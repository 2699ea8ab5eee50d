"""HTTP/1.1 without dependencies: one request and its answer, blocking and in asyncio."""
