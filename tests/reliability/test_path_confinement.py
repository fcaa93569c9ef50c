"""B4: 500 hostile image strings are refused, and nothing outside the folder is opened while refusing.

Fault caught: a data file that reads a file of the machine (`../../etc/passwd`, a link that leads out) or
makes it call another one (`http:`), seen by an audit hook in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from src.contract.images import ImageResolver
from src.contract.records import Source
from src.errors import ImageError
from src.rng import generator

NUM_HOSTILE = 500
SOURCE = Source(file="train.jsonl", line=3)
REPOSITORY = Path(__file__).parents[2]

CHILD = r"""
import json, sys
from pathlib import Path
from PIL import Image
Image.init()
from src.contract import images as resolving
from src.contract.images import ImageResolver
from src.contract.records import Source
from src.errors import ImageError
from src.images import load_rgb

base, hostile, planted = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()), sys.argv[3] == "planted"
if planted:  # a resolver that believes what it is told
    ImageResolver.resolve = lambda self, image, source: self.base_dir / image
seen, accepted = [], []

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        name = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode()
        if not name.startswith(str(base) + "/") or "/../" in name:
            seen.append(name)
    elif event.startswith("socket.") or event in ("urllib.Request", "subprocess.Popen", "os.system"):
        seen.append(event)

sys.addaudithook(hook)
resolver = ImageResolver(base)
for image in hostile:
    try:
        path = resolver.resolve(image, Source(file="train.jsonl", line=3))
        accepted.append(image)
        load_rgb(path)
    except (ImageError, ValueError):
        pass
good = load_rgb(resolver.resolve("images/good.png", Source(file="train.jsonl", line=3))).shape
print(json.dumps({"seen": seen, "accepted": accepted, "good": good}))
"""


def make_tree(root: Path) -> Path:
    """root/data (the JSONL's folder) beside root/secret, with links that lead out."""
    from PIL import Image

    base, secret = root / "data", root / "secret"
    for folder in (base / "images", secret):
        folder.mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(folder / "good.png")
    (root / "data-evil").mkdir()
    Image.new("RGB", (4, 4)).save(root / "data-evil" / "good.png")
    (base / "link.png").symlink_to(secret / "good.png")
    (base / "folder").symlink_to(secret)
    (base / "images" / "chain.png").symlink_to("../link.png")
    (base / "loop.png").symlink_to("loop.png")
    (base / "inside.png").symlink_to("images/good.png")
    return base


def hostile_strings(root: Path) -> list[str]:
    outside = [
        str(root / "secret" / "good.png"),
        "/etc/passwd",
        "/proc/self/environ",
        str(root / "data-evil/good.png"),
    ]
    ups = [
        "../secret/good.png",
        "images/../../secret/good.png",
        "..",
        "../",
        "images/..",
        "./../secret/good.png",
    ]
    links = [
        "link.png",
        "folder/good.png",
        "images/chain.png",
        "loop.png",
        "./link.png",
        "images/../link.png",
    ]
    schemes = [
        "file:",
        "http:",
        "https:",
        "data:",
        "ftp:",
        "s3:",
        "C:",
        "c:",
        "HTTP:",
        "oss:",
        "javascript:",
    ]
    urls = [f"{scheme}{slashes}{rest}" for scheme in schemes for slashes in ("", "//", "///")
            for rest in ("images/good.png", "localhost/a.png", "/etc/passwd")]  # fmt: skip
    nul = [
        "\0",
        "images/good.png\0",
        "images/good.png\0.jpg",
        "\0../secret/good.png",
        "a\n.png",
        "a\x1b[2J.png",
    ]
    home = ["~", "~/a.png", "~root/.bashrc", "~/../secret/good.png"]
    windows = [
        "..\\secret\\good.png",
        "images\\good.png",
        "\\\\host\\share\\a.png",
        "\\etc\\passwd",
    ]
    odd = [
        "",
        "/",
        ".",
        "images",
        "images/",
        "a" * 300,
        "a/" * 600,
        "b" * 5000,
        "images/none/",
        "none.png",
    ]
    found = [*outside, *ups, *links, *urls, *nul, *home, *windows, *odd]
    rng = generator(17, "hostile")
    while len(found) < NUM_HOSTILE:
        depth = int(rng.integers(1, 9))
        steps = [("..", "images", ".", "folder", "", "x")[i] for i in rng.integers(0, 6, depth)]
        tail = ("secret/good.png", "good.png", "etc/passwd", "data-evil/good.png")[rng.integers(4)]
        text = "/".join([*steps[: depth // 2], "..", *steps[depth // 2 :], tail])
        found.append(text)
    assert len(found) == NUM_HOSTILE
    return found


def run_child(root: Path, variant: str) -> dict[str, list[str]]:
    base = make_tree(root)
    strings = root / "hostile.json"
    strings.write_text(json.dumps(hostile_strings(root)))
    command = [sys.executable, "-c", CHILD, str(base), str(strings), variant]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120
    )
    answer: dict[str, list[str]] = json.loads(done.stdout)
    return answer


def test_hostile_strings_are_refused_and_nothing_outside_is_opened(tmp_path: Path) -> None:
    answer = run_child(tmp_path, "real")
    assert answer == {"seen": [], "accepted": [], "good": [4, 4, 3]}


def test_a_trusting_resolver_turns_it_red(tmp_path: Path) -> None:
    answer = run_child(tmp_path, "planted")
    assert answer["accepted"]
    assert any("secret" in name for name in answer["seen"])


def test_every_refusal_names_the_place(tmp_path: Path) -> None:
    resolver = ImageResolver(make_tree(tmp_path))
    for image in hostile_strings(tmp_path):
        with pytest.raises(ImageError, match=r"train\.jsonl:3") as caught:
            resolver.resolve(image, SOURCE)
        assert str(caught.value).isascii()
        assert caught.value.issues[0].rule in ("image-path", "image-missing")
        assert caught.value.issues[0].remedy


def test_links_inside_and_configured_roots_are_allowed(tmp_path: Path) -> None:
    base = make_tree(tmp_path)
    good = (base / "images" / "good.png").resolve()
    assert ImageResolver(base).resolve("inside.png", SOURCE) == good
    secret = (tmp_path / "secret" / "good.png").resolve()
    open_minded = ImageResolver(base, (tmp_path / "secret",))
    assert open_minded.resolve(str(secret), SOURCE) == secret
    assert open_minded.resolve("link.png", SOURCE) == secret
    for still in ("../secret/good.png", "/etc/passwd", str(tmp_path / "data-evil" / "good.png")):
        with pytest.raises(ImageError):
            open_minded.resolve(still, SOURCE)
