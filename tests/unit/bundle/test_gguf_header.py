"""A GGUF file is believed only when every rule of the format holds."""

from __future__ import annotations

import contextlib
import struct
import tracemalloc
from pathlib import Path

import gguf as reference
import numpy as np
import pytest
from gguf.constants import GGML_QUANT_SIZES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.bundle.weights import (
    BOOL,
    CHAT,
    DATA,
    Q8_0,
    STRING,
    TENSORS,
    U64,
    array,
    gguf,
    pair,
    string,
    tensor,
    text,
    u32,
)
from trivet.bundle.gguf_header import ALIGNMENTS, TENSOR_TYPES, GgufHeader, read_gguf_header
from trivet.errors import IntegrityError

fuzzed = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder: Path, data: bytes) -> GgufHeader:
    path = folder / "model.gguf"
    path.write_bytes(data)
    return read_gguf_header(path)


def refusal(folder: Path, data: bytes) -> str:
    with pytest.raises(IntegrityError) as caught:
        read(folder, data)
    return f"{caught.value.value} | {caught.value.rule}"


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    header = read(tmp_path, gguf())
    assert header.metadata == {
        "general.architecture": "llama",
        "llama.context_length": 512,
        "llama.embedding_length": 8,
    }
    assert [(t.name, t.shape, t.type, t.offset, t.size) for t in header.tensors] == [
        ("a", (8, 2), "F32", 0, 64),
        ("b", (3,), "F32", 64, 12),
    ]
    assert header.parameters == 19


def test_every_scalar_type_is_read_and_arrays_are_skipped(tmp_path: Path) -> None:
    layouts = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
    pairs = [pair(f"k{code}", code, struct.pack(layout, 1)) for code, layout in layouts.items()]
    words = array("words", STRING, 2, text("one") + text("two"))
    numbers = array("numbers", U64, 3, bytes(24))
    metadata = read(tmp_path, gguf((*pairs, words, numbers, string("last", "end")))).metadata
    assert [metadata[f"k{code}"] for code in layouts] == [1] * len(layouts)
    assert (metadata["words"], metadata["numbers"], metadata["last"]) == (None, None, "end")


@pytest.mark.parametrize("version", [2, 3])
def test_versions_two_and_three_are_read(tmp_path: Path, version: int) -> None:
    assert read(tmp_path, gguf(version=version)).version == version


@pytest.mark.parametrize("version", [0, 1, 4, 0x03000000])
def test_another_version_or_byte_order_is_refused(tmp_path: Path, version: int) -> None:
    assert "version 2 or 3, little-endian" in refusal(tmp_path, gguf(version=version))


@pytest.mark.parametrize("data", [gguf(magic=b"GGML"), b"<html>not found</html>", b"PK\x03\x04" + bytes(99)])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "starts with b'GGUF'" in refusal(tmp_path, data)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert "the magic: 4 bytes at byte 0 of 0" in refusal(tmp_path, b"")


@pytest.mark.parametrize(
    ("counts", "words"),
    [((1 << 40, 3), "tensors | at most 131,072"), ((2, 1 << 40), "metadata keys | at most 65,536")],
)
def test_more_entries_than_any_model_has_are_refused(tmp_path: Path, counts: tuple[int, int], words: str) -> None:
    assert words in refusal(tmp_path, gguf(counts=counts))


def test_a_length_beyond_the_end_of_the_file_is_refused(tmp_path: Path) -> None:
    long = pair("name", STRING, struct.pack("<Q", 5000) + b"short")
    assert "name: 5,000 bytes at byte" in refusal(tmp_path, gguf((long,)))


def test_a_string_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    long = pair("name", STRING, struct.pack("<Q", 1 << 62))
    assert "at most 16,777,216 bytes" in refusal(tmp_path, gguf((long,)))


def test_a_key_over_the_limit_is_refused(tmp_path: Path) -> None:
    assert "a key of 70,000 bytes" in refusal(tmp_path, gguf((u32("k" * 70_000, 1),)))


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    assert "text is UTF-8" in refusal(tmp_path, gguf((pair("name", STRING, text(b"\xff\xfe")),)))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "key 'n' stands twice" in refusal(tmp_path, gguf((u32("n", 1), u32("n", 2))))


def test_a_value_of_an_unknown_type_is_refused(tmp_path: Path) -> None:
    assert "one of GGUF's 13 types" in refusal(tmp_path, gguf((pair("n", 13, bytes(8)),)))


@pytest.mark.parametrize("code", [9, 13, 255])
def test_an_array_of_arrays_or_of_an_unknown_type_is_refused(tmp_path: Path, code: int) -> None:
    assert "an array holds scalars or strings" in refusal(tmp_path, gguf((array("n", code, 1, bytes(32)),)))


def test_an_array_with_more_elements_than_any_vocabulary_is_refused(tmp_path: Path) -> None:
    assert "elements in n | at most 16,777,216" in refusal(tmp_path, gguf((array("n", STRING, 1 << 25, b""),)))


