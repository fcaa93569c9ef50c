"""`main([CONFIG, OUT, SIZES...])`: the gradient of one global batch, cut in several ways.

Each of SIZES, such as `3+5`, is the micro-batches of one optimizer step in their order (rank after rank within each turn). The
real trainer trains on the same samples again and again at a learning rate of 0; before each step its gradients are written to
OUT-<step>.npy by rank 0. Several ranks take turns as the trainer's own sampler has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.config.loader import load_config
from src.datasets.plan import SampleKey
from src.utils.logger import rank, world_size


def micro_batches(keys: list[SampleKey], sizes: list[int]) -> list[list[SampleKey]]:
    """This rank's micro-batches of a step."""
    ends = np.cumsum(sizes).tolist()
    whole = [keys[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    assert ends[-1] == len(keys)
    return whole[rank() :: world_size()]


def main(argv: Sequence[str]) -> int:
    config, out, *cuts = argv
    from src.training.run import TrainingRun
    from src.training.signals import StopSignals

    run = TrainingRun(load_config(Path(config), []).config)
    keys = list(run.data.plan.global_batch(0, 0))
    turns = [micro_batches(keys, [int(n) for n in cut.split("+")]) for cut in cuts]

    from swift.dataloader import DataLoaderShard
    from transformers import TrainerCallback

    class Writer(TrainerCallback):
        def on_pre_optimizer_step(self, args, state, control, model, **kwargs):
            grads = [p.grad.double().flatten().numpy() for p in model.parameters()]
            if rank() == 0:
                np.save(f"{out}-{state.global_step}.npy", np.concatenate(grads))

    trainer = run.session.trainer(run.dataset, None, saving=run.saving(), stop=StopSignals())
    trainer.add_callback(Writer())
    per_step = len(turns[0])
    assert trainer.args.gradient_accumulation_steps == per_step
    trainer.get_train_dataloader = lambda skip_batches=0: DataLoaderShard(
        run.dataset,
        device=trainer.accelerator.device,
        batch_sampler=[batch for turn in turns for batch in turn],
        collate_fn=trainer.data_collator,
    )
    run.session.train(trainer)
    return 0
