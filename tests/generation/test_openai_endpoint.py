"""The OpenAI-compatible backend against a server on this machine, failures included."""

import base64
import io
import json
import ssl
import threading
import time
import urllib.error
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from src.contract.records import Source
from src.datasets.builders.conversation import Conversation, Turn
from src.errors import ConfigError, EndpointError
from src.generation.openai_endpoint import (
    Endpoint,
    OpenAiEngine,
    key_from_environment,
    wait_before,
)
from src.generation.openai_protocol import item_seed, parse_response
from src.generation.types import (
    GenerationOptions,
    GenerationRequest,
    GenerationResult,
    TokenScore,
)

PLAIN = GenerationOptions()
PIXELS = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)


def request(key="0", system="Be brief."):
    return GenerationRequest(
        key=key,
        conversation=Conversation(
            system=system, turns=(Turn("user", f"Detect {key}."), Turn("assistant", "no")),
            pixels=(PIXELS,), spans=(), source=Source(file="f", line=1),
        ),
    )  # fmt: skip


def completion(text, reason="stop", **choice):
    message = {"role": "assistant", "content": text}
    return {
        "choices": [{"index": 0, "message": message, "finish_reason": reason, **choice}],
        "usage": {"completion_tokens": 7},
    }


class Stub:
    """Answers `(status, body, headers)` of `reply(body, number of earlier requests with this text)`."""

    def __init__(self, reply):
        self.reply = reply
        self.seen = []
        self.lock = threading.Lock()

    def answer(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self.lock:
            text = body["messages"][-1]["content"][-1]["text"]
            earlier = sum(
                text == seen["messages"][-1]["content"][-1]["text"] for seen, *_ in self.seen
            )
            self.seen.append((body, handler.path, dict(handler.headers)))
        return self.reply(body, earlier)


@contextmanager
def serve(reply, **changes):
    """(engine, what the server saw, what the engine waited)."""
    stub, waits = Stub(reply), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            status, body, headers = stub.answer(self)
            if status == 0:  # the connection is lost
                self.connection.close()
                return
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):  # a client that did not wait
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    endpoint = Endpoint(
        url=f"http://127.0.0.1:{server.server_port}/v1", model="m", **{"max_retries": 3, **changes}
    )
    try:
        yield OpenAiEngine(endpoint=endpoint, wait=waits.append), stub.seen, waits
    finally:
        server.shutdown()
        server.server_close()


def failure(reply, match, keys=("0",), options=PLAIN, **changes):
    """(the only issue, what the server saw, the waits) of a call that must fail."""
    with serve(reply, **changes) as (engine, seen, waits):
        with pytest.raises(EndpointError, match=match) as caught:
            engine.generate([request(key) for key in keys], options)
        return caught.value.issues[0], seen, waits


def echo(body, earlier):
    return 200, completion(body["messages"][-1]["content"][-1]["text"]), {}


def test_what_is_sent():
    options = GenerationOptions(max_new_tokens=5, temperature=0.5, seed=9, grammar="root ::= x")
    with serve(echo, api_key="secret", extra={"top_k": 3}) as (engine, seen, _):
        assert engine.generate([request()], options)[0] == GenerationResult(
            text="Detect 0.", finish_reason="stop", num_tokens=7
        )
    ((body, path, headers),) = seen
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    url = body["messages"][1]["content"][0].pop("image_url")["url"]
    prefix = "data:image/png;base64,"
    assert url.startswith(prefix)
    sent = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.removeprefix(prefix)))))
    assert np.array_equal(sent, PIXELS)
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "Detect 0."}]},
        ],
        "max_tokens": 5, "temperature": 0.5, "top_p": 1.0, "seed": item_seed(9, "0"), "stream": False,
        "structured_outputs": {"grammar": "root ::= x"}, "top_k": 3,
    }  # fmt: skip
    assert item_seed(9, "0") != item_seed(9, "1") != item_seed(8, "1")
    assert "secret" not in repr(engine)


@pytest.mark.parametrize("field", ["guided_grammar", "grammar", "ebnf"])
def test_other_servers_take_the_grammar_elsewhere_and_jpeg_is_smaller(field):
    with serve(echo, grammar_field=field, picture_format="jpeg") as (engine, seen, _):
        engine.generate([request()], GenerationOptions(grammar="g"))
    body = seen[0][0]
    assert body[field] == "g"
    assert body["messages"][1]["content"][0]["image_url"]["url"].startswith("data:image/jpeg;")
    assert "Authorization" not in seen[0][2]


def test_answers_come_in_order_and_at_once():
    lock, running, most = threading.Lock(), [0], [0]

    def slow(body, earlier):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1
        return echo(body, earlier)

    with serve(slow, concurrency=4) as (engine, _, _):
        results = engine.generate([request(str(n)) for n in range(10)], GenerationOptions())
    assert [result.text for result in results] == [f"Detect {n}." for n in range(10)]
    assert 2 <= most[0] <= 4


@pytest.mark.parametrize(
    "failure", [(429, {}, {"Retry-After": "2"}), (503, b"busy", {}), (0, b"", {})]
)
def test_what_passes_is_tried_again(failure):
    def reply(body, earlier):
        return failure if earlier < 2 else echo(body, earlier)

    with serve(reply) as (engine, seen, waits):
        assert engine.generate([request()], GenerationOptions())[0].text == "Detect 0."
    assert len(seen) == 3
    assert waits == [2.0, 2.0] if failure[0] == 429 else waits[1] > waits[0] > 0.2


