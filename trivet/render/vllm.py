"""vLLM's OpenAI server: one safetensors model on GPUs."""

from __future__ import annotations

from trivet.render.runtime import Command, Deployed, Traits, flags, positive

DEFAULT_SEQUENCES = 64


class Vllm:
    """Flags as of vLLM 0.32: https://docs.vllm.ai/en/stable/cli/serve.html."""

    traits = Traits(
        entrypoint=("vllm", "serve"),
        port=8000,
        probe=("CMD", "curl", "-fsS", "http://127.0.0.1:8000/health"),
        scratch="/tmp:rw,exec,nosuid,nodev,size=8g",  # noqa: S108  # Triton compiles kernels to shared objects here
        environment={
            "DO_NOT_TRACK": "1",
            "HF_HUB_OFFLINE": "1",
            "HOME": "/tmp",  # noqa: S108
            "TRANSFORMERS_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
        },
        gpu=True,
    )

    def command(self, deployed: Deployed) -> Command:
        """See `Runtime.command`."""
        model = deployed.model
        return {
            deployed.weights: True,
            **({"--runner": "pooling"} if model.kind == "embedding" else {}),
            **flags(deployed.arguments),
            "--host": "0.0.0.0",  # noqa: S104  # inside its own container, on a network without a way out
            "--max-model-len": str(model.context_length),
            "--max-num-seqs": str(self.concurrency(deployed)),
            "--port": str(self.traits.port),
            "--served-model-name": model.name,
        }

    def concurrency(self, deployed: Deployed) -> int:
        """Sequences in one batch."""
        return positive(deployed, "max-num-seqs", DEFAULT_SEQUENCES)
