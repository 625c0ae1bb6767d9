"""What a model's files say about it: the basis of `trivet models add`, and the check before anything is stored."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from trivet.bundle.gguf_header import GgufHeader, read_gguf_header
from trivet.bundle.safetensors_header import read_safetensors_header
from trivet.errors import ModelError

Files = Mapping[str, Path]  # file name → where its bytes are

# `general.file_type`: llama.cpp's `llama_ftype`.
FILE_TYPES: Final = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4",
    40: "Q1_0",
}  # fmt: skip
POOLING_EMBEDS: Final = {1, 2, 3}  # mean, first token, last token
POOLING_RANKS: Final = 4
INDEX: Final = "model.safetensors.index.json"
MAX_JSON_BYTES: Final = 64 << 20
TOKENIZERS: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")
MIB: Final = 1 << 20


@dataclass(frozen=True)
class ModelFacts:
    """What can be read from the files. `licence` is empty where they name none; `size` is in bytes."""

    format: Literal["gguf", "safetensors"]
    kind: Literal["chat", "embedding"]
    name: str
    architecture: str
    quantisation: str
    licence: str
    context_length: int
    dimensions: int
    parameters: int
    size: int

    @property
    def gpu_memory_mib(self) -> int:
        """A first guess at the GPU memory of weights and cache: a fifth more than the weights, and 1 GiB."""
        return math.ceil(self.size * 1.2 / MIB) + 1024


def describe(path: Path) -> ModelFacts:
    """Read and check a GGUF file, or a folder of safetensors with its configuration.

    Raises:
        IntegrityError: a file is corrupt or cut short.
        ModelError: the files are no model that a runtime serves.
    """
    return describe_files(model_files(path))


def model_files(path: Path) -> dict[str, Path]:
    """The files that belong to the model at `path`: itself, or of a folder the weights, configuration and tokenizer.

    Raises:
        ModelError: there is nothing.
    """
    if path.is_file():
        return {path.name: path}
    suffixes = {".safetensors", ".json", ".txt", ".model", ".jinja", ".tiktoken"}
    files = {each.name: each for each in sorted(path.glob("*")) if each.suffix in suffixes and each.is_file()}
    if not files:
        raise ModelError(
            value=str(path), rule="a model is a .gguf file or a folder of .safetensors files", remedy="check the path"
        )
    return files


def describe_files(files: Files) -> ModelFacts:
    """As `describe`, of files that may lie anywhere."""
    if any(name.endswith(".safetensors") for name in files):
        return _describe_safetensors(files)
    if len(files) != 1:
        raise ModelError(
            value=", ".join(sorted(files))[:200],
            rule="a model is a .gguf file or a folder of .safetensors files",
            remedy="name the one file, or the folder",
        )
    ((name, path),) = files.items()
    return _describe_gguf(name, path)


def _describe_gguf(name: str, path: Path) -> ModelFacts:
    header = read_gguf_header(path)
    metadata = header.metadata
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str) or not header.tensors:
        raise ModelError(
            where=name,
            value="no general.architecture, or no tensors",
            rule="the file holds a model",
            remedy="choose another",
        )
    if _integer(header, "split.count", 1) > 1:
        raise ModelError(
            where=name,
            value=f"one of {metadata['split.count']} parts",
            rule="a GGUF model is one file",
            remedy="join the parts with `llama-gguf-split --merge FIRST OUT`, then add OUT",
        )
    pooling = _integer(header, f"{architecture}.pooling_type", 0)
    if pooling == POOLING_RANKS:
        raise ModelError(where=name, value="a reranker", rule="a model chats or embeds", remedy="choose another model")
    embeds = pooling in POOLING_EMBEDS or metadata.get(f"{architecture}.attention.causal") is False
    return ModelFacts(
        format="gguf",
        kind="embedding" if embeds else "chat",
        name=_text(header, "general.name") or Path(name).stem,
        architecture=architecture,
        quantisation=FILE_TYPES.get(_integer(header, "general.file_type", -1), header.main_type),
        licence=_text(header, "general.license"),
        context_length=_required(header, name, f"{architecture}.context_length"),
        dimensions=_required(header, name, f"{architecture}.embedding_length"),
        parameters=header.parameters,
        size=path.stat().st_size,
    )


def _describe_safetensors(files: Files) -> ModelFacts:
    config = _json(files, "config.json")
    if not any(name in files for name in TOKENIZERS):
        raise ModelError(
            value="no tokenizer", rule=f"one of {', '.join(TOKENIZERS)} lies beside the weights", remedy="add it"
        )
    headers = {name: read_safetensors_header(path) for name, path in files.items() if name.endswith(".safetensors")}
    if INDEX in files:
        _check_shards(
            _json(files, INDEX), {tensor: name for name, header in headers.items() for tensor in header.tensors}
        )
    main = max(headers.values(), key=lambda header: sum(header.dtypes.values()))
    quantisation = config.get("quantization_config")
    architecture = str((config.get("architectures") or ["unknown"])[0])
    text = config.get("text_config", config)
    return ModelFacts(
        format="safetensors",
        kind="chat" if architecture.endswith(("ForCausalLM", "ForConditionalGeneration")) else "embedding",
        name=str(config.get("_name_or_path") or config.get("model_type") or "model").rpartition("/")[2],
        architecture=architecture,
        quantisation=str(quantisation.get("quant_method")).upper()
        if isinstance(quantisation, dict)
        else main.main_type,
        licence="",
        context_length=_config_integer(text, "max_position_embeddings"),
        dimensions=_config_integer(text, "hidden_size"),
        parameters=sum(header.parameters for header in headers.values()),
        size=sum(path.stat().st_size for path in files.values()),
    )


def _check_shards(index: dict[str, Any], found: dict[str, str]) -> None:
    wanted = index.get("weight_map")
    if not isinstance(wanted, dict) or not wanted:
        raise ModelError(
            where=INDEX, value="no weight_map", rule="the index maps each tensor to its file", remedy="fetch it again"
        )
    wrong = sorted(tensor for tensor, file in wanted.items() if found.get(tensor) != file)
    if wrong:
        raise ModelError(
            where=INDEX,
            value=f"{wrong[0]!r} is not in {wanted[wrong[0]]} ({len(wrong)} such)",
            rule="every tensor of the index is in its file",
            remedy="fetch the missing files",
        )


def _json(files: Files, name: str) -> dict[str, Any]:
    if name not in files:
        raise ModelError(value=f"no {name}", rule=f"{name} lies beside the weights", remedy="fetch the whole folder")
    if files[name].stat().st_size > MAX_JSON_BYTES:
        raise ModelError(where=name, value="over 64 MiB", rule=f"{name} is a small JSON file", remedy="fetch it again")
    try:
        content = json.loads(files[name].read_bytes())
    except (ValueError, RecursionError) as exc:
        raise ModelError(where=name, value=str(exc), rule=f"{name} is JSON", remedy="fetch it again") from exc
    if not isinstance(content, dict):
        raise ModelError(
            where=name, value=type(content).__name__, rule=f"{name} holds an object", remedy="fetch it again"
        )
    return content


def _config_integer(config: Any, key: str) -> int:
    value = config.get(key) if isinstance(config, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(
            where="config.json",
            value=f"{key}: {value!r}",
            rule=f"{key} is a positive number",
            remedy="choose another model",
        )
    return value


def _integer(header: GgufHeader, key: str, default: int) -> int:
    value = header.metadata.get(key, default)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _required(header: GgufHeader, where: str, key: str) -> int:
    value = _integer(header, key, 0)
    if value < 1:
        raise ModelError(
            where=where,
            value=f"no {key}",
            rule=f"the file says its {key.rpartition('.')[2]}",
            remedy="choose another file",
        )
    return value


def _text(header: GgufHeader, key: str) -> str:
    value = header.metadata.get(key)
    return value if isinstance(value, str) else ""
