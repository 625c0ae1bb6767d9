"""llama.cpp's `llama-server`: one GGUF model, chat or embeddings."""

from __future__ import annotations

from trivet.render.runtime import Command, Deployed, Traits, flags, positive

MIB = 1 << 20


class Llama:
    """Flags as of llama.cpp build 11669 (Debian's 0.7.0)."""

    traits = Traits(
        entrypoint=("llama-server",),
        private=("/usr/lib/x86_64-linux-gnu/ggml", "/usr/lib/x86_64-linux-gnu/llama"),
        port=8080,
        probe=("CMD", "curl", "-fsS", "http://127.0.0.1:8080/health"),
        scratch="/tmp:rw,noexec,nosuid,nodev,size=64m",  # noqa: S108  # a mount inside the container
    )

    def command(self, deployed: Deployed) -> Command:
        """See `Runtime.command`."""
        model = deployed.model
        # --ctx-size is shared out among the slots: each gets the length that the spec promises to one request.
        slots = self.concurrency(deployed)
        first = min(file.path for file in deployed.files)  # a split GGUF names its other parts itself
        return {
            # Its default is 8 GiB, whatever the container may use.
            "--cache-ram": str(deployed.resources.memory_bytes // 4 // MIB),
            **(_embedding(model.context_length) if model.kind == "embedding" else {}),
            **flags(deployed.arguments),
            "--alias": model.name,
            "--ctx-size": str(model.context_length * slots),
            "--host": "0.0.0.0",  # noqa: S104  # inside its own container, on a network without a way out
            "--metrics": True,
            "--model": f"{deployed.weights}/{first}",
            "--no-slots": True,
            "--no-webui": True,
            "--offline": True,
            "--parallel": str(slots),
            "--port": str(self.traits.port),
        }

    def concurrency(self, deployed: Deployed) -> int:
        """Its slots; left alone, `llama-server` chooses a number by the machine."""
        return positive(deployed, "parallel", 1)


def _embedding(context: int) -> Command:
    # Attention without a causal mask sees a text at once: it must fit into one physical batch.
    return {"--embeddings": True, "--batch-size": str(context), "--ubatch-size": str(context)}
