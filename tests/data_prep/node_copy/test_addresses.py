"""Addresses that lead nowhere, or refuse."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.errors import StoreError
from data_prep.node_copy import local
from data_prep.node_copy.remote import RemoteStore


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://host/x", r"^ftp://host/x: no such kind of address; name a folder, or one of s3://, gs://, hdfs://"),
        ("file:///nowhere/x", r"^file:///nowhere/x: no store is there, .* there is no store.json; upload all"),
        ("file:///a b", r"^file:///a b cannot be read \(Cannot parse URI.*\); check the address and, on this machine"),
        ("s3://bucket/x?colour=red", r"^s3://\.\.\.: one of its options is none of region, scheme, "),
        ("hdfs://host/x", r"^hdfs://host/x cannot be read \(Unable to load libjvm\); check the address"),
        ("s3://me:secret@bucket/x", r"^s3://\.\.\.: a user or a password is in it; an address is kept in"),
        ("abfs://c@a.dfs.core.windows.net/x?sig=secret", r"^abfs://\.\.\.: one of its options is none of "),
    ],
)
def test_an_address_that_leads_nowhere_is_said_in_one_line(uri: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as refused:
        local(uri)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_storage_that_refuses_points_to_the_credentials() -> None:
    def refuse(path: str, compression: None) -> None:
        raise OSError("When reading 'x' in bucket 'b': AWS Error ACCESS_DENIED during HeadObject operation: none\nmore")

    with pytest.raises(StoreError, match=r"ACCESS_DENIED.*; check .* its credentials \(for s3://, AWS_ACCESS_KEY_ID"):
        RemoteStore(RemoteFolder("s3://b/x", SimpleNamespace(open_input_stream=refuse, type_name="s3"), "b/x")).meta()


def test_google_storage_is_not_waited_for_a_quarter_of_an_hour_and_s3_is_asked_once_a_file() -> None:
    assert uris._with_options("gs://b/x") == "gs://b/x?retry_limit_seconds=60"
    assert uris._with_options("gs://b/x?scheme=http") == "gs://b/x?scheme=http&retry_limit_seconds=60"
    assert uris._with_options("s3://b/x?region=x") == "s3://b/x?region=x&allow_delayed_open=true"
    for untouched in ("gs://b/x?retry_limit_seconds=5", "s3://b/x?allow_delayed_open=false", "file:///x"):
        assert uris._with_options(untouched) == untouched
