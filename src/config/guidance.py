"""What to do instead of keys that were renamed, removed, or belong to this project rather than to ms-swift."""

from __future__ import annotations

from collections.abc import Mapping

_PLAN = "the batch plan decides this; remove it"
_ORDER = "samples are shuffled by custom.seed and the epoch; remove it"

GUIDANCE: Mapping[str, str] = {
    "inherit": "write `extends` instead",
    "train_type": "renamed: write tuner.tuner_type",
    "packing": "removed: training uses padded batches, since packing mixes images of several samples",
    "packing_length": "removed together with packing",
    "packing_buffer": "removed together with packing",
    "padding_free": "removed: training uses padded batches",
    "hard_sample_mining": "removed: it made runs depend on their history; weight data sets instead",
    "images_per_user_turn": "removed: a record's images always stand in one user turn",
    "summary_ratio": "removed: mix dense and summary data as two data sets",
    "use_legacy_fusion": "removed: there is one fusion",
    "summary_label_grouping": "removed: group labels during conversion",
    "jsonl": "write custom.train_jsonl",
    "rlhf": "removed: this version trains with supervised fine-tuning",
    "dataset": "write custom.train_jsonl",
    "val_dataset": "write custom.val_jsonl",
    "split_dataset_ratio": "split when converting; write custom.val_jsonl",
    "streaming": "removed: records are indexed, never loaded whole",
    "lazy_tokenize": "removed: samples are always encoded by workers",
    "strict": "removed: a broken sample never is replaced; see custom.on_invalid_record",
    "group_by_length": _PLAN,
    "dataloader_drop_last": _PLAN,
    "train_dataloader_shuffle": _ORDER,
    "dataset_shuffle": _ORDER,
    "val_dataset_shuffle": _ORDER,
    "cached_dataset": "removed: records are read from custom.train_jsonl",
    "use_flash_ckpt": "removed: an asynchronous save cannot tell when a checkpoint is complete",
    "ignore_data_skip": "removed: a resumed run goes on where it stopped; resume_only_model starts anew from weights",
    "per_gpu_train_batch_size": "write training.per_device_train_batch_size",
    "system": "write prompts.system",
    "max_length": "write global_max_length",
    "max_model_len": "write global_max_length",
    "truncation_strategy": "never set: samples are never cut; see custom.on_over_long",
}
"""By bare key; a key is looked up here when it is not legal where it stands."""

REFUSED = frozenset(
    {
        "packing", "packing_length", "padding_free", "dataset", "val_dataset", "split_dataset_ratio",
        "streaming", "lazy_tokenize", "strict", "group_by_length", "dataloader_drop_last",
        "train_dataloader_shuffle", "dataset_shuffle", "val_dataset_shuffle", "cached_dataset",
        "cached_val_dataset", "system", "use_flash_ckpt", "ignore_data_skip",
    }
)  # fmt: skip
"""Legal for ms-swift, but decided by this project."""
