"""What the export command writes, the conversion command recognises and reads back: every annotation format, on files."""

import json

import numpy as np
import pytest

from data_conversion.__main__ import main as convert
from data_conversion.export import main as export
from data_conversion.pipeline.writers.registry import CONVERSATIONS, WRITERS
from src.contract.index import JsonlIndex
from src.contract.write import record_to_line
from tests.data_conversion.generated_records import FEW_NAMES, make_parts

ANNOTATIONS = [name for name in WRITERS if name not in CONVERSATIONS]


def write_parts(folder, parts):
    for part, records in parts.items():
        (folder / f"{part}.jsonl").write_bytes(b"".join(map(record_to_line, records)))


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_what_is_exported_is_converted_back(tmp_path, name, capsys):
    """Fault: annotations that an earlier export left, its own files taken for annotations, a picture mistaken for another."""
    source, out, back = (tmp_path / folder for folder in ("source", "out", "back"))
    source.mkdir()
    parts = make_parts(source, names=(*FEW_NAMES, "other/plain.jpg"))
    words = ["--jsonl", f"{source}/train.jsonl", f"{source}/val.jsonl", "--format", name]
    for records in (parts, {part: records[:3] for part, records in parts.items()}):
        write_parts(source, records)
        assert export([*words, "--output", str(out)]) == 0
    capsys.readouterr()
    assert convert(["--input", str(out), "--output", str(back), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["num_read"], done["num_written"], done["num_quarantined"]) == (6, 6, 0)
    fidelity = WRITERS[name].fidelity
    index = JsonlIndex.open(back / "all_samples.jsonl")
    found = {record.images[0].rpartition("/")[2]: record for record in map(index.record, range(6))}
    split = {part: JsonlIndex.open(back / f"{part}.jsonl") for part in parts}
    for part, records in parts.items():
        if fidelity.splits:
            assert len(split[part]) == 3
        for record in records[:3]:
            again = found[record.images[0].rpartition("/")[2]]
            assert (again.width, again.height) == (record.width, record.height)
            kept = [item for item in record.objects if getattr(fidelity, item.kind) != "lost"]
            assert [item.desc for item in again.objects] == [item.desc for item in kept]
            for one, other in zip(kept, again.objects, strict=True):
                if one.kind == "bbox_2d":
                    assert bounds(other) == pytest.approx(bounds(one), abs=0.51)


def bounds(item):
    points = np.reshape(item.points, (-1, 2))
    return [*points.min(axis=0), *points.max(axis=0)]
