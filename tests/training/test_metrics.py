"""The loss, and what is told about it per data set and kind of token.

Faults that they catch: a mean of means over ranks or micro-batches, labels that are not shifted, kinds beside the wrong token (by
one, or on the padded side), an evaluation sample that is counted twice because ranks get equally many, 0 / 0.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from src.training.kinds import CODES
from src.training.metrics import NUM_CODES, Traffic, mean_loss, token_logs
from src.training.torchvision_shim import ensure_torchvision

ensure_torchvision()


def batch(dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(4, 9, 21, generator=generator).to(dtype).requires_grad_()
    labels = torch.randint(0, 21, (4, 9), generator=generator)
    labels[:, :3] = -100
    labels[1] = -100
    labels[2, 6:] = -100
    return logits, labels


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_loss_and_its_gradient_are_hugging_faces(dtype):
    from transformers.loss.loss_utils import ForCausalLMLoss

    from src.training.ms_swift.metrics import normalised, token_losses

    logits, labels = batch(dtype)
    theirs = ForCausalLMLoss(logits, labels, vocab_size=21, num_items_in_batch=torch.tensor(40))
    (expected,) = torch.autograd.grad(theirs, logits)
    losses, hits, _ = token_losses(logits, labels)
    ours = normalised(losses, torch.tensor(40))
    (gradient,) = torch.autograd.grad(ours, logits)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    assert torch.allclose(gradient, expected, rtol=1e-5, atol=1e-8)
    assert losses.dtype == torch.float32
    supervised = labels[:, 1:] != -100
    right = logits[:, :-1].argmax(-1)[supervised] == labels[:, 1:][supervised]
    assert torch.equal(hits, right)
    assert len(losses) == supervised.sum() < labels.numel()


def test_a_batch_without_any_label_has_loss_zero_and_a_gradient():
    from src.training.ms_swift.metrics import normalised, token_losses

    logits, labels = batch()
    losses, _, _ = token_losses(logits, torch.full_like(labels, -100))
    loss = normalised(losses, torch.tensor(0))
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def meter_of(groups, losses, hits, device="cpu"):
    from src.training.ms_swift.metrics import TokenMeter

    meter = TokenMeter(2, torch.device(device))
    meter.add(torch.tensor(groups), torch.tensor(losses), torch.tensor(hits))
    return meter.totals(meter.counted().numpy())


def test_sums_of_ranks_are_added_before_anything_is_divided():
    desc, text = CODES["desc"], CODES["text"]
    first = meter_of([desc, desc, desc, text], [1.0, 1.0, 1.0, 5.0], [True, True, True, False])
    second = meter_of([desc, NUM_CODES + text], [9.0, 2.0], [False, True])
    logs = token_logs(first + second, ("a", "b"))
    assert logs == pytest.approx(
        {
            "loss/a": 17 / 5, "token_acc/a": 3 / 5, "loss/b": 2.0, "token_acc/b": 1.0,
            "loss/a/desc": 3.0, "token_acc/a/desc": 3 / 4, "loss/a/text": 5.0, "token_acc/a/text": 0.0,
            "loss/b/text": 2.0, "token_acc/b/text": 1.0,
            "loss_by_kind/desc": 3.0, "token_acc_by_kind/desc": 3 / 4,
            "loss_by_kind/text": 3.5, "token_acc_by_kind/text": 0.5, "token_acc": 4 / 6,
        }
    )  # fmt: skip
    assert mean_loss(first + second) == pytest.approx(19 / 6)
    # The planted fault: the mean of the ranks' means.
    apart = [token_logs(part, ("a", "b"))["loss/a/desc"] for part in (first, second)]
    assert np.mean(apart) != pytest.approx(logs["loss/a/desc"])
    assert token_logs(np.zeros_like(first), ("a", "b")) == {}
    assert mean_loss(np.zeros_like(first)) is None


def test_what_is_not_counted_is_in_no_sum():
    from src.training.ms_swift.metrics import TokenMeter

    meter = TokenMeter(1, torch.device("cpu"))
    groups = torch.tensor([1, meter.uncounted])
    meter.add(groups, torch.tensor([2.0, 100.0]), torch.tensor([True, False]))
    assert mean_loss(meter.totals(meter.counted().numpy())) == 2.0


@pytest.mark.parametrize("side", ["right", "left"])
def test_kinds_stand_beside_their_labels_in_a_padded_batch(template, side):
    import copy

    from src.datasets.plan import SampleKey
    from src.datasets.unified_fusion_dataset import KeyedSample
    from src.training.ms_swift.pixels import fast_encoder
    from src.training.ms_swift.trainer import collate
    from tests.training.test_encoding import talk

    fast = fast_encoder(template)
    padding = copy.copy(template)
    padding.padding_side = side
    padding._get_position_ids = lambda inputs: {}  # they need a model
    talks = [talk("q", "1, 2"), talk("a longer question", "three 4 five", pictures=((64, 64),))]
    samples = [KeyedSample(SampleKey(0, n, 0), n, fast(t)) for n, t in enumerate(talks)]
    samples.append(KeyedSample(SampleKey(0, 2, 0), 1, fast.filler(), True))
    made = collate(samples, pad=padding.data_collator)
    kinds = made["token_kinds"]
    assert kinds.shape == made["labels"].shape
    assert kinds.dtype == torch.int8
    assert torch.equal(kinds != 0, made["labels"] != -100)
    assert made["sample_fillers"].tolist() == [False, False, True]
    assert made["sample_datasets"].tolist() == [0, 1, 1]
    # The planted fault: kinds that are off by one token.
    assert not torch.equal(kinds.roll(1, dims=1) != 0, made["labels"] != -100)


def test_traffic_is_told_in_rates_of_the_whole_run():
    moved = Traffic(samples=40, slots=1000, tokens=900, fillers=1, wait_s=2.0, active_s=20.0)
    assert moved.logs(world_size=2) == pytest.approx(
        {
            "padding_ratio": 0.1,
            "data_wait_share": 0.1,
            "samples_per_second": 4.0,
            "tokens_per_second": 90.0,
        }
    )
    nothing = Traffic(samples=0, slots=0, tokens=0, fillers=0, wait_s=0, active_s=1.0)
    assert nothing.logs(1) == {}


def test_waiting_is_what_the_loader_takes_and_nothing_else():
    from src.training.ms_swift.metrics import Stopwatch

    def slow():
        for number in range(3):
            time.sleep(0.05)
            yield number

    watch = Stopwatch()
    watch.start()
    seen = []
    for number in watch.waiting(slow()):
        seen.append(number)
        time.sleep(0.02)
    watch.stop()
    time.sleep(0.05)
    wait, active = watch.take()
    assert seen == [0, 1, 2]
    assert 0.14 < wait < active - 0.05
    assert watch.take() == (0.0, 0.0)


def bare_trainer(process_index, world_size):
    """Only what the sums of a rank need: the whole trainer is in the tests of the real one."""
    from types import SimpleNamespace

    from src.training.ms_swift.metrics import MeasuredTrainer, Stopwatch, TokenMeter

    trainer = MeasuredTrainer.__new__(MeasuredTrainer)
    trainer.args = SimpleNamespace(process_index=process_index, world_size=world_size)
    trainer.meters = {"train": TokenMeter(2, torch.device("cpu"))}
    trainer._passed = torch.zeros(4, dtype=torch.float64)
    trainer.stopwatch = Stopwatch()
    trainer.fillers = 0
    return trainer


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_sums_outlive_a_checkpoint_on_any_number_of_ranks(world_size):
    import json

    states = []
    for rank in range(2):
        saved = bare_trainer(rank, 2)
        saved.meters["train"].add(
            torch.tensor([1, 7]), torch.tensor([0.1 + rank, 2.0]), torch.tensor([True, False])
        )
        saved._passed += torch.tensor([2.0, 30.0, 20.0 + rank, 1.0])
        saved.stopwatch.give(0.25, 1.5)
        saved.fillers = 3
        states.append(json.loads(json.dumps(saved.measures_state())))
        assert saved.stopwatch.take() == (0.25, 1.5)  # saving takes nothing away
    resumed = [bare_trainer(rank, world_size) for rank in range(world_size)]
    for trainer in resumed:
        trainer.restore_measures(states)
        assert trainer.fillers == 3
    sums = sum(trainer.meters["train"].sums for trainer in resumed)
    assert np.array_equal(sums.numpy(), np.sum([state["sums"] for state in states], axis=0))
    assert sum(trainer._passed for trainer in resumed).tolist() == [4.0, 60.0, 41.0, 2.0]
    assert sum(trainer.stopwatch.take()[1] for trainer in resumed) == 3.0
