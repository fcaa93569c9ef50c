"""The transformers engine with a real (nano) model, and the steering of its tokens; one process, one load."""

import json
import math
from dataclasses import replace

import pytest

from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.render import render
from src.datasets.scene import open_scene
from src.errors import ConfigError
from src.export import export
from src.generation.grounding import Grounding, read_grounding
from src.generation.prediction import jsonl_items
from src.generation.types import GenerationOptions, GenerationRequest
from src.training.torchvision_shim import ensure_torchvision

GROUNDING = Grounding(
    builder=BuilderConfig(json_format="qwen", emit_norm="norm1000"),
    system=None, user="Detect.", domain="generic", min_pixels=4096, max_pixels=1 << 20,
)  # fmt: skip


@pytest.fixture(scope="module")
def engine(nano_model):
    ensure_torchvision()
    from src.training.ms_swift.engine import load_engine

    return load_engine(nano_model, "float32")


@pytest.fixture(scope="module")
def requests(scenes):
    builder = JsonLinesBuilder(GROUNDING.builder, GROUNDING.prompts)
    return [
        GenerationRequest(
            key=str(item.row),
            conversation=builder.prompt(
                render(open_scene(item.record, list(item.pictures)), GROUNDING.budget)
            ),
        )
        for item in jsonl_items(scenes / "val.jsonl")[:3]
    ]


def test_each_item_draws_from_its_own_seed_in_any_batch(engine, requests):
    options = GenerationOptions(max_new_tokens=6, temperature=1.0, seed=3)
    together = engine.generate(requests, options)
    alone = [engine.generate([request], options)[0] for request in reversed(requests)]
    assert together == alone[::-1]
    assert len({result.text for result in together}) == len(requests)
    other = engine.generate(requests, GenerationOptions(max_new_tokens=6, temperature=1.0, seed=4))
    assert all(a.text != b.text for a, b in zip(together, other, strict=True))


def test_greedy_answers_do_not_depend_on_the_batch_and_a_low_temperature_is_nearly_greedy(
    engine, requests
):
    greedy = engine.generate(requests[:2], GenerationOptions(max_new_tokens=4))
    for request, result in zip(requests, greedy, strict=False):
        assert engine.generate([request], GenerationOptions(max_new_tokens=4)) == [result]
    assert {result.finish_reason for result in greedy} <= {"length", "stop"}
    cold = engine.generate(requests[:2], GenerationOptions(max_new_tokens=4, temperature=1e-6))
    assert cold == greedy


def test_scores_are_those_of_the_model_and_spell_the_text(engine, requests, monkeypatch):
    """The other way to them: one forward pass over prompt and answer together."""
    import torch

    from src.training.ms_swift.engine import to_infer_request

    answers = []
    score = engine._scores
    monkeypatch.setattr(
        engine, "_scores", lambda tokens, row: answers.append(tokens) or score(tokens, row)
    )
    options = GenerationOptions(max_new_tokens=6, temperature=1.0, logprobs=True)
    results = engine.generate(requests[:2], options)
    assert engine.generate(requests[:2], replace(options, logprobs=False)) == [
        replace(result, tokens=None) for result in results
    ]
    inner = engine.engine
    for request, result, ids in zip(requests, results, answers, strict=False):
        assert "".join(token.text for token in result.tokens) == result.text
        inputs = inner.template.data_collator([inner.template.encode(to_infer_request(request))])
        length = inputs["input_ids"].shape[1]
        answer = torch.tensor([ids])
        inputs["input_ids"] = torch.cat([inputs["input_ids"], answer], dim=1)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        if "mm_token_type_ids" in inputs:
            inputs["mm_token_type_ids"] = torch.cat(
                [inputs["mm_token_type_ids"], torch.zeros_like(answer)], dim=1
            )
        for name in ("position_ids", "text_position_ids", "labels"):
            inputs.pop(name, None)
        with torch.no_grad():
            logits = inner.model(**inputs).logits[0, length - 1 : -1]
        expected = torch.log_softmax(logits.float(), -1).gather(1, answer[0][:, None])[:, 0]
        found = torch.tensor([token.logprob for token in result.tokens])
        assert torch.allclose(found, expected[: len(found)], atol=1e-3)


def test_a_grammar_is_refused(engine, requests):
    with pytest.raises(ConfigError, match="cannot constrain"):
        engine.generate(requests[:1], GenerationOptions(grammar='root ::= "[]"'))


