"""B4 and fuzzing for readers: a name in an export opens nothing outside its folder, and broken files raise only `ProjectError`.

Faults caught: a reader that follows a name of an annotation (`../../etc/passwd`, `http:`, a link that leads out), seen by an
audit hook in a process of its own; a reader that lets `KeyError`, `ValueError` or `RecursionError` escape for a damaged file.
"""

import json
import subprocess
import sys

import pytest

from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from src.errors import ProjectError
from src.rng import generator
from tests.data_conversion.exports import FORMATS, annotation_files, build, space_of, with_name
from tests.data_conversion.generated_records import make_picture
from tests.training_fixtures import ROOT

HOSTILE = (
    "../../etc/passwd",
    "../secret/hidden.png",
    "images/../../secret/hidden.png",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://localhost/hidden.png",
    "data:image/png;base64,iVBORw0KGgo=",
    "~/hidden.png",
    "..\\secret\\hidden.png",
    "images/link.png",
    "folder/hidden.png",
    "nul\0.png",
    "",
)
CHILD = r"""
import json, sys
from pathlib import Path
from PIL import Image
Image.init()
from data_conversion.config import ConversionConfig
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.convert_item import Job, convert_item
from data_conversion.pipeline.readers.registry import READERS
from data_conversion.pipeline.reading import ReadOptions
from src.contract.images import ImageResolver
from src.contract.records import Source
from src.errors import ProjectError
from src.images import load_rgb

base, folders, planted = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3] == "planted"
if planted:  # names are believed
    ImageIndex.find = lambda self, name, where: name
    ImageResolver.resolve = lambda self, image, source: self.base_dir / image
seen, accepted, inside = [], [], [""]

def hook(event, arguments):
    if not inside[0]:
        return
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        name = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode()
        if "secret" in name or "passwd" in name or "/../" in name:
            seen.append(name)
    elif event.startswith("socket.") or event in ("urllib.Request", "subprocess.Popen", "os.system"):
        seen.append(event)

def read_all(name, folder, space):
    options = ReadOptions(images=ImageIndex.of(folder), space=space)
    export = READERS[name].open(folder, options)
    for item in export.listing.items:
        try:
            raw = export.read(item)
            if raw.image:
                load_rgb(ImageResolver(folder).resolve(raw.image, Source(file=raw.annotation, line=1)))
            accepted.append([name, folder.name, raw.image])
        except (ProjectError, OSError, ValueError) as error:
            if not planted and not isinstance(error, ProjectError):
                raise

sys.addaudithook(hook)
for name, folder, space in folders:
    inside[0] = folder
    try:
        READERS[name].recognise(Path(folder))
        read_all(name, Path(folder), space)
    except ProjectError:
        pass
    inside[0] = ""
print(json.dumps({"seen": seen, "accepted": accepted}))
"""


def hostile_exports(root):
    """(format, folder, space) for every format and hostile name; a secret picture and links to it lie about."""
    make_picture(root / "secret" / "hidden.png", 60, 40)
    made = []
    for name in FORMATS:
        for number, hostile in enumerate(HOSTILE):
            folder = build(name, root / f"{name}-{number}")
            with_name(folder, hostile)
            (folder / "images" / "photo.png").unlink()
            (folder / "images" / "link.png").symlink_to(root / "secret" / "hidden.png")
            (folder / "folder").symlink_to(root / "secret")
            made.append((name, str(folder), space_of(name)))
    return made


def run_child(root, variant):
    made = hostile_exports(root)
    command = [sys.executable, "-c", CHILD, str(root), json.dumps(made), variant]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_hostile_names_are_refused_and_nothing_outside_is_opened(tmp_path):
    assert run_child(tmp_path, "real") == {"seen": [], "accepted": []}


def test_trusting_readers_turn_it_red(tmp_path):
    answer = run_child(tmp_path, "planted")
    assert any("hidden.png" in name for name in answer["seen"])


def read_everything(name, folder):
    """How many pictures of an export are read; `ProjectError` of the export or of its items counts none."""
    reader = READERS[name]
    reader.recognise(folder)
    count = 0
    try:
        options = ReadOptions(images=ImageIndex.of(folder), space=space_of(name))
        export = reader.open(folder, options)
    except ProjectError:
        return 0
    for item in export.listing.items:
        try:
            export.read(item)
            count += 1
        except ProjectError:
            pass
    return count


PIECES = (
    b"", b"\0", b"\xff\xfe", b"-1", b"1e999", b"NaN", b"null", b"[]", b"{}", b"[[", b'"', b"<", b"&", b"\n", b" ", b"9" * 400,
    b"true", b"0", b"]", b"}", b",", b":", b"\\u0000", b"../", b"[" * 5000, b"- " * 200, b"*a", b"!!python/object:os.system",
)  # fmt: skip


def mutated(data, rng):
    """Bytes cut, overwritten, repeated or filled with what parsers trip over."""
    for _ in range(int(rng.integers(1, 4))):
        start = int(rng.integers(len(data) + 1))
        end = min(len(data), start + int(rng.integers(0, 12)))
        how = rng.integers(5)
        if how == 0:
            data = data[:start]
        elif how == 1:
            data = data[:start] + data[end:]
        elif how == 2:
            data = data[:start] + data[start:end] * 2 + data[end:]
        elif how == 3:
            data = data[:start] + rng.bytes(end - start) + data[end:]
        else:
            data = data[:start] + PIECES[int(rng.integers(len(PIECES)))] + data[end:]
    return data


@pytest.mark.parametrize("num_mutations", [20, pytest.param(300, marks=pytest.mark.full)])
@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_raise_only_project_errors(tmp_path, name, num_mutations):
    folder = build(name, tmp_path, number=2)
    originals = {path: path.read_bytes() for path in annotation_files(folder)}
    assert read_everything(name, folder) == 2
    paths = sorted(originals)
    counts = set()
    for number in range(num_mutations):
        rng = generator(4, "damage", name, number)
        path = paths[number % len(paths)]
        path.write_bytes(mutated(originals[path], rng))
        try:
            counts.add(read_everything(name, folder))
        except Exception as error:
            error.add_note(f"mutation {number} of {path.name}: {path.read_bytes()[:2000]!r}")
            raise
        path.write_bytes(originals[path])
    assert counts != {2}, "the mutations damage nothing"
