"""`src.predict` from its words to its file, over a server on this machine: no torch is loaded."""

import json
import os
import sys
from dataclasses import replace

import pytest

from src.contract.predictions import read_predictions
from src.errors import UsageError
from src.generation.backends import Backend, open_engine
from src.generation.grounding import write_grounding
from src.predict import main
from src.utils.cli import run
from tests.generation.test_openai_endpoint import completion, serve
from tests.generation.test_prediction import GROUNDING

TEXT = '[{"bbox_2d": [0, 0, 500, 500], "label": "x"}]'


@pytest.fixture
def predict(scenes, tmp_path):
    """Runs the command with the given words; returns its exit code."""
    model = tmp_path / "model"
    model.mkdir()
    write_grounding(model, GROUNDING)

    def command(*words, source=("--jsonl", str(scenes / "val.jsonl"))):
        return run(
            main, ["--model", str(model), *source, "--out", str(tmp_path / "p.jsonl"), *words]
        )

    return command


def test_a_server_answers_and_a_second_run_goes_on(predict, tmp_path, capsys):
    def reply(body, earlier):
        busy = len(seen) > 7 and not done
        return (400, b"enough", {}) if busy else (200, completion(TEXT), {})

    done = []
    with serve(reply) as (engine, seen, _):
        words = (
            "--backend", "openai", "--endpoint", engine.endpoint.url, "--batch-size", "4", "--json",
            "--concurrency", "1", "--extra-body", '{"top_k": 5}', "--temperature", "0.5", "--seed", "3",
        )  # fmt: skip
        assert predict(*words) == 1
        assert "enough" in capsys.readouterr().err
        assert not (tmp_path / "p.jsonl").exists()
        done.append(True)
        before = len(seen)
        assert predict(*words, "--seed", "4") == 1
        assert "options.seed: 3 instead of 4" in capsys.readouterr().err
        assert predict(*words) == 0
        assert len(seen) - before == 8
    assert json.loads(capsys.readouterr().out) == {
        "out": str(tmp_path / "p.jsonl"),
        "num_images": 12,
    }
    found = list(read_predictions(tmp_path / "p.jsonl"))
    assert [item.row for item in found] == list(range(12))
    assert found[0].objects[0].points == (0.0, 0.0, 32.0, 32.0)
    body = seen[0][0]
    assert (body["model"], body["top_k"], body["temperature"]) == (str(tmp_path / "model"), 5, 0.5)


def test_other_records_under_the_same_name_are_another_run(predict, scenes, tmp_path, capsys):
    text = (scenes / "val.jsonl").read_text().replace("images/", f"{scenes}/images/")
    lines = text.splitlines(keepends=True)
    source = ("--jsonl", str(tmp_path / "val.jsonl"), "--root", str(scenes))

    def reply(body, earlier):
        return (400, b"enough", {}) if len(seen) > 2 else (200, completion(TEXT), {})

    with serve(reply) as (engine, seen, _):
        words = ("--backend", "openai", "--endpoint", engine.endpoint.url, "--batch-size", "1")
        for chosen in (lines[:4], lines[1:5]):
            (tmp_path / "val.jsonl").write_text("".join(chosen))
            assert predict(*words, source=source) == 1
    assert len(seen) == 3
    assert "source:" in capsys.readouterr().err


def test_constraints_reach_the_server(predict, tmp_path):
    (tmp_path / "labels").write_text("red cup\n\nbolt\n")
    with serve(lambda *_: (200, completion("[]"), {})) as (engine, seen, _):
        words = (
            "--backend",
            "openai",
            "--endpoint",
            engine.endpoint.url,
            "--limit",
            "1",
            "--restart",
        )
        assert predict(*words, "--constrain") == 0
        assert predict(*words, "--labels", str(tmp_path / "labels")) == 0
    free, limited = (body["structured_outputs"]["grammar"] for body, *_ in seen)
    assert free.startswith("root ::=")
    assert "red cup" in limited
    assert "red cup" not in free


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--constrain"], "transformers backend cannot constrain"),
        (["--backend", "openai"], "--endpoint goes with"),
        (["--endpoint", "http://x"], "--endpoint goes with"),
        (["--max-repeats", "1"], "--max-repeats is too small"),
        (["--temperature", "-1"], "--temperature is too small"),
        (["--max-new-tokens", "0"], "--max-new-tokens is too small"),
        (["--batch-size", "0"], "must be at least 1"),
        (["--limit", "0"], "must be at least 1"),
        (["--backend", "openai", "--endpoint", "file:///etc/passwd"], "--endpoint is no URL"),
        (["--backend", "openai", "--endpoint", "http://u", "--extra-body", "[1]"], "not a JSON object"),
        (["--backend", "openai", "--endpoint", "http://u", "--extra-body", "{"], "not JSON"),
        (["--backend", "openai", "--endpoint", "http://u", "--concurrency", "0"], "--concurrency is too small"),
        (["--backend", "openai", "--endpoint", "http://u", "--labels", "no/such"], "no/such does not exist"),
    ],
)  # fmt: skip
def test_words_that_make_no_sense_are_wrong_usage(predict, words, message, capsys):
    assert predict(*words) == 2
    assert message in capsys.readouterr().err