def test_tries_are_bounded():
    issue, seen, waits = failure(
        lambda *_: (500, b"down", {}), "did not answer in 4 tries", keys=("17",)
    )
    assert (len(seen), len(waits)) == (4, 3)
    assert "item 17" in issue.where
    assert "HTTP 500: down" in issue.got
    assert "goes on where it stood" in issue.remedy


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(401, "--api-key-env"), (404, "/v1"), (400, "own words"), (418, "server")],
)
def test_what_does_not_pass_fails_at_once_with_the_servers_words(status, remedy):
    issue, seen, _ = failure(
        lambda *_: (status, b"no such thing", {}), "no such thing", api_key="secret"
    )
    assert len(seen) == 1
    assert remedy in issue.remedy
    assert "secret" not in issue.render()


def test_the_key_goes_to_no_other_server_and_into_no_message():
    headers = {"Location": "http://127.0.0.1:9/v1/chat/completions"}
    issue, seen, _ = failure(lambda *_: (302, b"", headers), "HTTP 302", api_key="secret")
    assert len(seen) == 1
    issue, *_ = failure(lambda *_: (401, b"bad key secret!", {}), "refuses", api_key="secret")
    assert "bad key ***!" in issue.got


def test_nothing_new_begins_after_a_failure():
    def reply(body, earlier):
        return (
            (400, b"bad", {})
            if "t 0" in body["messages"][-1]["content"][-1]["text"]
            else echo(body, earlier)
        )

    _, seen, _ = failure(reply, "bad", keys=map(str, range(9)), concurrency=1)
    assert len(seen) == 1


def test_a_server_that_hangs_or_is_not_there():
    def hang(body, earlier):
        time.sleep(0.3)
        return echo(body, earlier)

    failure(hang, r"timed out|TimeoutError", timeout_s=0.05, max_retries=0)
    gone = Endpoint(url="http://127.0.0.1:9/v1", model="m", max_retries=0)
    with pytest.raises(EndpointError, match="refused"):
        OpenAiEngine(endpoint=gone).generate([request()], GenerationOptions())


def test_a_wrong_url_and_an_untrusted_certificate_fail_at_once(monkeypatch):
    def told(url):
        waits = []
        engine = OpenAiEngine(endpoint=Endpoint(url=url, model="m"), wait=waits.append)
        with pytest.raises(EndpointError) as caught:
            engine.generate([request()], PLAIN)
        assert waits == []
        return caught.value.issues[0]

    for url in ("http://127.0.0.1:9x/v1", "http://127.0.0.1:9/a b"):
        assert "--endpoint" in told(url).remedy

    def refuse(*_):
        raise urllib.error.URLError(ssl.SSLCertVerificationError(1, "self-signed certificate"))

    monkeypatch.setattr(OpenAiEngine, "_post", refuse)
    issue = told("https://127.0.0.1:9/v1")
    assert "self-signed certificate" in issue.got
    assert "SSL_CERT_FILE" in issue.remedy


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"{}", {"choices": []}, completion(None), completion("x") | {"usage": None},
     completion("x", "content_filter")],
)  # fmt: skip
def test_a_body_that_is_no_answer(body):
    _, seen, _ = failure(lambda *_: (200, body, {}), r"not a chat completion|another reason")
    assert len(seen) == 1  # A server that says this will say it again.


def entry(token, logprob, **more):
    return {"token": token, "logprob": logprob, **more}


def test_token_scores_spell_the_text():
    content = [
        entry("\ufffd", -1.0, bytes=[0xC3]),
        entry("\ufffd", -2.0, bytes=[0x9F]),
        entry("x", -3.0),
        entry("y", -1.0, bytes=None),
    ]
    answer = completion("ßxy", "length", logprobs={"content": content})
    options = GenerationOptions(logprobs=True)
    with serve(lambda *_: (200, answer, {})) as (engine, seen, _):
        (result,) = engine.generate([request()], options)
    assert seen[0][0]["logprobs"] is True
    assert result.finish_reason == "length"
    assert result.tokens == (
        TokenScore("", -1.0),
        TokenScore("ß", -2.0),
        TokenScore("x", -3.0),
        TokenScore("y", -1.0),
    )
    for lacking in (
        completion("x"),
        completion("x", logprobs=None),
        completion("x", logprobs={"content": [entry("x", float("nan"))]}),
    ):
        failure(lambda *_, body=lacking: (200, body, {}), "offers logprobs", options=options)


def test_half_a_character_becomes_a_replacement_character():
    """`json.dumps` writes a lone surrogate as the escape that such servers send."""
    content = [entry("a\ud83d", -1.0), entry("\ude00b", -2.0, bytes=None)]
    for text, expected in (("a\ud83d\ude00b", "a😀b"), ("a\ud83d!", "a\ufffd!")):
        data = json.dumps(completion(text, logprobs={"content": content})).encode()
        assert b"\\ud83d" in data
        result = parse_response(data, GenerationOptions(logprobs=True), "here")
        assert result.text == expected
        assert result.text.encode()
        assert [token.text for token in result.tokens] == ["a\ufffd", "\ufffdb"]


def test_waits_and_keys(monkeypatch):
    assert [wait_before(n, None, 1.0) for n in (0, 1, 2, 20)] == [0.5, 1.0, 2.0, 60.0]
    assert wait_before(3, None, 0.0) == 2.0
    assert wait_before(0, "9999", 0.0) == 60.0
    assert wait_before(0, "Wed, 21 Oct 2026 07:28:00 GMT", 1.0) == 0.5
    assert key_from_environment(None) is None
    monkeypatch.setenv("MY_KEY", " k ")
    assert key_from_environment("MY_KEY") == "k"
    with pytest.raises(ConfigError, match="NO_KEY holds no key"):
        key_from_environment("NO_KEY")
