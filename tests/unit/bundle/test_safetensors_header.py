"""A safetensors file is believed only when every rule of the format holds."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy as reference
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.bundle.weights import WEIGHTS, entry, safetensors
from trivet.bundle.safetensors_header import SafetensorsHeader, read_safetensors_header
from trivet.errors import IntegrityError

fuzzed = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder: Path, data: bytes) -> SafetensorsHeader:
    path = folder / "model.safetensors"
    path.write_bytes(data)
    return read_safetensors_header(path)


def refusal(folder: Path, data: bytes) -> str:
    with pytest.raises(IntegrityError) as caught:
        read(folder, data)
    return f"{caught.value.value} | {caught.value.rule}"


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    header = read(tmp_path, safetensors({"__metadata__": {"format": "pt"}, **WEIGHTS}))
    assert header == SafetensorsHeader(frozenset("ab"), 8, {"F32": 16, "BF16": 8})
    assert header.main_type == "F32"


@pytest.mark.parametrize("data", [b"", b"1234567", struct.pack("<Q", 99) + b"{}", struct.pack("<Q", 1 << 60) + b"{}"])
def test_a_header_beyond_the_end_of_the_file_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "the header is in the file" in refusal(tmp_path, data)


@pytest.mark.parametrize("header", [b"[]", b" {}", b"<html>", b"{", b'{"a": 1}', b'{"\xff": 1}', b"{" * 5000])
def test_a_header_that_is_no_object_of_tensors_is_refused(tmp_path: Path, header: bytes) -> None:
    assert "the header" in refusal(tmp_path, safetensors(header, b""))


def test_a_tensor_that_stands_twice_is_refused(tmp_path: Path) -> None:
    one = '"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}'
    assert "a name stands twice" in refusal(tmp_path, safetensors(f"{{{one}, {one}}}".encode(), bytes(1)))


def test_metadata_that_is_not_text_is_refused(tmp_path: Path) -> None:
    assert "the header names" in refusal(tmp_path, safetensors({"__metadata__": {"n": 1}, **WEIGHTS}))


@pytest.mark.parametrize(
    "odd",
    [
        {**entry("F32", (4,), 0, 16), "more": 1},
        {"dtype": "F32", "shape": [4]},
        entry("F32", (-4,), 0, 16),
        {**entry("F32", (4,), 0, 16), "shape": ["4"]},
    ],
)
def test_an_entry_with_other_keys_or_values_is_refused(tmp_path: Path, odd: dict[str, object]) -> None:
    assert "with dtype, shape and data_offsets" in refusal(tmp_path, safetensors({"a": odd}, bytes(16)))


def test_an_unknown_dtype_is_refused(tmp_path: Path) -> None:
    assert "of dtype 'F7'" in refusal(tmp_path, safetensors({"a": entry("F7", (4,), 0, 16)}, bytes(16)))


def test_offsets_that_do_not_fit_the_shape_are_refused(tmp_path: Path) -> None:
    assert "16 bytes" in refusal(tmp_path, safetensors({"a": entry("F32", (4,), 0, 12)}, bytes(12)))


@pytest.mark.parametrize("begin", [0, 8, 20])
def test_a_gap_or_an_overlap_between_tensors_is_refused(tmp_path: Path, begin: int) -> None:
    moved = {"a": entry("F32", (4,), 0, 16), "b": entry("F32", (1,), begin, begin + 4)}
    assert "tensors follow one another" in refusal(tmp_path, safetensors(moved, bytes(begin + 4)))


@pytest.mark.parametrize("size", [0, 23, 25])
def test_weights_that_do_not_fill_the_file_are_refused(tmp_path: Path, size: int) -> None:
    assert "the weights fill the file exactly" in refusal(tmp_path, safetensors(data=bytes(size)))


def test_four_bit_weights_fill_half_bytes(tmp_path: Path) -> None:
    assert read(tmp_path, safetensors({"a": entry("F4", (4,), 0, 2)}, bytes(2))).parameters == 4
    assert "tensor 'a'" in refusal(tmp_path, safetensors({"a": entry("F4", (3,), 0, 2)}, bytes(2)))


@fuzzed
@given(st.data())
def test_no_changed_byte_breaks_the_reader(tmp_path: Path, data: st.DataObject) -> None:
    changed = bytearray(safetensors())
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(IntegrityError):
        read(tmp_path, bytes(changed))


@fuzzed
@given(st.dictionaries(st.text(max_size=20).filter(lambda name: name != "__metadata__"), st.integers(0, 9), max_size=5))
def test_what_the_reference_library_writes_is_read_back(tmp_path: Path, sizes: dict[str, int]) -> None:
    data = reference.save({name: np.zeros(size, np.float16) for name, size in sizes.items()})
    assert read(tmp_path, data).tensors == frozenset(sizes)
