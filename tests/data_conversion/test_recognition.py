"""format=auto: every reader knows the exports of its own format and no other's.

Fault caught: a reader that takes another format's files for its own, so that `auto` cannot decide or decides wrongly.
"""

import pytest

from data_conversion.pipeline.readers.registry import READERS
from tests.data_conversion.exports import FORMATS, build


def test_every_reader_has_an_export_to_be_tested_with():
    assert set(FORMATS) == set(READERS)


@pytest.mark.parametrize("name", FORMATS)
def test_one_reader_recognises_an_export(tmp_path, name):
    folder = build(name, tmp_path, number=3)
    assert [other for other, reader in READERS.items() if reader.recognise(folder)] == [name]


@pytest.mark.parametrize("name", READERS)
def test_other_content_is_not_recognised(tmp_path, name):
    reader = READERS[name]
    assert reader.recognise(tmp_path) == ""
    (tmp_path / "notes.txt").write_text("1 2 3\n")
    (tmp_path / "data.json").write_text("{")
    (tmp_path / "data.jsonl").write_bytes(b"\xff\xfe\0")
    (tmp_path / "data.yaml").write_text("a: [")
    (tmp_path / "data.xml").write_bytes(b"\0" * 100)
    assert reader.recognise(tmp_path) == ""
    for path in sorted(tmp_path.iterdir()):
        assert reader.recognise(path) == ""
