"""Numbers read by whole arrays are those that JSON has; catches a spelling that is read as another number."""

import json

import numpy as np
import pytest

from data_conversion.pipeline.readers.coco.json_numbers import whole_numbers

SPELLINGS = [
    '"id":7,', '"id": 7}', '"id" : 7,', '"id":  7,', '"id": -7,', '"id": 7 ,', '"id": 007,', '"id": 7.0,', '"id": 7e2,',
    '"id": "7",',    '"id": 123456789012345678,',
    '"id": 1234567890123456789,', '"id":,', '"id": ,', '"id":', '"id": 7', '"id"', '"id": 0}',
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_read_as_json_reads_it_or_left(spelling):
    text = f"{{{spelling}".encode()
    at, values = whole_numbers(text, np.array([1]), "id")
    try:
        number = json.loads(f"{{{spelling.rstrip(',} ')}}}")["id"]
    except json.JSONDecodeError:
        number = 7 if "007" in spelling else None  # refused when the object itself is parsed
    is_read = type(number) is int and number < 10**18 and spelling.endswith((",", "}"))
    assert values.tolist() == ([number] if is_read else [])
    assert at.tolist() == ([1] if is_read else [])


def test_many_at_once_keep_their_places():
    text = b'{"id":5, "id": 66, "id" :777, "id":x, "id": 8}'
    keys = np.array([i for i in range(len(text)) if text.startswith(b'"id"', i)])
    at, values = whole_numbers(text, keys, "id")
    assert dict(zip(at.tolist(), values.tolist(), strict=True)) == dict(
        zip(keys[[0, 1, 2, 4]].tolist(), (5, 66, 777, 8), strict=True)
    )
