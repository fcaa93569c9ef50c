"""The loss of a micro-batch and, from the same numbers, what was learned per data set and per kind of token.

ms-swift lets the model compute the loss and takes a second `argmax` over all logits for its accuracy. Here cross entropy is
computed once, in float32 and only where there is a label, through the trainer's own hook `compute_loss_func`; loss, metrics and
accuracy all come from it. Sums stay on the device until something is logged; then one `all_reduce` adds them over the ranks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import torch
import torch.distributed as dist
from swift.trainers import Seq2SeqTrainer
from torch.nn import functional

from src.files import append_line
from src.training.metrics import NUM_CODES, NUM_SUMS, Logs, Traffic, mean_loss, token_logs
from src.training.ms_swift.answers import IGNORED
from src.training.ms_swift.template import KINDS_KEY
from src.utils.logger import get_logger, rank, world_size

logger = get_logger(__name__)
DATASETS = "sample_datasets"
FILLERS = "sample_fillers"
GROUPS = "token_groups"
FAILURE = "failure"
Mode = Literal["train", "eval"]


def token_losses(
    logits: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cross entropy (N,) float32 and hits (N,) bool of the supervised tokens, and where they stand, (B, L - 1) bool.

    Logits (B, L, V) at a position predict the next label of (B, L). Only the N rows with a label are made float32.
    """
    targets = labels[:, 1:]
    supervised = targets != IGNORED
    chosen, wanted = logits[:, :-1][supervised], targets[supervised]
    losses = functional.cross_entropy(chosen.float(), wanted, reduction="none")
    return losses, chosen.detach().argmax(dim=-1) == wanted, supervised


def normalised(losses: torch.Tensor, num_tokens: torch.Tensor | int) -> torch.Tensor:
    """The sum of a micro-batch's losses by the tokens of the global batch; 0 for one of fillers alone, which has none."""
    return losses.sum() / torch.as_tensor(num_tokens).clamp(min=1)


class TokenMeter:
    """Sums of loss, hits and tokens by data set and kind, float64 on the device; one more row takes what is not counted."""

    def __init__(self, num_datasets: int, device: torch.device) -> None:
        self.num_datasets = num_datasets
        rows = num_datasets * NUM_CODES + 1
        self.sums = torch.zeros(rows, NUM_SUMS, dtype=torch.float64, device=device)

    @property
    def uncounted(self) -> int:
        """The group of tokens that are not to be counted."""
        return self.num_datasets * NUM_CODES

    def add(self, groups: torch.Tensor, losses: torch.Tensor, hits: torch.Tensor) -> None:
        """Count N tokens: `groups` (N,) is data set * NUM_CODES + code of the kind."""
        values = torch.stack([losses.double(), hits.double(), torch.ones_like(losses).double()], 1)
        self.sums.index_add_(0, groups, values)

    def counted(self) -> torch.Tensor:
        """The sums without the uncounted row, flat."""
        return self.sums[:-1].flatten()

    def totals(self, flat: np.ndarray) -> np.ndarray:
        """`counted` of all ranks together, in the shape of `token_logs`."""
        return flat.reshape(self.num_datasets, NUM_CODES, NUM_SUMS)


