"""A download resumes, is verified, and leaves nothing half done under its name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.unit.bundle.web import Site, self_signed, serve
from trivet.bundle.download import TRIES, Wanted, download, https_client
from trivet.errors import IntegrityError, ModelError

BODY = bytes(range(256)) * 400
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.fixture
def site() -> Iterator[Site]:
    with serve(Site(files={"/m.gguf": BODY})) as running:
        yield running


def fetch(site: Site, folder: Path, digest: str | None = DIGEST, **options: int) -> str:
    with httpx.Client(timeout=5) as client:
        wanted = Wanted(f"{site.url}/m.gguf", digest, **options)
        return download(client, wanted, folder / "m.gguf", lambda _: None, pause=0.001)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("digest", [DIGEST, None])
def test_a_file_is_fetched_whole_and_its_digest_returned(site: Site, tmp_path: Path, digest: str | None) -> None:
    assert fetch(site, tmp_path, digest) == DIGEST
    assert (tmp_path / "m.gguf").read_bytes() == BODY
    assert names(tmp_path) == ["m.gguf"]


def test_a_broken_connection_is_taken_up_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.cut_after = [1000, 2000]
    assert fetch(site, tmp_path) == DIGEST
    assert [wanted for _, wanted in site.requests] == ["", "bytes=1000-", "bytes=3000-"]


def test_a_later_call_goes_on_where_an_earlier_one_stopped(site: Site, tmp_path: Path) -> None:
    site.cut_after = [5000] + [0] * TRIES
    with pytest.raises(ModelError, match="it resumes"):
        fetch(site, tmp_path)
    assert (tmp_path / "m.gguf.partial").stat().st_size == 5000
    site.requests.clear()
    assert fetch(site, tmp_path) == DIGEST
    assert site.requests == [("/m.gguf", "bytes=5000-")]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(site: Site, tmp_path: Path) -> None:
    site.cut_after = [5000] + [0] * TRIES
    with pytest.raises(ModelError):
        fetch(site, tmp_path, None)
    site.files["/m.gguf"], site.etag = BODY[::-1], '"two"'
    fetch(site, tmp_path, None)
    assert (tmp_path / "m.gguf").read_bytes() == BODY[::-1]


@pytest.mark.parametrize(("digest", "asked"), [(DIGEST, "bytes=5000-"), (None, "")])
def test_without_a_version_only_a_pinned_file_is_resumed(
    site: Site, tmp_path: Path, digest: str | None, asked: str
) -> None:
    site.etag, site.cut_after = "", [5000]
    assert fetch(site, tmp_path, digest) == DIGEST
    assert site.requests[1][1] == asked


def test_a_server_without_ranges_sends_the_file_again(site: Site, tmp_path: Path) -> None:
    site.ranges, site.cut_after = False, [1000]
    assert fetch(site, tmp_path) == DIGEST


def test_another_range_than_asked_for_is_not_appended(site: Site, tmp_path: Path) -> None:
    site.shift, site.cut_after = 7, [1000]
    assert fetch(site, tmp_path) == DIGEST


def test_a_part_that_is_whole_already_is_only_verified(site: Site, tmp_path: Path) -> None:
    (tmp_path / "m.gguf.partial").write_bytes(BODY)
    assert fetch(site, tmp_path) == DIGEST


def test_a_part_that_is_longer_than_the_file_is_dropped(site: Site, tmp_path: Path) -> None:
    (tmp_path / "m.gguf.partial").write_bytes(BODY + b"more")
    assert fetch(site, tmp_path) == DIGEST


def test_another_digest_is_refused_and_its_bytes_removed(site: Site, tmp_path: Path) -> None:
    site.files["/m.gguf"] = BODY + b"tampered"
    with pytest.raises(IntegrityError) as caught:
        fetch(site, tmp_path)
    assert caught.value.rule == f"the file has the digest {DIGEST}"
    assert names(tmp_path) == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_server_that_is_busy_for_a_moment_is_asked_again(site: Site, tmp_path: Path, status: int) -> None:
    site.statuses = [status, status]
    assert fetch(site, tmp_path) == DIGEST


def test_a_server_that_stays_busy_is_given_up(site: Site, tmp_path: Path) -> None:
    site.statuses = [503] * 99
    with pytest.raises(ModelError) as caught:
        fetch(site, tmp_path)
    assert (caught.value.value, len(site.requests)) == ("HTTP 503", TRIES)


@pytest.mark.parametrize(
    ("status", "remedy"), [(404, "check the address"), (401, "fetch the file yourself"), (403, "fetch")]
)
def test_a_refusal_is_final_and_says_what_to_do(site: Site, tmp_path: Path, status: int, remedy: str) -> None:
    site.statuses = [status]
    with pytest.raises(ModelError) as caught:
        fetch(site, tmp_path)
    assert caught.value.value == f"HTTP {status}"
    assert remedy in caught.value.remedy
    assert names(tmp_path) == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_over_the_limit_is_refused(site: Site, tmp_path: Path, announced: bool) -> None:
    site.length_header = announced
    with pytest.raises(ModelError) as caught:
        fetch(site, tmp_path, limit=len(BODY) - 1)
    assert caught.value.rule == f"at most {len(BODY) - 1:,} bytes"
    assert not (tmp_path / "m.gguf").exists()


def test_a_file_at_the_limit_passes(site: Site, tmp_path: Path) -> None:
    assert fetch(site, tmp_path, limit=len(BODY)) == DIGEST


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    (tmp_path / "tls").mkdir()
    certificate = self_signed(tmp_path / "tls")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve(Site(files={"/m.gguf": BODY}), certificate) as running:
        yield running


def test_a_trusted_https_server_is_downloaded_from(secure: Site, tmp_path: Path) -> None:
    with https_client() as client:
        assert download(client, Wanted(f"{secure.url}/m.gguf"), tmp_path / "m.gguf", lambda _: None) == DIGEST


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with https_client() as client, pytest.raises(ModelError, match="certificate verify failed"):
        download(client, Wanted(f"{secure.url}/m.gguf"), tmp_path / "m.gguf", lambda _: None, pause=0.001)


def test_a_redirect_away_from_https_is_refused(secure: Site, site: Site, tmp_path: Path) -> None:
    secure.redirect = f"{site.url}/m.gguf"
    with https_client() as client, pytest.raises(ModelError) as caught:
        download(client, Wanted(f"{secure.url}/m.gguf"), tmp_path / "m.gguf", lambda _: None)
    assert caught.value.rule == "weights are fetched over https"
    assert site.requests == []


def test_an_address_without_https_is_refused_before_it_is_asked(site: Site, tmp_path: Path) -> None:
    with https_client() as client, pytest.raises(ModelError) as caught:
        download(client, Wanted(f"{site.url}/m.gguf"), tmp_path / "m.gguf", lambda _: None)
    assert caught.value.rule == "weights are fetched over https"
    assert site.requests == []