def test_closing_lets_go_of_the_model():
    """By a stand-in whose template holds the model too, as ms-swift's does: a live weak reference is memory not freed."""
    import gc
    import weakref
    from types import SimpleNamespace

    ensure_torchvision()
    from src.training.ms_swift.engine import SwiftEngine

    class Model:
        pass

    model = Model()
    model.itself = model
    inner = SimpleNamespace(model=model, engine=model, template=SimpleNamespace(model=model))
    held, engine = weakref.ref(model), SwiftEngine(inner)
    del model
    gc.collect()
    assert held() is not None
    engine.close()
    assert held() is None


@pytest.mark.full
def test_a_merged_adapter_answers_as_the_adapter_does(engine, requests, nano_model, tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model
    from swift.model import get_model_processor

    from src.training.ms_swift.engine import load_engine

    model, _ = get_model_processor(
        str(nano_model), torch_dtype=torch.float32, model_type="qwen3_vl"
    )
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear"))
    torch.manual_seed(0)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapter = tmp_path / "adapter"
    adapted.save_pretrained(adapter)
    with pytest.raises(ConfigError, match="base model is unknown"):
        load_engine(adapter)
    (adapter / "args.json").write_text(json.dumps({"model": str(nano_model)}))
    out = export(adapter, tmp_path / "merged", GROUNDING)
    assert read_grounding(out) == GROUNDING
    assert [path.name for path in out.glob("adapter*")] == []
    options = GenerationOptions(max_new_tokens=5)
    merged, apart, plain = (
        [result.text for result in each.generate(requests[:2], options)]
        for each in (load_engine(out, "float32"), load_engine(adapter, "float32"), engine)
    )
    assert merged == apart
    assert merged != plain


VOCABULARY = ["<end>", "[{", "]}", '"bbox_2d": [1, 2, 3, 4', ', "label": "a"', ", {", "zzz"]


def steered(times, **changes):
    """Rows of a fake model: the first loops, the second goes on with something else; what `generate` would do."""
    import torch

    from src.training.ms_swift.steering import Steering

    decode = lambda ids: "".join(VOCABULARY[i] for i in ids)  # noqa: E731
    steering = Steering(
        ["a", "b"],
        GenerationOptions(max_repeats=times, **changes),
        end=0,
        special=[0],
        decode=decode,
    )
    loop = [1, 4, 3, 2] + [5, 4, 3, 2] * 5
    other = [1, 4, 3, 2] + [6] * 20
    ids = torch.full((2, 3), 6)
    for step in range(len(loop)):
        logits = torch.zeros(2, len(VOCABULARY))
        logits[0, loop[step]] = logits[1, other[step]] = 20.0
        ids = torch.cat([ids, steering(ids, logits).argmax(-1)[:, None]], dim=1)
    return steering, ids[:, 3:].tolist(), loop, other


@pytest.mark.parametrize("temperature", [0.0, 0.2])
def test_a_row_that_repeats_itself_ends_and_the_others_go_on(temperature):
    steering, (looping, going), loop, other = steered(3, temperature=temperature)
    assert looping[:12] == loop[:12]
    assert looping[12:] == [0] * (len(loop) - 12)
    assert going == other
    assert [row.is_repeating for row in steering.rows] == [True, False]


def test_without_enough_repeats_nothing_ends():
    _, (looping, _), loop, _ = steered(7)
    assert looping == loop


def test_sampling_follows_the_probabilities():
    """20,000 draws of 4 tokens at temperature 2; the bound is 4.4 standard deviations."""
    import torch

    from src.training.ms_swift.steering import Steering

    count = 20_000
    steering = Steering(
        [str(n) for n in range(count)],
        GenerationOptions(temperature=2.0, logprobs=True), end=0, special=[0], decode=lambda ids: "",
    )  # fmt: skip
    logits = torch.log(torch.tensor([0.5, 0.2, 0.0, 0.3])).expand(count, 4)
    chosen = steering(torch.zeros(count, 1, dtype=torch.long), logits).argmax(-1)
    weights = torch.tensor([0.5, 0.2, 0.0, 0.3]).sqrt()
    shares = torch.bincount(chosen, minlength=4) / count
    assert torch.allclose(shares, weights / weights.sum(), atol=4.4 * math.sqrt(0.25 / count))
    assert shares[2] == 0
    # The scores are the model's own, whatever the temperature.
    for row in steering.rows[:50]:
        assert row.logprobs[0] == pytest.approx(
            math.log([0.5, 0.2, 0.0, 0.3][row.ids[0]]), abs=1e-5
        )
