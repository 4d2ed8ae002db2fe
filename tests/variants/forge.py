"""A forge on this machine: bare repositories over HTTP, and what Renovate asks of Gitea's API.

Git itself answers clones and pushes. Pull requests are only written down.
"""

import json
import os
import re
import subprocess
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, cast

from ..support.rendering import git

USER = {"id": 1, "login": "renovate", "email": "renovate@example.com"}
TIME = "2026-01-01T00:00:00Z"
# An answer of a CGI program: its headers, an empty line, its body.
HEADERS_END = b"\r\n\r\n"


class Forge(ThreadingHTTPServer):
    """Serves the bare repositories of a folder until its context ends.

    Attributes:
        folder: The repositories, as ``NAME.git``.
        pulls: The pull requests that were opened.
        comments: What was written under them.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.pulls, self.comments = folder, list[dict[str, Any]](), list[str]()

    @property
    def address(self) -> str:
        """The address that repositories and API are under."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    @property
    def forge(self) -> Forge:
        """What it answers for."""
        return cast(Forge, self.server)

    def do_GET(self) -> None:
        """Reads a repository, or the API."""
        self.answer(b"")

    def do_POST(self) -> None:
        """Writes to a repository, or opens a pull request."""
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self, body: bytes) -> None:
        """Asks git or the API."""
        if ".git/" in self.path:
            self.git(body)
            return
        path = self.path.partition("?")[0].removeprefix("/api/v1/")
        said = self.api(path, json.loads(body or b"null"))
        self.send(
            HTTPStatus.NOT_FOUND if said is None else HTTPStatus.OK, json.dumps(said).encode()
        )

    def api(self, path: str, asked: Any) -> Any:
        """What Gitea would say; None where there is nothing of that name."""
        if path == "user":
            return USER
        if path == "version":
            return {"version": "1.24.0"}
        if match := re.fullmatch(r"repos/(\w+/\w+)", path):
            return {
                "id": 1,
                "full_name": match[1],
                "owner": USER,
                "default_branch": "main",
                "clone_url": f"{self.forge.address}/{match[1]}.git",
                "has_issues": False,
                "allow_squash_merge": True,
                "permissions": {"admin": True, "pull": True, "push": True},
            }
        if path.endswith("/pulls") and asked:
            name = path.removeprefix("repos/").removesuffix("/pulls")
            sha = git(self.forge.folder / f"{name}.git", "rev-parse", asked["head"]).strip()
            pull = {
                **asked,
                "number": len(self.forge.pulls) + 1,
                "state": "open",
                "labels": [],
                "mergeable": True,
                "created_at": TIME,
                "updated_at": TIME,
                "base": {"ref": asked["base"]},
                "head": {"label": asked["head"], "sha": sha, "repo": {"full_name": name}},
            }
            self.forge.pulls.append(pull)
            return pull
        if path.endswith("/comments") and asked:
            self.forge.comments.append(asked["body"])
            return {"id": len(self.forge.comments), "body": asked["body"]}
        if "/statuses/" in path:
            return {}
        return [] if path.endswith(("/pulls", "/labels", "/statuses", "/comments")) else None

    def git(self, body: bytes) -> None:
        """What git says over HTTP."""
        path, _, query = self.path.partition("?")
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.forge.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "renovate",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        command = ["git", "http-backend"]
        done = subprocess.run(command, input=body, env=environment, capture_output=True, check=True)
        head, _, content = done.stdout.partition(HEADERS_END)
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        self.send(HTTPStatus(status), content, headers)

    def send(self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Sends an answer."""
        self.send_response(status)
        for name, value in (headers or {"Content-Type": "application/json"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: requests are no news."""
