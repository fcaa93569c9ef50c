"""Make a Qwen3-VL checkpoint folder from nothing: real classes, real processor, small sizes, random weights.

Everything that a released checkpoint has is there (config, byte-level BPE with Qwen's pre-tokeniser and special tokens, image
and video processors, chat template, generation config), so the training and inference code under test is the one that runs on
released weights. The vocabulary is trained on the given JSONL files' own words. Takes a few seconds; the same arguments give
the same bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.errors import UsageError
from src.files import write_text
from src.training.torchvision_shim import ensure_torchvision
from src.utils.cli import parser, run
from src.utils.logger import get_logger

logger = get_logger(__name__)

# The released tokenizer's added tokens, in its order; text that spells one of them becomes that token.
SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# Qwen2's pre-tokeniser: letters, single digits, punctuation, white space. One token per digit follows from it.
PRETOKENIZER = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CHAT_TEMPLATE = """\
{%- macro render(content) -%}
{%- if content is string -%}{{ content }}
{%- else -%}
{%- for part in content -%}
{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'video' -%}<|vision_start|><|video_pad|><|vision_end|>
{%- elif part.type == 'text' -%}{{ part.text }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ render(message.content) }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}"""
# Words of the prompts and formats that ship with the project; the JSONL's own words come on top.
BASE_TEXT = (
    "system user assistant\n",
    "Describe every object in the image as JSON with its geometry.\n",
    '{"object_1": {"desc": "x", "bbox_2d": [10, 20, 300, 400]}, "object_2": {"desc": "y", "line_points": 2, '
    '"line": [[1, 2], [3, 4]]}, "object_3": {"desc": "z", "poly": [[1, 2], [3, 4], [5, 6]]}}',
    '[{"bbox_2d": [10, 20, 300, 400], "label": "x"}, {"poly": [1, 2, 3, 4, 5, 6], "label": "y"}]',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Widths and depths of the two towers; heads are `hidden // head_dim`."""

    text_hidden: int
    text_layers: int
    vision_hidden: int
    vision_layers: int
    deepstack: tuple[int, ...]
    head_dim: int = 32
    vocabulary: int = 512


SIZES = {
    "nano": Size(text_hidden=64, text_layers=2, vision_hidden=64, vision_layers=2, deepstack=(0,)),
    "tiny": Size(
        text_hidden=128, text_layers=3, vision_hidden=128, vision_layers=3, deepstack=(0, 1)
    ),
    "small": Size(
        text_hidden=256, text_layers=6, vision_hidden=192, vision_layers=6, deepstack=(1, 3)
    ),
}


def texts_of(files: Iterable[Path]) -> Iterator[str]:
    """The words of contract JSONL files: each distinct desc, summary and message, sorted."""
    words: set[str] = set()
    for file in files:
        with file.open(encoding="utf-8") as handle:
            for line in handle:
                record = json.loads(line)
                words.update(item["desc"] for item in record.get("objects", ()))
                words.update(message["content"] for message in record.get("messages", ()))
                if record.get("summary"):
                    words.add(record["summary"])
    return iter(sorted(words))


def train_tokenizer(texts: Iterable[str], vocabulary: int):
    """A `Qwen2TokenizerFast`-style tokenizer with at most `vocabulary` byte-level BPE entries plus the special tokens."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZER), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer=trainer)
    core.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL_TOKENS[1:]),
        model_max_length=32768,
        clean_up_tokenization_spaces=False,
    )


def model_config(size: Size, tokenizer):
    """A `Qwen3VLConfig` of the given size over the tokenizer's vocabulary."""
    from transformers import Qwen3VLConfig

    token = tokenizer.convert_tokens_to_ids
    heads = size.text_hidden // size.head_dim
    rotary_half = size.head_dim // 2
    sections = [rotary_half - 2 * (rotary_half // 3), rotary_half // 3, rotary_half // 3]
    return Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": size.text_hidden,
            "intermediate_size": 3 * size.text_hidden,
            "num_hidden_layers": size.text_layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "head_dim": size.head_dim,
            "max_position_embeddings": 32768,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": sections,
                "mrope_interleaved": True,
            },
            "tie_word_embeddings": True,
            "bos_token_id": token("<|endoftext|>"),
            "eos_token_id": token("<|im_end|>"),
            "pad_token_id": token("<|endoftext|>"),
        },
        vision_config={
            "depth": size.vision_layers,
            "hidden_size": size.vision_hidden,
            "intermediate_size": 3 * size.vision_hidden,
            "num_heads": size.vision_hidden // size.head_dim,
            "out_hidden_size": size.text_hidden,
            "num_position_embeddings": 256,
            "deepstack_visual_indexes": list(size.deepstack),
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )


def make_model(out: Path, texts: Sequence[str], size: Size, seed: int) -> int:
    """Write the checkpoint folder; returns the number of parameters."""
    ensure_torchvision()
    import torch
    from transformers import Qwen3VLForConditionalGeneration
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    tokenizer = train_tokenizer([*BASE_TEXT, *texts], size.vocabulary)
    config = model_config(size, tokenizer)
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config)
    model.generation_config.update(
        do_sample=False,
        eos_token_id=[config.text_config.eos_token_id, config.text_config.pad_token_id],
        pad_token_id=config.text_config.pad_token_id,
    )
    out.mkdir(parents=True, exist_ok=True)
    # transformers finds a folder complete by its config; weights first, config last.
    model.save_pretrained(out)
    _processor(tokenizer).save_pretrained(out)
    return sum(parameter.numel() for parameter in model.parameters())


def _processor(tokenizer):
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    sizes = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2}
    normal = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    image_processor = Qwen2VLImageProcessor(
        **sizes, **normal, size={"shortest_edge": 4096, "longest_edge": 16777216}
    )
    video_processor = Qwen3VLVideoProcessor(
        **sizes, **normal, size={"shortest_edge": 4096, "longest_edge": 25165824}
    )
    return Qwen3VLProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        video_processor=video_processor,
        chat_template=CHAT_TEMPLATE,
    )


def main(argv: Sequence[str]) -> int:
    arguments = parser("python -m scripts.make_tiny_model", (__doc__ or "").split("\n\n")[0])
    arguments.add_argument("--out", required=True, type=Path, help="checkpoint folder to write")
    arguments.add_argument(
        "--text", nargs="*", type=Path, default=[], help="contract JSONL files for the vocabulary"
    )
    arguments.add_argument("--preset", choices=sorted(SIZES), default="tiny", help="size")
    arguments.add_argument("--seed", type=int, default=0, help="seed of the random weights")
    options = arguments.parse_args(argv)
    for file in options.text:
        if not file.is_file():
            raise UsageError.say(f"--text file {file} does not exist")
    count = make_model(
        options.out, list(texts_of(options.text)), SIZES[options.preset], options.seed
    )
    write_text(
        options.out / "made_by.json",
        json.dumps({"preset": options.preset, "seed": options.seed, "parameters": count}) + "\n",
    )
    logger.info("wrote %s: %.2f M parameters", options.out, count / 1e6)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
