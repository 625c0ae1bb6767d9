"""An upstream whose streams are fixed: every chunk is a write of its own, as fast as they are taken. Run as a program.

`python -m bench.gateway.stream_server PORT`. A stream has as many chunks as the request's `max_tokens` says.
"""

from __future__ import annotations

import asyncio
import re
import sys

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"streams",'
    b'"choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}\n\n'
)
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":%d,"total_tokens":%d}}\n\n'
CHUNKS = re.compile(rb'"max_tokens":\s*(\d+)')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def frame(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    framed = frame(EVENT)
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            if not body:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                continue
            found = CHUNKS.search(body)
            chunks = int(found[1]) if found else 1
            writer.write(HEAD)
            for _ in range(chunks):
                writer.write(framed)
                await asyncio.sleep(0)
                await writer.drain()
            writer.write(frame(USAGE % (chunks, chunks + 12)) + frame(b"data: [DONE]\n\n") + b"0\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
