"""A small export of every format that can be read, its pictures under names of the caller's choice.

A format that has a writer is made by it; any other has a builder of its own here.
"""

import json
import shutil
from pathlib import PurePosixPath

from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.writers.registry import WRITERS
from data_conversion.pipeline.writing import WriteOptions
from src.contract.records import ObjectAnnotation, Record, Source
from tests.data_conversion.generated_records import make_picture
from tests.data_conversion.round_trip import READER_OF, SPACES

NAME = "photo.png"
SIZE = (60, 40)


def build(name, folder, number=1):
    """An export of format `name` with `number` pictures, the first called `NAME`; its folder."""
    names = [NAME, *(f"photo{position}.png" for position in range(2, number + 1))]
    for image in names:
        make_picture(folder / "images" / image, *SIZE)
    if name in BUILDERS:
        for image in names:
            BUILDERS[name](folder, image)
    else:
        space = SPACES.get(name, (None,))[0]
        records = [record(f"images/{image}") for image in names]
        options = WriteOptions(output=folder, space=space, prompt="Describe it.")
        WRITERS[WRITER_OF[name]].write({"train": records}, options)
    return folder


def record(image):
    return Record(
        images=(image,),
        width=SIZE[0],
        height=SIZE[1],
        objects=(
            ObjectAnnotation(desc="cat", kind="bbox_2d", points=(5.0, 6.0, 30.0, 20.0)),
            ObjectAnnotation(desc="dog", kind="poly", points=(5.0, 6.0, 30.0, 20.0, 8.0, 30.0)),
        ),
        source=Source(file="generated", line=1),
    )


def space_of(name):
    """What the reader must be told about coordinates."""
    return SPACES.get(name, (None,))[0]


def annotation_files(folder):
    """The text files of an export: what a hostile or broken one differs in."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".png",)
    )


def with_name(folder, hostile):
    """Let every annotation file name `hostile` where it named the picture `NAME`, in the file's own spelling."""
    for path in annotation_files(folder):
        text = path.read_text(encoding="utf-8")
        spelled = hostile
        if path.suffix in (".json", ".jsonl"):
            spelled = json.dumps(hostile)[1:-1]
        elif path.suffix == ".xml":
            spelled = hostile.replace("&", "&amp;").replace("<", "&lt;").replace("\0", "&#0;")
        for known in (f"./images/{NAME}", f"images/{NAME}", NAME):
            text = text.replace(known, spelled)
        path.write_text(text, encoding="utf-8")


def _dota(folder, image):
    (folder / "labelTxt").mkdir(exist_ok=True)
    (folder / "labelTxt" / PurePosixPath(image).with_suffix(".txt")).write_text(
        "imagesource:GoogleEarth\ngsd:0.5\n5 6 30 6 30 20 5 20 ship 0\n7 8 9 8 9 12 7 12 plane 1\n"
    )


def _lvis(folder, image):
    """COCO's file, and what LVIS adds to it; pictures one after the other into the same file."""
    path = folder / "annotations" / "lvis_v1_train.json"
    options = WriteOptions(output=folder / "annotations")
    WRITERS["coco"].write({"train": [record(f"images/{image}")]}, options)
    made = folder / "annotations" / "annotations" / "instances_train.json"
    whole = json.loads(made.read_text())
    shutil.rmtree(made.parent)
    for entry in whole["images"]:
        entry |= {"neg_category_ids": [1], "not_exhaustive_category_ids": []}
    if path.is_file():
        before = json.loads(path.read_text())
        number = len(before["images"]) + 1
        whole["images"][0]["id"] = number
        for entry in whole["annotations"]:
            entry |= {"image_id": number, "id": entry["id"] + 100 * number}
        for name in ("images", "annotations"):
            whole[name] = before[name] + whole[name]
    path.write_text(json.dumps(whole))


def _telecom(folder, image):
    """The picture is the file beside the JSON under its stem: no name stands in the file."""
    square = [[[5, 6], [30, 6], [30, 20], [5, 20], [5, 6]]]
    feature = {
        "geometry": {"type": "ExtentPolygon", "coordinates": square},
        "properties": {"content": "cat", "objectId": 1},
    }
    content = {"info": {"width": 60, "height": 40}, "markResult": {"features": [feature]}}
    path = folder / "images" / PurePosixPath(image).with_suffix(".json")
    path.write_text(json.dumps(content))


WRITER_OF = {READER_OF.get(writer, writer): writer for writer in reversed(WRITERS)}
"""A reader's writer (the first of several)."""
BUILDERS = {"dota": _dota, "lvis": _lvis, "telecom": _telecom}
"""Formats that are read alone."""
FORMATS = [name for name in READERS if name in WRITER_OF or name in BUILDERS]
