"""The vLLM backend: what it asks of ms-swift's engine, by a fake one; vLLM itself is not installed here."""

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import pytest

from src.contract.records import Source
from src.datasets.builders.conversation import Conversation, Turn
from src.errors import ConfigError, DataError
from src.generation.openai_protocol import item_seed
from src.generation.types import GenerationOptions, GenerationRequest, TokenScore
from src.training.torchvision_shim import ensure_torchvision

TEXT = '[{"bbox_2d": [1, 2, 3, 4], "label": "a"}'
END = 0


class FakeEngine:
    """Answers in reverse order of arrival, with characters as tokens and a stop token at the end."""

    def __init__(self, text, finish_reason="stop"):
        self.text = text
        self.finish_reason = finish_reason
        self.seen = []
        self.template = SimpleNamespace(skip_stop_tokens=lambda ids: [i for i in ids if i != END])
        self.tokenizer = SimpleNamespace(decode=lambda ids: "".join(map(chr, ids)))

    async def infer_async(self, request, config, *, pre_infer_hook):
        arguments = pre_infer_hook({"generation_config": SimpleNamespace()})
        self.seen.append((request, config, arguments["generation_config"]))
        await asyncio.sleep(0.01 / len(self.seen))
        ids = [*map(ord, self.text), END]
        content = [{"token": "?", "logprob": -float(n)} for n in range(len(ids))]
        message = SimpleNamespace(content=self.text)
        return SimpleNamespace(choices=[SimpleNamespace(
            message=message, finish_reason=self.finish_reason, token_ids=ids, logprobs={"content": content},
        )])  # fmt: skip


def requests(*keys):
    return [
        GenerationRequest(
            key=key,
            conversation=Conversation(
                system=None, turns=(Turn("user", key),), spans=(),
                pixels=(np.zeros((32, 32, 3), np.uint8),), source=Source(file="f", line=1),
            ),
        )
        for key in keys
    ]  # fmt: skip


@pytest.fixture(scope="module")
def vllm():
    ensure_torchvision()
    from src.training.ms_swift import vllm

    return vllm


def engine_of(vllm, fake):
    return vllm.VllmSwiftEngine(fake, lambda parameters, text: setattr(parameters, "grammar", text))


def test_each_request_has_its_own_seed_and_the_options(vllm):
    fake = FakeEngine(TEXT)
    options = GenerationOptions(
        max_new_tokens=7, temperature=0.5, seed=3, logprobs=True, grammar="root ::= x"
    )
    results = engine_of(vllm, fake).generate(requests("4", "5"), options)
    assert [(r.messages[0]["content"], c.seed) for r, c, _ in fake.seen] == [
        ("4", item_seed(3, "4")), ("5", item_seed(3, "5")),
    ]  # fmt: skip
    request, config, parameters = fake.seen[0]
    assert request.images[0].size == (32, 32)
    assert (config.max_tokens, config.temperature, config.top_p, config.top_k) == (7, 0.5, 1.0, -1)
    assert (config.repetition_penalty, config.logprobs) == (1.0, True)
    assert parameters.grammar == "root ::= x"
    assert [r.text for r in results] == [TEXT, TEXT]
    assert results[0].finish_reason == "stop"
    assert results[0].tokens == tuple(TokenScore(c, -float(n)) for n, c in enumerate(TEXT))


def test_batches_share_one_loop_and_nothing_is_constrained_unasked(vllm):
    engine = engine_of(vllm, FakeEngine(TEXT, "length"))
    for _ in range(2):
        (result,) = engine.generate(requests("1"), GenerationOptions())
        assert result.finish_reason == "length"
        assert result.tokens is None
    assert [vars(parameters) for *_, parameters in engine.engine.seen] == [{}, {}]


def test_closing_shuts_vllm_down_where_it_offers_that(vllm):
    calls = []
    for inner in (SimpleNamespace(shutdown=lambda: calls.append("down")), SimpleNamespace()):
        fake = FakeEngine(TEXT)
        fake.engine = inner
        engine = engine_of(vllm, fake)
        engine.generate(requests("1"), GenerationOptions())
        engine.close()
        assert engine.loop.is_closed()
    assert calls == ["down"]


def test_repetitions_are_cut_and_other_ends_are_refused(vllm):
    text = f"{TEXT}, {TEXT[1:]}, {TEXT[1:]}, {TEXT[1:]}]"
    (result,) = engine_of(vllm, FakeEngine(text)).generate(
        requests("1"), GenerationOptions(max_repeats=3)
    )
    assert result.text == f"{TEXT}, {TEXT[1:]}, {TEXT[1:]}"
    assert result.finish_reason == "repetition"
    with pytest.raises(DataError, match="abort"):
        engine_of(vllm, FakeEngine(text, "abort")).generate(requests("1"), GenerationOptions())


def test_without_vllm_the_command_to_install_it_is_told(vllm, tmp_path):
    with pytest.raises(ConfigError, match="pip install 'vllm"):
        vllm.load_vllm_engine(tmp_path, settings=vllm.VllmSettings())


def test_a_checkpoint_with_code_is_refused(vllm, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    vllm.refuse_code(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "x.Y"}}))
    with pytest.raises(ConfigError, match="auto_map"):
        vllm.refuse_code(tmp_path)
