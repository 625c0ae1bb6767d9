"""Which blob goes on which medium."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.bundle.oci import LAYER, Descriptor
from trivet.bundle.plan import MEDIA, MediumSizeError, cost, medium_size, plan_parts
from trivet.spec.digest import sha256_digest

MIB = 1 << 20


def blobs(sizes: list[int]) -> list[Descriptor]:
    return [
        Descriptor(media_type=LAYER, digest=sha256_digest(str(number).encode()), size=size)
        for number, size in enumerate(sizes)
    ]


SIZES = st.lists(st.one_of(st.integers(0, 5000), st.integers(0, 40 * MIB)), min_size=1, max_size=40)


@given(SIZES, st.integers(2 * MIB, 20 * MIB), st.integers(0, MIB))
def test_every_byte_travels_once_and_no_medium_overflows(sizes: list[int], medium: int, documents: int) -> None:
    wanted = blobs(sizes)
    parts = plan_parts(wanted, medium, documents)
    assert all(documents + sum(cost(run.size) for run in runs) <= medium for runs in parts)
    for blob in wanted:
        runs = sorted((run.offset, run.size) for part in parts for run in part if run.blob == blob)
        position = 0
        for offset, size in runs:
            assert offset == position
            position += size
        assert position == blob.size
        assert runs


@given(SIZES, st.integers(2 * MIB, 20 * MIB))
def test_only_a_blob_that_no_medium_holds_is_cut(sizes: list[int], medium: int) -> None:
    for run in (run for part in plan_parts(blobs(sizes), medium, 0) for run in part):
        assert run.whole or cost(run.blob.size) > medium - 4096


@given(SIZES, st.integers(2 * MIB, 20 * MIB), st.randoms(use_true_random=False))
def test_the_order_of_the_blobs_does_not_matter(sizes: list[int], medium: int, random: object) -> None:
    wanted = blobs(sizes)
    shuffled = wanted[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan_parts(wanted, medium, 0) == plan_parts(shuffled, medium, 0)


@given(SIZES, st.integers(2 * MIB, 20 * MIB))
def test_there_are_at_most_twice_as_many_parts_as_the_bytes_need(sizes: list[int], medium: int) -> None:
    needed = sum(cost(size) for size in sizes)
    assert len(plan_parts(blobs(sizes), medium, 0)) <= 2 * needed / medium + 2


def test_a_medium_without_room_is_refused() -> None:
    with pytest.raises(MediumSizeError, match="1,048,577 bytes"):
        plan_parts(blobs([1]), MIB, 1)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("fat32", (4 << 30) - 1),
        ("dvd", MEDIA["dvd"]),
        ("700M", 700_000_000),
        ("4Gi", 4 << 30),
        ("1048576", MIB),
        ("1MiB", MIB),
    ],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert medium_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "4 Gi", "floppy", "1.5G", "4gi"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(MediumSizeError, match="like 700M or 4Gi"):
        medium_size(text)
