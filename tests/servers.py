"""The studio in a process of its own, and a client that sends exactly what it is told to."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Server:
    """The studio as a creator starts it."""

    def __init__(self, home, **variables):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.home, self.log = home, home.parent / f"{home.name}.log"
        given = {"REELBOARD_PORT": str(self.port), "REELBOARD_HOME": str(home)}
        with self.log.open("wb") as log:
            environment = os.environ | given | variables
            self.process = subprocess.Popen(
                [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + 300
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if self.ask("GET", "/gradio_api/app_id")[0]:
                    return
            except OSError:
                time.sleep(0.2)
        raise TimeoutError(self.log.read_text())

    def ask(self, method, target, body=None, **headers):
        """(status, headers, body) of a request whose target is sent exactly as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection._validate_path = lambda _: None
        try:
            connection.request(method, target, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read(5_000_000)
        finally:
            connection.close()

    def send(self, target, payload):
        return self.ask("POST", target, json.dumps(payload), Content_Type="application/json")

    def post_file(self, name, content, boundary="frontier"):
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode("utf-8", "surrogateescape") + content + f"\r\n--{boundary}--\r\n".encode()
        return self.ask("POST", "/gradio_api/upload", body, Content_Type=f"multipart/form-data; boundary={boundary}")

    def event(self, index, data):
        """What a page's own handler answers, called as its script would call it."""
        session = uuid.uuid4().hex
        status, _, answer = self.send(
            "/gradio_api/queue/join", {"fn_index": index, "data": data, "session_hash": session}
        )
        if status != 200:
            return answer
        return self.ask("GET", f"/gradio_api/queue/data?session_hash={session}")[2]

    def handlers(self):
        """Numbers of all handlers and how many values each takes; a page's own can be called by anybody."""
        found = json.loads(self.ask("GET", "/config")[2])["dependencies"]
        return [(one["id"], len(one["inputs"])) for one in found if one["backend_fn"]]

    def close(self):
        self.process.terminate()
        self.process.wait(30)
