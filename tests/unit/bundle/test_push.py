"""Where a push may go."""

from __future__ import annotations

import pytest

from trivet.bundle.push import Destination
from trivet.bundle.registry import RegistryError


@pytest.mark.parametrize(
    ("text", "host", "prefix"),
    [
        ("https://registry.example/trivet", "registry.example", "trivet"),
        ("https://registry.example:5000/a/b-c/", "registry.example:5000", "a/b-c"),
        ("http://127.0.0.1:5000/trivet", "127.0.0.1:5000", "trivet"),
        ("http://[::1]:5000/trivet", "[::1]:5000", "trivet"),
        ("http://localhost/trivet", "localhost", "trivet"),
    ],
)
def test_a_registry_is_an_https_address_or_this_machine(text: str, host: str, prefix: str) -> None:
    found = Destination.parse(text)
    assert (found.host, found.prefix) == (host, prefix)
    assert found.repository("image/llama") == f"{prefix}/image/llama"


@pytest.mark.parametrize(
    "text",
    [
        "registry.example/trivet",
        "http://registry.example/trivet",
        "https://registry.example",
        "https:///x",
        "https://r/Trivet",
        "https://r/a..b",
        "ftp://r/x",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(RegistryError, match="https://HOST/PREFIX"):
        Destination.parse(text)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(RegistryError, match="credentials come from a file") as caught:
        Destination.parse("https://me:secret@registry.example/trivet")
    assert "secret" not in str(caught.value)


def test_a_name_that_no_repository_can_have_is_refused() -> None:
    with pytest.raises(RegistryError, match="doubled separators"):
        Destination.parse("https://r/x").repository("model/a..b")
