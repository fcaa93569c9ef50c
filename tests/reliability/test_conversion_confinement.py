"""B4 for conversion: whatever an annotation calls its picture, nothing outside the image root is opened.

Fault caught: an annotation that makes the converter read a file of the machine, through `<filename>` of Pascal VOC or through the
index that other readers ask; seen by an audit hook in a process of its own. Planted: an index that believes what it is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from tests.reliability.test_path_confinement import REPOSITORY, hostile_strings, make_tree

CHILD = r"""
import json, sys
from dataclasses import replace
from pathlib import Path
from PIL import Image
Image.init()
from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import RawImage
from data_conversion.pipeline.picture import Picture, open_picture
from data_conversion.pipeline.unified_processor import convert
from src.errors import ProjectError
from src.images import load_rgb

base, hostile, out, planted = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]), sys.argv[4]
if planted == "planted":
    from src.contract.images import ImageResolver
    ImageIndex.find = lambda self, name, where: name
    ImageResolver.resolve = lambda self, image, source: self.base_dir / image
seen = []
secret = str(base.parent)

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        name = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode()
        inside = name.startswith((str(base) + "/", str(out) + "/")) and "/../" not in name
        if not inside and (name.startswith(secret) or name.startswith(("/etc", "/proc"))):
            seen.append(name)
    elif event.startswith("socket.") or event in ("urllib.Request", "os.system"):
        seen.append(event)

sys.addaudithook(hook)
index = ImageIndex.of(base)
raw = RawImage(annotation="made.json", image="", image_name="a.png", size=None, objects=(), num_objects=0)
found = 0
for name in hostile:
    try:
        path = index.find(name, "made.json")
        picture = open_picture(replace(raw, image=path), base, out)
        load_rgb(picture.path)
        found += 1
    except (ProjectError, ValueError):
        pass
good = open_picture(
    replace(raw, image=index.find("images/good.png", "x")),
    base, out,
).header.width
done = convert(ConversionConfig(input=base, output=out / "voc", format="voc"))
print(json.dumps({"seen": seen, "good": good, "read": done.num_read}))
"""


def run_child(root: Path, variant: str) -> dict:
    base = make_tree(root)
    out = root / "out"
    (base / "Annotations").mkdir()
    out.mkdir()
    strings = hostile_strings(root)
    printable = [text for text in strings if text.isprintable()]
    for number, text in enumerate(printable):
        xml = f"<annotation><filename>{escape(text)}</filename></annotation>"
        (base / "Annotations" / f"n{number}.xml").write_text(xml)
    (root / "hostile.json").write_text(json.dumps(strings))
    words = [
        sys.executable,
        "-c",
        CHILD,
        str(base),
        str(root / "hostile.json"),
        str(out),
        variant,
    ]
    done = subprocess.run(
        words, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict = json.loads(done.stdout.splitlines()[-1])
    assert answer["read"] == len(printable)
    return answer


def test_no_name_opens_anything_outside_the_image_root(tmp_path: Path) -> None:
    answer = run_child(tmp_path, "real")
    assert answer["seen"] == []
    assert answer["good"] == 4


def test_a_trusting_index_turns_it_red(tmp_path: Path) -> None:
    assert any("secret" in name for name in run_child(tmp_path, "planted")["seen"])