def test_a_missing_key_is_told_before_anything_is_sent(predict, capsys, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    words = [
        "--backend",
        "openai",
        "--endpoint",
        "http://127.0.0.1:9",
        "--api-key-env",
        "NO_SUCH_KEY",
    ]
    assert predict(*words) == 1
    assert "NO_SUCH_KEY holds no key" in capsys.readouterr().err


def checkpoint(folder):
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen3_vl"}')
    (folder / "model.safetensors").write_bytes(b"1")
    return folder


def test_weights_that_changed_are_another_model(tmp_path):
    folder = checkpoint(tmp_path / "m")
    backend = Backend(name="transformers", model=str(folder), dtype="float32")
    first = backend.identity()
    assert backend.identity() == first
    (folder / "model.safetensors").write_bytes(b"22")
    assert changed(first, backend.identity()) == {"weights"}


def changed(first, second):
    return {name for name in first | second if first[name] != second[name]}


def test_an_adapters_base_and_the_dtype_in_memory_count_by_name(tmp_path, monkeypatch):
    """Faults: a run with another --base, with changed weights of the base, or on another device is continued."""
    from src.training.ms_swift import checkpoint_files

    bases = [checkpoint(tmp_path / name) for name in ("one", "two")]
    os.utime(bases[1] / "model.safetensors", (0, 0))
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"1")
    (adapter / "args.json").write_text(json.dumps({"model": str(bases[0])}))
    backend = Backend(name="transformers", model=str(adapter), dtype="float32")
    first = backend.identity()
    assert first["base"] == str(bases[0])
    assert changed(first, replace(backend, base=bases[1]).identity()) == {"base", "weights"}
    (bases[0] / "model.safetensors").write_bytes(b"22")
    assert changed(first, backend.identity()) == {"weights"}
    (adapter / "adapter_model.safetensors").write_bytes(b"22")
    assert changed(first, backend.identity()) == {"weights", "adapter_weights"}
    for default in ("bfloat16", "float32"):
        monkeypatch.setattr(checkpoint_files, "default_dtype", lambda default=default: default)
        assert replace(backend, dtype=None).identity()["dtype"] == default


def test_values_of_extra_fields_are_compared_and_not_written(predict, tmp_path, capsys):
    def reply(body, earlier):
        return (400, b"enough", {}) if len(seen) > 2 else (200, completion(TEXT), {})

    with serve(reply) as (engine, seen, _):
        words = ("--backend", "openai", "--endpoint", engine.endpoint.url, "--batch-size", "1")
        for token in ("alpha-secret", "beta-secret"):
            assert predict(*words, "--extra-body", json.dumps({"token": token, "top_k": 5})) == 1
    told = capsys.readouterr().err
    assert "backend.extra_body.token" in told
    assert "top_k" not in told
    assert "secret" not in told + (tmp_path / "p.jsonl.partial").read_text()
    assert seen[0][0]["token"] == "alpha-secret"
    for broken in ('["secret"]', '{"secret'):
        assert predict(*words, "--extra-body", broken) == 2
    assert "secret" not in capsys.readouterr().err


def test_vllm_is_not_run_by_torchrun(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="not run by torchrun"):
        open_engine(Backend(name="vllm", model="m"))


def test_a_server_needs_no_torch():
    from tests.training_fixtures import run_code

    code = "import sys, src.predict, src.parity, src.export; print('torch' in sys.modules, 'swift' in sys.modules)"
    assert run_code(code).split() == ["False", "False"], sys.version


def test_an_extra_field_that_is_gone_is_named(predict, capsys):
    def reply(body, earlier):
        return (400, b"enough", {}) if len(seen) > 2 else (200, completion(TEXT), {})

    with serve(reply) as (engine, seen, _):
        words = ("--backend", "openai", "--endpoint", engine.endpoint.url, "--batch-size", "1")
        assert predict(*words, "--extra-body", '{"top_k": 5}') == 1
        assert predict(*words) == 1
    assert "backend.extra_body.top_k" in capsys.readouterr().err
