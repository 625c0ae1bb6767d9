"""nginx twice: as the upstream whose answer is fixed, and as the plain reverse proxy that is the limit."""

from __future__ import annotations

from pathlib import Path

from bench.gateway.setting import ANSWER, Ports

COMMON = """
worker_processes 1;
daemon off;
pid {folder}/{name}.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  default_type application/json;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
"""


def fixed_answer(folder: Path) -> Path:
    """The configuration of the upstream."""
    server = f"  server {{ listen 127.0.0.1:{Ports.FIXED}; location / {{ return 200 '{ANSWER}'; }} }}\n}}\n"
    return _write(folder, "upstream", server)


def reverse_proxy(folder: Path) -> Path:
    """The configuration of the proxy: kept-alive upstream connections, nothing buffered to disk."""
    parts = [
        _proxy("fixed", Ports.FIXED, Ports.NGINX, ""),
        _proxy("streams", Ports.STREAMS, Ports.NGINX_STREAMS, "proxy_buffering off;"),
    ]
    return _write(folder, "proxy", "".join(parts) + "}\n")


def _proxy(name: str, upstream: int, port: int, more: str) -> str:
    return f"""
  upstream {name} {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://{name}; proxy_http_version 1.1; proxy_set_header Connection ""; {more} }}
  }}
"""


def _write(folder: Path, name: str, rest: str) -> Path:
    path = folder / f"{name}.conf"
    path.write_text(COMMON.format(folder=folder, name=name) + rest)
    return path
