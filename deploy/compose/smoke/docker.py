#!/usr/bin/env python3
"""Stands for `docker` where deploy/compose/roll.sh calls it: asks the engine behind the socket SMOKE_SOCKET."""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as asked:
    asked.connect(os.environ["SMOKE_SOCKET"])
    question = {"arguments": sys.argv[1:], "image": os.environ.get("RETAIL_MCP_IMAGE")}
    asked.sendall(json.dumps(question).encode() + b"\n")
    with asked.makefile(encoding="utf-8") as stream:
        answer = json.loads(stream.read())
sys.stdout.write(answer["output"])
sys.stderr.write(answer["complaint"])
sys.exit(answer["code"])
