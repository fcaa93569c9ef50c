"""The held-out records that are predicted while training: which ones, and in which batches.

Batches are cut from one list that does not depend on the number of ranks, and whole batches are dealt to ranks: a batch's answers
can depend on what stands beside a record (padding, rounding), so its composition must not change with the ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config.schema import TrainingConfig
from src.contract.predictions import Prediction
from src.datasets.assembly import make_budget
from src.datasets.builders.jsonlines import JsonLinesBuilder
from src.datasets.mix import MemberSpec
from src.datasets.preparation import MemberData
from src.datasets.source import limited_rows
from src.errors import ImageError
from src.evaluation.sections import SectionRules
from src.generation.grounding import Grounding, grounding_of
from src.generation.prediction import PredictItem, predict_batch
from src.generation.types import Engine, GenerationOptions
from src.images import load_rgb
from src.utils.logger import get_logger

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutSet:
    """One data set's chosen records, with the prompt and text format that it is trained with."""

    name: str
    items: tuple[PredictItem, ...]
    builder: JsonLinesBuilder
    grounding: Grounding


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutBatch:
    """Records that are generated together."""

    of: HeldOutSet
    items: tuple[PredictItem, ...]


def held_out_sets(config: TrainingConfig, members: Sequence[MemberData]) -> tuple[HeldOutSet, ...]:
    """At most `custom.evaluation.samples` records of each member that has something to predict (chats have not)."""
    budget = make_budget(config)
    sets = []
    for member in members:
        source = member.dataset.source
        rows = limited_rows(source.rows, config.custom.evaluation.samples, config.custom.seed)
        builder = member.dataset.builder
        is_fixed_summary = builder.config.use_summary and builder.fixed_answer is not None
        items = []
        for row in rows.tolist():
            # Not through the source: its limits on objects are training's, and a truth must be whole.
            record = source.index.record(row, fix=source.fix)
            if not record.is_chat:
                items.append(
                    PredictItem(
                        row=row,
                        record=record,
                        pictures=tuple(source.pictures(record)),
                        truth=record.objects,
                        summary=builder.fixed_answer if is_fixed_summary else record.summary,
                        dataset=member.name,
                    )
                )
        if items:
            sets.append(
                HeldOutSet(
                    name=member.name,
                    items=tuple(items),
                    builder=builder,
                    grounding=grounding_of(member.opened.spec, budget),
                )
            )
    return tuple(sets)


def section_rules(spec: MemberSpec) -> SectionRules:
    """How the wording and the summaries of a data set are read, by its domain pack."""
    return SectionRules(
        irrelevant=spec.pack.tokens.irrelevant,
        desc_grammar=spec.pack.desc_grammar,
        grouping=spec.pack.grouping,
        summary_grammar=spec.pack.summary_grammar,
    )


def batches_of(sets: Sequence[HeldOutSet], size: int) -> list[HeldOutBatch]:
    """The sets cut into batches of at most `size`; no batch mixes data sets, whose prompts differ."""
    return [
        HeldOutBatch(of=one, items=one.items[start : start + size])
        for one in sets
        for start in range(0, len(one.items), size)
    ]


def predict_share(
    batches: Sequence[HeldOutBatch],
    engine: Engine,
    options: GenerationOptions,
    folder: Path,
    *,
    rank: int,
    world_size: int,
    skips_unreadable: bool = False,
) -> dict[int, list[Prediction]]:
    """This rank's batches by their number: every `world_size`-th one, from `rank` on.

    `skips_unreadable` leaves out records whose picture cannot be read any more, with a warning; else `ImageError`.
    """

    def answers(batch: HeldOutBatch, items: Sequence[PredictItem]) -> list[Prediction]:
        one = batch.of
        return predict_batch(items, engine, one.builder, one.grounding, options, folder)

    share = {}
    for number in range(rank, len(batches), world_size):
        batch = batches[number]
        try:
            share[number] = answers(batch, batch.items)
        except ImageError:
            if not skips_unreadable:
                raise
            readable = [item for item in batch.items if _is_readable(item)]
            share[number] = answers(batch, readable) if readable else []
    return share


def _is_readable(item: PredictItem) -> bool:
    try:
        for picture in item.pictures:
            load_rgb(picture)
    except ImageError as error:
        logger.warning("%s is left out of the evaluation: %s", item.record.source, error)
        return False
    return True
