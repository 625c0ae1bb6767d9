"""Plain data survives the way to Pulumi and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi import StringAsset
from pulumi.provider.experimental.property_value import Computed, PropertyValue

from trivet.provider.values import UNKNOWN, plain, plain_map, sendable, wrap, wrap_map

NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_data_comes_back_as_it_went(value: Any) -> None:
    assert plain(wrap(value)) == value


@given(JSON)
def test_data_survives_pulumis_encoding(value: Any) -> None:
    encoded = PropertyValue.marshal_map(wrap_map({"key": value}))
    assert plain_map(PropertyValue.unmarshal_map(encoded)) == {"key": value}


def test_a_whole_number_is_an_int_again() -> None:
    assert isinstance(plain(PropertyValue(2.0)), int)
    assert plain(PropertyValue(2.5)) == 2.5
    assert plain(PropertyValue(True)) is True


def test_a_secret_is_bare_when_it_is_plain() -> None:
    assert plain(PropertyValue("s", is_secret=True)) == "s"


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(TypeError, match="Asset"):
        plain(PropertyValue(StringAsset("x")))
    with pytest.raises(TypeError, match="object"):
        wrap(object())


def test_what_is_not_known_yet_is_sent_as_the_engine_reads_it() -> None:
    nested = {"host": PropertyValue({"address": PropertyValue(Computed()), "ports": PropertyValue([wrap(22)])})}
    sent = sendable({**nested, "key": PropertyValue(Computed(), is_secret=True)})
    assert (
        plain_map(sent)
        == {"host": {"address": UNKNOWN, "ports": [22]}, "key": UNKNOWN}
        == plain_map({**nested, "key": PropertyValue(Computed())})
    )
    assert sent["key"].is_secret
    assert PropertyValue.marshal_map(sendable({"key": PropertyValue(Computed())}))["key"] == UNKNOWN