class Stopwatch:
    """Seconds of training, without logging, evaluation and saving, and the part of them spent waiting for data."""

    def __init__(self) -> None:
        self.wait_s = 0.0
        self._active_s = 0.0
        self._since: float | None = None

    def start(self) -> None:
        """Training goes on, unless it is going on."""
        if self._since is None:
            self._since = time.perf_counter()

    def stop(self) -> None:
        if self._since is not None:
            self._active_s += time.perf_counter() - self._since
        self._since = None

    def take(self) -> tuple[float, float]:
        """(wait, active) seconds since the last call."""
        taken = self.wait_s, self._active_s
        self.wait_s = self._active_s = 0.0
        return taken

    def give(self, wait_s: float, active_s: float) -> None:
        """Add seconds that another process measured."""
        self.wait_s += wait_s
        self._active_s += active_s

    def waiting(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches; what each takes to come counts as waiting."""
        while True:
            began = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            finally:
                self.wait_s += time.perf_counter() - began
            yield batch


def whole(batches: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The batches; the error of a sample that a worker could not read is raised here, with its place and remedy.

    It travels as a value, because a loader would raise a copy of it made of text alone.
    """
    for batch in batches:
        if FAILURE in batch:
            raise batch[FAILURE]
        yield batch


class MeasuredTrainer(Seq2SeqTrainer):
    """ms-swift's trainer with this project's loss and metrics.

    `dataset_names` are those of the training and of the evaluation data; `quarantined` records are reported as they are.
    Rank 0 appends each logging event to `metrics_file`. Where another loss is asked for (label smoothing, a loss type,
    Liger, sequence parallelism ...) the loss stays ms-swift's and only traffic is measured.
    """

    def __init__(
        self,
        *args: Any,
        dataset_names: Mapping[Mode, Sequence[str]],
        metrics_file: Path,
        quarantined: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.dataset_names = dataset_names
        self.metrics_file = metrics_file
        self.quarantined = quarantined
        self.fillers = 0
        self.stopwatch = Stopwatch()
        self.meters = {
            mode: TokenMeter(len(names), self.args.device) for mode, names in dataset_names.items()
        }
        self._passed = torch.zeros(4, dtype=torch.float64, device=self.args.device)
        self._groups: torch.Tensor | None = None
        other = self._other_loss()
        self.measures_tokens = other is None
        if other is None:
            self.compute_loss_func = self._token_loss
        else:
            logger.warning("no metrics per data set and kind of token: %s has its own loss", other)

    def _other_loss(self) -> str | None:
        """What asks for a loss that is not plain cross entropy; None for the usual."""
        args = self.args
        asked = {
            "loss_type": self.compute_loss_func is not None,
            "label_smoothing_factor": self.label_smoother is not None,
            "enable_dft_loss": args.enable_dft_loss,
            "enable_channel_loss": args.enable_channel_loss,
            "use_liger_kernel": args.use_liger_kernel,
            "sequence_parallel_size": self.template.sequence_parallel_size > 1,
            "tuner_backend": args.tuner_backend == "unsloth",
        }
        return next((name for name, is_asked in asked.items() if is_asked), None)

    @property
    def mode(self) -> Mode:
        return "train" if self.model.training else "eval"

    def get_batch_samples(self, epoch_iterator: Any, *args: Any, **kwargs: Any) -> Any:
        self.stopwatch.start()
        batches = whole(self.stopwatch.waiting(epoch_iterator))
        return super().get_batch_samples(batches, *args, **kwargs)

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> Any:
        self.stopwatch.stop()
        done = super()._maybe_log_save_evaluate(*args, **kwargs)
        self.stopwatch.start()
        return done

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        if FAILURE in inputs:
            raise inputs[FAILURE]
        # Before ms-swift leaves out the logits that no label needs: the order of supervised tokens outlives that.
        groups = self._token_groups(inputs.pop(DATASETS), inputs.pop(KINDS_KEY), inputs["labels"])
        self._count_batch(inputs.pop(FILLERS), inputs["attention_mask"])
        prepared = super()._prepare_inputs(inputs)
        prepared[GROUPS] = groups
        return dict(prepared)

    def _token_groups(
        self, datasets: torch.Tensor, kinds: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """The meter's groups (N,) of a batch's supervised tokens, row by row."""
        groups = datasets[:, None] * NUM_CODES + kinds[:, 1:]
        groups[self._repeats(len(labels)).to(groups.device)] = self.meters[self.mode].uncounted
        return groups[labels[:, 1:] != IGNORED].to(self.args.device)

    def _repeats(self, batch_size: int) -> torch.Tensor:
        """Which samples (B,) bool only fill the last evaluation batch: every rank gets equally many, so some come twice."""
        state = self.accelerator.gradient_state
        position = torch.arange(batch_size) + self.args.process_index * batch_size
        if self.mode == "train" or not state.end_of_dataloader or state.remainder <= 0:
            return torch.zeros(batch_size, dtype=torch.bool)
        return position >= state.remainder

    def _count_batch(self, fillers: torch.Tensor, attention_mask: torch.Tensor) -> None:
        if self.mode == "eval":
            return
        device = self.args.device
        self._passed[0] += len(attention_mask)
        self._passed[1] += attention_mask.numel()
        self._passed[2] += attention_mask.sum().to(device)
        self._passed[3] += fillers.sum().to(device)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        self._groups = inputs.pop(GROUPS)
        return super().compute_loss(model, inputs, *args, **kwargs)

    def _token_loss(
        self,
        outputs: Any,
        labels: torch.Tensor,
        *,
        num_items_in_batch: torch.Tensor | int | None = None,
        loss_scale: torch.Tensor | None = None,
        trainer: Any = None,
    ) -> torch.Tensor:
        """The loss as HF normalises it: the sum over tokens by the tokens of the whole global batch."""
        losses, hits, supervised = token_losses(outputs.logits, labels)
        assert self._groups is not None
        self.meters[self.mode].add(self._groups, losses.detach(), hits)
        if loss_scale is not None:
            # ms-swift hands the weights over flat and moved by one, to stand beside the logits.
            losses = losses * loss_scale.view(labels.shape)[:, :-1][supervised]
        return normalised(
            losses, losses.numel() if num_items_in_batch is None else num_items_in_batch
        )

    def _compute_acc(self, *args: Any, **kwargs: Any) -> None:
        if not self.measures_tokens:
            super()._compute_acc(*args, **kwargs)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Every rank calls this at once: sums are added over the ranks here."""
        logs.update(self._measured())
        super().log(logs, *args, **kwargs)
        if rank() == 0:
            append_line(
                self.metrics_file,
                orjson.dumps(self.state.log_history[-1], option=orjson.OPT_SERIALIZE_NUMPY),
            )

    def measures_state(self) -> dict[str, Any]:
        """What this rank has summed up since the last log line, for a checkpoint; JSON. Taken while the watch stands."""
        seconds = self.stopwatch.take()
        self.stopwatch.give(*seconds)
        return {
            "sums": self.meters["train"].sums.tolist(),
            "passed": self._passed.tolist(),
            "seconds": seconds,
            "fillers": self.fillers,
        }

    def restore_measures(self, states: Sequence[dict[str, Any]]) -> None:
        """Take up the sums of the ranks that saved (one dictionary each); for another number of ranks the first takes all."""
        own = self.args.process_index
        self.fillers = states[0]["fillers"]
        is_same_world = len(states) == self.args.world_size
        for state in [states[own]] if is_same_world else states if own == 0 else []:
            self.meters["train"].sums += self.meters["train"].sums.new_tensor(state["sums"])
            self._passed += self._passed.new_tensor(state["passed"])
            self.stopwatch.give(*state["seconds"])

    def _measured(self) -> Logs:
        """What was measured since the last call, over all ranks; of a mode in which nothing passed, nothing."""
        mode, meter = self.mode, self.meters[self.mode]
        seconds = self.stopwatch.take() if mode == "train" else (0.0, 0.0)
        mine = torch.cat([self._passed, self._passed.new_tensor(seconds), meter.counted()])
        if world_size() > 1:
            dist.all_reduce(mine)
        everyone = mine.cpu().numpy()
        samples, slots, tokens, fillers, wait_s, active_s = everyone[:6].tolist()
        totals = meter.totals(everyone[6:])
        meter.sums.zero_()
        logs = token_logs(totals, self.dataset_names[mode])
        if mode == "eval":
            loss = mean_loss(totals)
            # HF's own is a mean of batch means, which moves with the batch size and the number of ranks.
            return {f"eval_{n}": v for n, v in logs.items()} | (
                {} if loss is None else {"eval_loss": loss}
            )
        self._passed.zero_()
        self.fillers += int(fillers)
        traffic = Traffic(
            samples=samples, slots=slots, tokens=tokens, fillers=fillers, wait_s=wait_s, active_s=active_s
        )  # fmt: skip
        moved = traffic.logs(world_size())
        if moved:
            moved |= {"quarantined": self.quarantined, "fillers": self.fillers}
        return logs | moved
