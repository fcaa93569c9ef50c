"""Whether the figure that chooses the best checkpoint will be there: told before training, not at the first evaluation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from src.config.schema import TrainingConfig
from src.contract.predictions import Prediction
from src.errors import ConfigError
from src.evaluation.sections import SectionRules
from src.generation.held_out import HeldOutSet
from src.training.kinds import KINDS
from src.training.progress_page import score
from src.utils.suggest import did_you_mean


def figure_names(sets: Sequence[HeldOutSet], rules: Mapping[str, SectionRules]) -> set[str]:
    """The figures that evaluations of these records give, whatever is answered: those of empty answers."""
    return set(
        score([_unanswered(one, index) for one in sets for index in range(len(one.items))], rules)
    )


def check_best_metric(
    config: TrainingConfig, datasets: Sequence[str], figures: Collection[str]
) -> None:
    """`ConfigError` when no evaluation of these data sets gives `training.metric_for_best_model`."""
    named = config.training.get("metric_for_best_model")
    if named is None:
        return
    tokens = {"loss", "token_acc"}
    by_dataset = {f"{figure}/{name}" for figure in tokens for name in datasets}
    by_kind = {f"{figure}_by_kind/{kind}" for figure in tokens for kind in KINDS}
    both = {f"{name}/{kind}" for name in by_dataset for kind in KINDS}
    known = sorted(tokens | by_dataset | by_kind | both | set(figures))
    metric = named.removeprefix("eval_")
    if metric not in known:
        raise ConfigError.say(
            "no evaluation of these data gives this figure",
            path="training.metric_for_best_model",
            got=named,
            expected=" | ".join(sorted({name.split("/")[0] for name in known}))
            + ", with /DATA SET of several",
            remedy=did_you_mean(metric, known),
        )


def _unanswered(one: HeldOutSet, index: int) -> Prediction:
    item = one.items[index]
    return Prediction(
        image="",
        row=item.row,
        width=item.record.width,
        height=item.record.height,
        truth=item.truth,
        objects=(),
        dropped=(),
        is_valid=True,
        text="",
        finish_reason="stop",
        dataset=item.dataset,
        mode="summary" if one.builder.config.use_summary else "dense",
        summary=item.summary,
    )
