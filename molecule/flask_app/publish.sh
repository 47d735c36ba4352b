#!/bin/bash
# On the box: https://localhost:8443/ has the repository hello.git with the tag 1.0.0, and hello-1.0.1.tar.gz.
set -euo pipefail
mkdir -p /srv/project /srv/published
cd /srv/project
cat >pyproject.toml <<'EOF'
[project]
name = "hello"
version = "1.0.0"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
py-modules = ["hello"]
EOF
cat >hello.py <<'EOF'
VERSION = "1.0.0"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"hello from {VERSION}\n".encode()]
async def asgi(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"hello from {VERSION}\n".encode()})
EOF
git init -q
git add .
git -c user.name=molecule -c user.email=molecule@example.com commit -qm hello
git tag 1.0.0
git clone -q --bare . /srv/published/hello.git
git -C /srv/published/hello.git update-server-info
sed -i 's/1\.0\.0/1.0.1/' pyproject.toml hello.py
git -c user.name=molecule -c user.email=molecule@example.com commit -qam 1.0.1
git archive --prefix=hello-1.0.1/ --output=/srv/published/hello-1.0.1.tar.gz HEAD
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout /srv/project.key -out /usr/local/share/ca-certificates/molecule.crt 2>/dev/null
update-ca-certificates >/dev/null 2>&1
cat >/srv/serve.py <<'EOF'
import functools, http.server, ssl
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/srv/published")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/usr/local/share/ca-certificates/molecule.crt", "/srv/project.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
EOF
systemd-run --quiet --unit=published python3 /srv/serve.py
