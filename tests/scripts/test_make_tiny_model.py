import json
import time

import pytest

from src.training.torchvision_shim import ensure_torchvision
from tests.training_fixtures import run_module

ensure_torchvision()


@pytest.fixture(scope="module")
def twice(tmp_path_factory, scenes):
    folders = []
    for _ in range(2):
        out = tmp_path_factory.mktemp("model") / "m"
        begun = time.perf_counter()
        run_module(
            "scripts.make_tiny_model", "--out", str(out), "--text", str(scenes / "train.jsonl")
        )
        assert time.perf_counter() - begun < 60  # 20 s on a free machine
        folders.append(out)
    return folders


def test_the_same_arguments_give_the_same_bytes(twice):
    first, second = twice
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert json.loads((first / "made_by.json").read_text())["parameters"] < 3_000_000


def test_real_classes_load_it(twice):
    from transformers import AutoProcessor, Qwen3VLForConditionalGeneration

    model = Qwen3VLForConditionalGeneration.from_pretrained(twice[0])
    processor = AutoProcessor.from_pretrained(twice[0])
    tokenizer = processor.tokenizer
    assert model.config.image_token_id == tokenizer.convert_tokens_to_ids("<|image_pad|>")
    # Digits are tokens of their own, as in the released tokenizer; special tokens are never split.
    assert len(tokenizer.tokenize("1234")) == 4
    assert len(tokenizer.encode("<|vision_start|><|image_pad|><|vision_end|>")) == 3
    text = '[{"bbox_2d": [1, 22, 333, 4], "label": "digit seven 螺丝 é"}]'
    assert tokenizer.decode(tokenizer.encode(text)) == text
    rendered = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Hi."}]}],
        add_generation_prompt=True,
    )
    assert rendered == (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Hi.<|im_end|>\n<|im_start|>assistant\n"
    )
