"""What has its name is whole and verified, whatever the server does. No network: a local server that breaks off."""

import hashlib
import json
import re
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from public_data.__main__ import main
from public_data.download import PUBLISHED
from public_data.fetching import Checksum, fetch
from public_data.unzipping import unzip
from src.errors import DataError, UsageError

CONTENT = np.random.default_rng(0).bytes(300_000)
RIGHT = Checksum(algorithm="sha256", digest=hashlib.sha256(CONTENT).hexdigest())
NO_PAUSE = (0.0, 0.0)


class Server(ThreadingHTTPServer):
    """Serves `content`, at most `piece` bytes an answer before it hangs up; records the ranges asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.etag, self.piece = CONTENT, '"one"', None
        self.has_ranges, self.refusals, self.ranges = True, [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/data/file.zip"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        if server.refusals:
            self.send_error(server.refusals.pop(0))
            return
        asked = self.headers["Range"]
        server.ranges.append(asked)
        start, size = 0, len(server.content)
        if asked and server.has_ranges and self.headers["If-Range"] in (None, server.etag):
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(size - start))
        self.send_header("ETag", server.etag)
        self.end_headers()
        self.wfile.write(server.content[start:][: server.piece])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_connection_that_breaks_off_is_resumed_where_it_ended(server, tmp_path):
    server.piece = 100_000
    target = tmp_path / "deep" / "file.zip"
    assert fetch(server.url, target, RIGHT, NO_PAUSE)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=200000-"]
    assert [path.name for path in target.parent.iterdir()] == ["file.zip"]
    assert not fetch(server.url, target, RIGHT, NO_PAUSE)  # verified, not fetched again
    assert len(server.ranges) == 3


def test_a_new_start_goes_on_with_what_arrived(server, tmp_path):
    server.piece = 0
    target = tmp_path / "file.zip"
    with pytest.raises(DataError, match="broke off"):
        fetch(server.url, target, RIGHT, NO_PAUSE)
    assert not target.exists()
    server.piece = 120_000
    with pytest.raises(DataError, match="120000 bytes so far"):
        fetch(server.url, target, RIGHT, ())
    server.piece, server.ranges = None, []
    fetch(server.url, target, RIGHT, ())
    assert server.ranges == ["bytes=120000-"]
    assert target.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_fetched_anew(server, tmp_path):
    """Fault: the end of the new file after the beginning of the old one."""
    server.piece = 100_000
    target = tmp_path / "file.zip"
    with pytest.raises(DataError):
        fetch(server.url, target, None, ())
    server.piece, server.etag = None, '"two"'
    server.content = CONTENT[::-1]
    fetch(server.url, target, None, ())
    assert target.read_bytes() == CONTENT[::-1]


def test_a_server_without_ranges_sends_it_whole(server, tmp_path):
    server.piece, server.has_ranges = 100_000, False
    with pytest.raises(DataError):
        fetch(server.url, tmp_path / "file.zip", RIGHT, ())
    server.piece = None
    fetch(server.url, tmp_path / "file.zip", RIGHT, ())
    assert (tmp_path / "file.zip").read_bytes() == CONTENT


def test_everything_arrived_before_the_kill(server, tmp_path):
    target = tmp_path / "file.zip"
    (tmp_path / "file.zip.part").write_bytes(CONTENT)
    (tmp_path / "file.zip.part.json").write_text(json.dumps({"validator": server.etag}))
    fetch(server.url, target, RIGHT, ())
    assert target.read_bytes() == CONTENT


def test_wrong_bytes_are_refused_and_not_gone_on_from(server, tmp_path):
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(DataError, match="checksum"):
        fetch(server.url, tmp_path / "file.zip", RIGHT, ())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file.zip").write_bytes(b"old")
    with pytest.raises(DataError, match="checksum"):
        fetch(server.url, tmp_path / "file.zip", RIGHT, ())


def test_busy_servers_are_asked_again_and_refusals_are_not(server, tmp_path):
    server.refusals = [503, 429]
    fetch(server.url, tmp_path / "file.zip", RIGHT, NO_PAUSE)
    server.refusals = [404, 404]
    with pytest.raises(DataError, match="404"):
        fetch(server.url, tmp_path / "other.zip", RIGHT, NO_PAUSE)
    assert len(server.refusals) == 1


def test_no_server(tmp_path):
    with pytest.raises(DataError, match="no connection"):
        fetch("http://127.0.0.1:9/file.zip", tmp_path / "file.zip", None, ())


def zip_of(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def test_the_command_fetches_verifies_and_unpacks(server, tmp_path, capsys):
    server.content = zip_of(
        tmp_path / "made.zip", [("a/b.txt", b"hello"), ("c.txt", b"x")]
    ).read_bytes()
    digest = hashlib.md5(server.content).hexdigest()
    out = tmp_path / "out"
    words = [
        "download",
        server.url,
        "--out",
        str(out),
        "--checksum",
        f"md5:{digest}",
        "--unzip",
        "--json",
    ]
    assert main(words) == 0
    (done,) = json.loads(capsys.readouterr().out)
    assert (done["fetched"], done["unpacked"]) == (True, 2)
    assert (out / "a" / "b.txt").read_bytes() == b"hello"
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)[0]["fetched"] is False
    assert main(["download", server.url, "--out", str(tmp_path / "free"), "--no-checksum"]) == 0


@pytest.mark.parametrize(
    "name", ["../out.txt", "/etc/x", "a/../../x", "C:/x", "a\\..\\x", "new\nline"]
)
def test_an_archive_cannot_write_outside(tmp_path, name):
    archive = zip_of(tmp_path / "bad.zip", [("good.txt", b"x"), (name, b"y")])
    with pytest.raises(DataError, match="zip-member"):
        unzip(archive, tmp_path / "deep" / "out")
    assert {path.name for path in tmp_path.rglob("*")} == {"bad.zip"}


def test_links_and_damage_in_archives_are_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(DataError, match="a link"):
        unzip(zip_of(tmp_path / "link.zip", [(link, b"/etc/passwd")]), tmp_path / "out")
    archive = zip_of(tmp_path / "cut.zip", [("a.bin", CONTENT), ("b.txt", b"x")])
    data = bytearray(archive.read_bytes())
    data[1000:1010] = b"0123456789"
    archive.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        unzip(archive, tmp_path / "out")
    assert not (tmp_path / "out" / "a.bin").exists()
    archive.write_bytes(b"PK")
    with pytest.raises(DataError, match="damaged"):
        unzip(archive, tmp_path / "out")


def test_unpacking_goes_on_and_mends(tmp_path):
    archive = zip_of(tmp_path / "a.zip", [("a.txt", b"aaa"), ("b.txt", b"bbb")])
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").write_bytes(b"aXa")  # torn by a lost write
    assert unzip(archive, out) == 2
    assert (out / "a.txt").read_bytes() == b"aaa"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("lvis-v1-train",),
        ("lvis-v1-trian", "--out", "x"),
        ("http://a.b/c.zip", "--out", "x"),
        ("file:///etc/passwd", "--out", "x", "--no-checksum"),
        ("http://a.b/", "--out", "x", "--no-checksum"),
        ("http://a.b/c.zip", "--out", "x", "--checksum", "md5:12"),
        ("http://a.b/c.zip", "--out", "x", "--checksum", "crc:12345678"),
        ("http://a.b/c", "http://a.b/d", "--out", "x", "--checksum", RIGHT.algorithm + ":" + RIGHT.digest),
    ],
)  # fmt: skip
def test_wrong_usage_fetches_nothing(words):
    with pytest.raises(UsageError):
        main(["download", *words])


def test_the_published_table_is_well_formed(capsys):
    assert all(Checksum.parse(file.checksum) for file in PUBLISHED.values())
    assert main(["download", "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(file.url in shown for file in PUBLISHED.values())
