"""What a bucket of releases lacks that the other cell's has."""

from __future__ import annotations

import io
import json

import pytest

from ansible_collections.terrace.aws.plugins.plugin_utils.recovery import releases


class Bucket:
    """A cell whose bucket holds some documents, by key."""

    def __init__(self, **documents):
        self.documents = {key.replace("__", "/"): json.dumps(each).encode() for key, each in documents.items()}

    def pages(self, _service, _operation, _word, **_asked):
        return [{"Key": key, "Size": len(body)} for key, body in self.documents.items()]

    def call(self, _service, _operation, absent=(), **asked):
        body = self.documents.get(asked["Key"])
        return {"Body": io.BytesIO(body)} if body is not None else None


def bucket(version="1.0.0", origin="sha256:1", digest="a", **more):
    """An application that is released and served, the archive of which is this cell's own."""
    made = Bucket(
        **{
            "notes__current.json": {"flask_app_name": "notes", "flask_app_version": version, "host": digest},
            f"notes__notes-{version}.json": {"origin": origin, "checksum": digest},
            f"notes__{version}__{digest}__notes.tar.gz": digest * 9,
            "configuration__current.json": {"version": digest},
            f"configuration__{digest}.tar.gz": digest,
            **more,
        }
    )
    return releases.Held(made, "releases")


def test_archives_of_one_source_are_the_same_release():
    assert list(releases.lacks(bucket(digest="aaaa"), bucket(digest="b"))) == []


@pytest.mark.parametrize(
    ("standby", "said"),
    [
        (bucket(version="0.9.0"), "notes 1.0.0 (it has 0.9.0)"),
        (bucket(origin="sha256:2"), "notes 1.0.0 of the same source (it was released from another one)"),
        (releases.Held(Bucket(), "releases"), "configuration/current.json"),
    ],
)
def test_what_new_machines_would_serve_otherwise(standby, said):
    assert said in list(releases.lacks(bucket(), standby))


def test_a_release_that_is_not_there_cannot_be_served():
    without = bucket()
    served = {"flask_app_name": "notes", "flask_app_version": "1.0.0"}
    gone = releases.Held(
        Bucket(**{"notes__current.json": served, "configuration__current.json": {"object": "c.gz"}}), "b"
    )
    assert list(releases.lacks(without, gone)) == ["c.gz", "notes/notes-1.0.0.json"]


def test_what_is_no_release_is_said():
    broken = releases.Held(Bucket(**{"notes__current.json": [1]}), "releases")
    with pytest.raises(ValueError, match="is not what a release has there"):
        list(releases.lacks(broken, broken))


def test_what_is_no_part_of_a_release_is_compared_by_itself():
    assert list(releases.lacks(bucket(logo="x", manual="y"), bucket(logo="x", manual="yy"))) == ["manual"]
