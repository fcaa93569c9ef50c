"""`python -m src.stats --jsonl FILE [--model DIR] [--config X]`: what a data file holds, and what its answers cost.

With a model (or a config, which names one) the cost of each format is in tokens of its tokenizer, without one in characters. A
config also gives the coordinate space, the order of objects and the picture sizes; without one they are norm1000,
reference_tlbr and the widest that the model takes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from src.config.loader import find_config, load_config, resolve_path
from src.contract.budget import PixelBudget
from src.contract.index import JsonlIndex
from src.datasets.assembly import make_budget
from src.datasets.builders.config import BuilderConfig
from src.datasets.survey import FormatCost, Spread, Survey, format_costs, survey_file
from src.datasets.tables import plain_table
from src.errors import UsageError
from src.training.tokenizer import open_tokenizer
from src.utils.cli import parser, run

NUM_LABELS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Under which answers are written and pictures sized; `checkpoint` None counts characters."""

    builder: BuilderConfig
    budget: PixelBudget
    checkpoint: Path | None

    @property
    def unit(self) -> str:
        return "characters" if self.checkpoint is None else "tokens"

    def length_of(self) -> Callable[[str], int]:
        return len if self.checkpoint is None else open_tokenizer(self.checkpoint)


def main(argv: Sequence[str]) -> int:
    options = parser("python -m src.stats", "Tell what a data file holds and what formats cost.")
    options.add_argument("--jsonl", required=True, type=Path, help="contract JSONL")
    options.add_argument("--model", type=Path, help="checkpoint folder whose tokenizer counts")
    options.add_argument("--config", help="config file, or its name under configs/")
    options.add_argument("--set", action="append", default=[], metavar="a.b=c", help="override")
    options.add_argument("--labels", type=int, default=NUM_LABELS, help="how many labels to list")
    options.add_argument("--json", action="store_true", help="print JSON alone")
    chosen = options.parse_args(argv)
    if chosen.labels < 0:
        raise UsageError.say("--labels is a count", got=str(chosen.labels), expected="0 or more")
    settings = settings_of(chosen.config, chosen.set, chosen.model)
    length_of = settings.length_of()
    index = JsonlIndex.open(chosen.jsonl)
    survey, rows = survey_file(index, settings.budget)
    costs = format_costs(index, rows, settings.builder, settings.budget, length_of)
    if chosen.json:
        sys.stdout.write(json.dumps(report(survey, costs, settings, chosen.labels), indent=1))
    else:
        sys.stdout.write("\n".join(lines(survey, costs, settings, chosen.labels)))
    sys.stdout.write("\n")
    return 0


def settings_of(config: str | None, overrides: Sequence[str], model: Path | None) -> Settings:
    """A config's settings; `model` wins over the checkpoint that it names."""
    if config is None:
        builder = BuilderConfig(json_format="standard", emit_norm="norm1000")
        return Settings(builder=builder, budget=PixelBudget(), checkpoint=model)
    loaded = load_config(find_config(config), overrides).config
    custom = loaded.custom
    builder = BuilderConfig(
        json_format=custom.json_format,
        emit_norm=custom.emit_norm,
        object_ordering_policy=custom.object_ordering_policy,
    )
    named = model or resolve_path(loaded.model["model"])
    return Settings(builder=builder, budget=make_budget(loaded), checkpoint=named)


def report(
    survey: Survey, costs: Sequence[FormatCost], settings: Settings, num_labels: int
) -> dict[str, Any]:
    """Everything as plain values."""
    told = asdict(survey)
    told["num_labels"] = len(survey.labels)
    told["labels"] = dict(islice(survey.labels.items(), num_labels))
    told["unit"] = settings.unit
    told["emit_norm"] = settings.builder.emit_norm
    told["formats"] = {cost.name: asdict(cost) for cost in costs}
    return told


def lines(
    survey: Survey, costs: Sequence[FormatCost], settings: Settings, num_labels: int
) -> list[str]:
    """The same to read."""
    modes = ", ".join(f"{count} {mode}" for mode, count in survey.modes.items())
    kinds = ", ".join(f"{count} {kind}" for kind, count in survey.kinds.items())
    told = [f"records  {survey.num_records}: {modes}"]
    if survey.num_invalid:
        told.append(f"invalid  {survey.num_invalid} left out (python -m src.contract check)")
    told.append(f"objects  {survey.num_objects}{': ' if kinds else ''}{kinds}")
    spreads = {
        "objects per record": survey.objects_per_record,
        "width, pixels": survey.width_px,
        "height, pixels": survey.height_px,
        "image tokens": survey.image_tokens,
    }
    rows = [(name, *spread_cells(found)) for name, found in spreads.items() if found is not None]
    told += ["", *plain_table(("", "least", "mean", "median", "most"), rows)]
    if survey.labels:
        shown = list(islice(survey.labels.items(), num_labels))
        title = f"labels ({len(shown)} of {len(survey.labels)})"
        told += ["", *plain_table((title, "objects"), shown)]
    if costs:
        rows = [
            (cost.name, f"{cost.per_object:.1f}", f"{cost.per_answer:.1f}", f"{cost.ratio:.2f}")
            for cost in costs
        ]
        columns = ("json_format", f"{settings.unit}/object", f"{settings.unit}/answer", "ratio")
        told += ["", *plain_table(columns, rows)]
    return told


def spread_cells(found: Spread) -> tuple[str, ...]:
    values = (found.least, found.mean, found.median, found.most)
    return tuple(f"{value:.1f}".removesuffix(".0") for value in values)


if __name__ == "__main__":
    sys.exit(run(main))
