"""The processes that share one prediction, and the point where they wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from src.utils.logger import rank, world_size


def _nobody_to_meet() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """This process (`rank`, from 0) among `world_size`; `meet` returns when every one has called it as often."""

    rank: int = 0
    world_size: int = 1
    meet: Callable[[], None] = _nobody_to_meet


ALONE = Ranks()


def ranks_of_launch() -> Ranks:
    """The ranks that torchrun started; alone without it.

    They meet over gloo on the CPU, which waits a day: a rank may have much longer answers than another. torchrun ends all when
    one fails. Cost: imports torch when there are several.
    """
    if world_size() == 1:
        return ALONE
    import torch.distributed as dist

    if not dist.is_initialized():
        dist.init_process_group("gloo", timeout=timedelta(days=1))
    return Ranks(rank=rank(), world_size=world_size(), meet=dist.barrier)
