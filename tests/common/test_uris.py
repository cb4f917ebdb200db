"""Addresses with a secret in them: refused, and never said again."""

import json
from pathlib import Path

import pytest

from common.addresses import uris
from common.errors import MasktuneError, UriError
from data_prep.node_copy import open_store
from tests.test_command_line import refused
from trainable.__main__ import main as trial_main
from tune_main import main as tune_main

SECRETS = [
    "s3://KEY:xyzzy@bucket/x",
    "s3://KEY:xyz%2Fzy@bucket/x",
    "s3://KEY:xyz/zy@bucket/x",
    "s3://KEY:/xyzzy@bucket/x",
    "s3://KEY:12/xyzzy@bucket/x",
    "s3://KEY:xyz?zy@bucket/x",
    "s3://KEY:xyz#zy@bucket/x",
    "s3://KEY:xyz@zy@bucket/x",
    "s3://xyzzy@bucket/x",
    "S3://KEY:xyzzy@bucket/x",
    "s3:/KEY:xyzzy@bucket/x",
    "s3:KEY:xyzzy@bucket",
    "s3://bucket/x?secret_key=xyzzy",
    "s3://bucket/x?access_key=a&secret_key=xyzzy&region=eu",
    "s3://bucket/x?xyzzy",
    "s3://bucket/x?xyzzy=",
    "s3://bucket/x?region=eu;secret_key=xyzzy",
    "s3://bucket/x?endpoint_override=user:xyzzy@host",
    "s3://bucket/x?endpoint_override=https%3A%2F%2Fuser%3Axyzzy%40host",
    "s3://bucket/x?endpoint_override=user:xyzzy",
    "s3://bucket/x#xyzzy",
    "gs://xyzzy@bucket/x",
    "gs://bucket/x?access_token=xyzzy",
    "abfs://:xyzzy@account.dfs.core.windows.net/x",
    "abfs://container:xyzzy@account.dfs.core.windows.net/x",
    "abfs://container@account.dfs.core.windows.net/x?sig=xyzzy",
    "abfs://container@account.dfs.core.windows.net/x?client_secret=xyzzy",
    "hdfs://user:xyzzy@host/x",
    "https://user:xyzzy@host/x",
    "file://user:xyzzy@/x",
]


@pytest.mark.parametrize("uri", SECRETS)
def test_a_secret_in_an_address_is_refused_and_not_repeated(
    uri: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for refuse in (uris.location, uris.connect, open_store):
        with pytest.raises(MasktuneError) as refusal:
            refuse(uri)
        assert "xyz" not in str(refusal.value) and "zy" not in str(refusal.value)
        assert "\n" not in str(refusal.value)
    for option in ("--data", "--runs", "--resume"):
        others = () if option == "--resume" else ("--space", "age_bands")
        assert "xyz" not in refused(capsys, tune_main, *others, option, uri)
    assert "xyz" not in refused(capsys, trial_main, "--data", uri)
    assert not any("xyz" in file.read_text() for file in tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/x",
        "s3://bucket/x?region=eu-west-1",
        "s3://bucket/runs@v2/a b",
        "s3://bucket/x?endpoint_override=127.0.0.1:9000&scheme=http&region=us-east-1",
        "s3://bucket/x?endpoint_override=https%3A%2F%2Fminio.example%3A9000",
        "s3://bucket/x?endpoint_override=[::1]:9000&allow_bucket_creation=true&allow_delayed_open=false",
        "gs://anonymous@bucket/x?retry_limit_seconds=5",
        "abfs://container@account.dfs.core.windows.net/x",
        "hdfs://host:8020/x?user=me&replication=1",
        "file:///nfs/runs",
        "file:///nfs/who@where:8/x",
    ],
)
def test_an_address_without_one_stays_as_it_is(uri: str) -> None:
    assert uris.location(uri) == uri


@pytest.mark.parametrize("folder", ["runs", "./s3:x", "/data/a@b:c", "C:", "a?b#c"])
def test_a_folder_is_a_folder(folder: str) -> None:
    assert uris.location(folder) == Path(folder)


def test_what_is_left_out_is_an_option_that_is_not_known() -> None:
    with pytest.raises(UriError, match=r"^s3://\.\.\.: the value of \?region= is none of region, scheme, "):
        uris.location(f"s3://bucket/x?region={json.dumps('eu west')}")