def test_an_array_beyond_the_end_of_the_file_is_refused(tmp_path: Path) -> None:
    assert "the header is in the file" in refusal(tmp_path, gguf((array("n", U64, 1000, bytes(8)),)))


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_every_alignment_is_followed(tmp_path: Path, alignment: int) -> None:
    second = -(-64 // alignment) * alignment
    tensors = (tensor("a", (8, 2)), tensor("b", (3,), offset=second))
    data = gguf((u32("general.alignment", alignment),), tensors, bytes(second + 12), alignment=alignment)
    assert read(tmp_path, data).tensors[1].offset == second


@pytest.mark.parametrize(
    "value",
    [
        u32("general.alignment", 0),
        u32("general.alignment", 33),
        u32("general.alignment", 1 << 17),
        string("general.alignment", "32"),
        pair("general.alignment", BOOL, b"\x01"),
        pair("general.alignment", 6, struct.pack("<f", 32.0)),
    ],
)
def test_an_alignment_that_is_no_power_of_two_is_refused(tmp_path: Path, value: bytes) -> None:
    assert "the alignment is a power of two" in refusal(tmp_path, gguf((value,)))


def test_a_tensor_name_of_63_bytes_passes_and_one_of_64_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, gguf(tensors=(tensor("n" * 63, (1,)),))).tensors[0].name == "n" * 63
    assert "a tensor's name of 64 bytes" in refusal(tmp_path, gguf(tensors=(tensor("n" * 64, (1,)),)))


def test_a_tensor_without_a_name_is_refused(tmp_path: Path) -> None:
    assert "a tensor has a name" in refusal(tmp_path, gguf(tensors=(tensor("", (1,)),)))


def test_a_tensor_that_stands_twice_is_refused(tmp_path: Path) -> None:
    twice = (tensor("a", (8,)), tensor("a", (8,), offset=32))
    assert "tensor 'a' stands twice" in refusal(tmp_path, gguf(tensors=twice))


@pytest.mark.parametrize("rank", [0, 5, 1 << 31])
def test_a_rank_outside_1_to_4_is_refused(tmp_path: Path, rank: int) -> None:
    odd = text("a") + struct.pack("<I", rank) + bytes(64)
    assert "1 to 4 dimensions" in refusal(tmp_path, gguf(tensors=(odd,)))


def test_an_unknown_tensor_type_is_refused(tmp_path: Path) -> None:
    assert "tensor 'a' of type 4" in refusal(tmp_path, gguf(tensors=(tensor("a", (32,), code=4),)))


@pytest.mark.parametrize("shape", [(0,), (32, 0), (33,), (16, 2)])
def test_a_shape_that_its_type_cannot_hold_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    assert "rows of Q8_0 are multiples of 32" in refusal(tmp_path, gguf(tensors=(tensor("a", shape, code=Q8_0),)))


def test_quantised_rows_have_the_size_of_their_blocks(tmp_path: Path) -> None:
    header = read(tmp_path, gguf(tensors=(tensor("a", (64, 3), code=Q8_0),), data=bytes(204)))
    assert (header.tensors[0].size, header.main_type) == (204, "Q8_0")


@pytest.mark.parametrize("offset", [0, 32, 96, 1 << 63])
def test_a_gap_or_an_overlap_between_tensors_is_refused(tmp_path: Path, offset: int) -> None:
    moved = (TENSORS[0], tensor("b", (3,), offset=offset))
    assert "tensors follow one another: offset 64" in refusal(tmp_path, gguf(tensors=moved))


def test_weights_that_end_one_byte_early_are_refused(tmp_path: Path) -> None:
    assert "all weights are in the file" in refusal(tmp_path, gguf(data=DATA[:-1]))


def test_a_shape_whose_product_overflows_64_bits_is_refused(tmp_path: Path) -> None:
    huge = tensor("a", (1 << 63, 1 << 63, 1 << 63, 1 << 63))
    assert "all weights are in the file" in refusal(tmp_path, gguf(tensors=(huge,)))


def test_a_file_cut_at_any_byte_is_refused(tmp_path: Path) -> None:
    whole = gguf()
    for length in range(len(whole)):
        refusal(tmp_path, whole[:length])


def test_hostile_lengths_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf((array("n", STRING, 1 << 24, struct.pack("<Q", 1 << 60)),)))
    tracemalloc.start()
    with pytest.raises(IntegrityError):
        read_gguf_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@fuzzed
@given(st.binary(max_size=400))
def test_no_bytes_after_the_magic_break_the_reader(tmp_path: Path, data: bytes) -> None:
    with contextlib.suppress(IntegrityError):
        read(tmp_path, b"GGUF\x03\x00\x00\x00" + data)


@fuzzed
@given(st.data())
def test_no_changed_byte_breaks_the_reader_or_moves_weights_out_of_the_file(
    tmp_path: Path, data: st.DataObject
) -> None:
    changed = bytearray(gguf((*CHAT, array("words", STRING, 2, text("one") + text("two")))))
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = read(tmp_path, bytes(changed))
    except IntegrityError:
        return
    assert sum(tensor.size for tensor in header.tensors) <= len(changed)


names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)


@fuzzed
@given(
    metadata=st.dictionaries(
        names, st.one_of(st.text(max_size=60), st.integers(0, 2**32 - 1), st.booleans()), max_size=6
    ),
    shapes=st.dictionaries(names, st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=5),
)
def test_what_the_reference_writer_writes_is_read_back(
    tmp_path: Path, metadata: dict[str, str | int | bool], shapes: dict[str, list[int]]
) -> None:
    path = tmp_path / "written.gguf"
    writer = reference.GGUFWriter(path, "llama")
    for key, value in metadata.items():
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif value:  # the writer leaves out an empty string
            writer.add_string(key, value)
    for name, shape in shapes.items():
        writer.add_tensor(name, np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header = read_gguf_header(path)
    assert header.metadata == {"general.architecture": "llama"} | {
        key: value for key, value in metadata.items() if value != ""
    }
    assert {tensor.name: list(reversed(tensor.shape)) for tensor in header.tensors} == shapes


def test_tensor_types_are_those_of_the_gguf_package() -> None:
    assert {code.value: (code.name, *size) for code, size in GGML_QUANT_SIZES.items()} == TENSOR_TYPES
