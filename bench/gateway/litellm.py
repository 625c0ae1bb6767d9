"""LiteLLM's proxy as people run it without a database: one worker, a master key, one model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.gateway.setting import CACHE, KEY, Ports

REQUIREMENT = "litellm[proxy]==1.104.0"
CONFIG = f"""
model_list:
  - model_name: small
    litellm_params: {{model: openai/small, api_base: "http://127.0.0.1:{Ports.FIXED}/v1", api_key: none}}
general_settings: {{master_key: {KEY}}}
"""
# Nothing of it may depend on a network; its prices come from its own package.
ENVIRONMENT = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


def command(folder: Path) -> tuple[list[str], dict[str, str]]:
    """The program and its environment; its virtual environment is made at the first run and kept."""
    venv = CACHE / "litellm"
    if not (venv / "done").exists():
        print(f"installing {REQUIREMENT} into {venv} (once; half a gigabyte)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "-q", REQUIREMENT], check=True)
        (venv / "done").touch()
    config = folder / "litellm.yaml"
    config.write_text(CONFIG)
    argv = [str(venv / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
    return [*argv, "--port", str(Ports.LITELLM), "--num_workers", "1"], {**os.environ, **ENVIRONMENT}
