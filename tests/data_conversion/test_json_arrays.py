"""The index of a JSON file's arrays is exact for any formatting, order and block size, and broken files are refused by place.

Faults caught: brackets and commas inside strings taken for structure, an object cut at a block's end, a nested field taken
for the object's own, broken JSON passed over.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_conversion.pipeline.readers.coco import json_arrays
from data_conversion.pipeline.readers.coco.json_arrays import index_arrays
from src.errors import DataError

WANTED = {"images": ("id",), "annotations": ("id", "image_id")}
TEXT = st.text(alphabet='ab"\\{}[],: 1\n\u00e9\u7ebf', max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT | st.sampled_from(("id", "image_id")), inner, max_size=3)
    ),
    max_leaves=8,
)
EXTRA = st.dictionaries(TEXT, VALUE, max_size=3)


@st.composite
def documents(draw):
    def entry(names):
        fields = [(name, draw(st.integers(-(10**12), 10**12))) for name in names]
        return dict(draw(st.permutations([*draw(EXTRA).items(), *fields])))

    arrays = {
        key: [entry(names) for _ in range(draw(st.integers(0, 5)))] for key, names in WANTED.items()
    }
    rest = {key: draw(VALUE) for key in ("info", "licenses", "version")}
    return dict(draw(st.permutations([*arrays.items(), *rest.items()])))


@settings(max_examples=50, deadline=None)
@given(
    document=documents(),
    block=st.integers(1, 200),
    indent=st.sampled_from((None, 1)),
    is_ascii=st.booleans(),
)
def test_every_object_is_found_as_it_stands(tmp_path_factory, document, block, indent, is_ascii):
    path = tmp_path_factory.mktemp("index") / "a.json"
    path.write_text(json.dumps(document, indent=indent, ensure_ascii=is_ascii), encoding="utf-8")
    data = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_arrays, "BLOCK_BYTES", block)
        arrays = index_arrays(path, "a.json", WANTED)
    for key, names in WANTED.items():
        found = arrays[key]
        spans = zip(found.offsets.tolist(), found.lengths.tolist(), strict=True)
        assert [json.loads(data[at : at + length]) for at, length in spans] == document[key]
        for name in names:
            assert found.fields[name].tolist() == [entry[name] for entry in document[key]]


@pytest.mark.parametrize("block", [7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"images":[{"id":1}{"id":2}]}', 1),
        ('{"images":[{"id":1},\n]}', 1),
        ('{"images":[{"id":1},\n5,{"id":2}]}', 1),
        ('{"images":[,{"id":1}]}', 1),
        ('{"images":[{"id":1}]\n', 2),
        ('{"images":{"id":1}}', 1),
        ('{"images":[{"id":1}}', 1),
        ('\n[1,{"id":1}]', 2),
        ('{"images":[{"id":1}]\n"a":2}', 2),
        ('{"images":[]}\nx', 2),
        ("", 1),
        ("}{", 1),
        ('{"a":"', 1),
        ('{\n"images":[\n{"id":"1"}]}', 3),
        ('{\n"images":[\n{"id":1.5}]}', 3),
        ('{\n"images":[\n{"ix":NaN}]}', 3),
        ('{"images":[],\n"images":[]}', 2),
    ],
)
def test_broken_files_are_refused_by_line(tmp_path, monkeypatch, text, line, block):
    monkeypatch.setattr(json_arrays, "BLOCK_BYTES", block)
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        index_arrays(path, "a.json", WANTED)
    assert error.value.issues[0].where == f"a.json:{line}"


def test_a_byte_order_mark_is_no_fault_and_shifts_nothing(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('\ufeff{"images":[{"id":3}]}', encoding="utf-8")
    images = index_arrays(path, "a.json", WANTED)["images"]
    assert path.read_bytes()[images.offsets[0] :].startswith(b'{"id":3}')
