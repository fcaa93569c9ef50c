"""`grounding.json`: what a checkpoint was taught to read and write, kept beside its weights.

Version 2 adds the version of the answer parsers; files of version 1 are read as of the first parsers.

A model that answers on a grid of 1000 and a reader that expects pixels is the commonest silent fault of such models; whoever
loads the checkpoint can know instead of guess.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from src.config.schema import TrainingConfig
from src.contract.budget import PixelBudget
from src.datasets.assembly import make_budget
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Prompts
from src.datasets.builders.formats.registry import PARSER_VERSION
from src.datasets.mix import MemberSpec, member_specs
from src.errors import ConfigError
from src.files import write_text
from src.typed_yaml.load import load_typed

FILE = "grounding.json"
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """Prompts, text format, coordinate space, picture sizes and parser version of a checkpoint."""

    version: int = VERSION
    parser_version: int = PARSER_VERSION
    builder: BuilderConfig
    system: str | None
    user: str
    domain: str
    min_pixels: int
    max_pixels: int

    @property
    def prompts(self) -> Prompts:
        return Prompts(system=self.system, user=self.user)

    @property
    def budget(self) -> PixelBudget:
        return PixelBudget(min_pixels=self.min_pixels, max_pixels=self.max_pixels)


def grounding_of(spec: MemberSpec, budget: PixelBudget) -> Grounding:
    """What a data set teaches a checkpoint."""
    return Grounding(
        builder=spec.builder,
        system=spec.prompts.system,
        user=spec.prompts.user,
        domain=spec.domain,
        min_pixels=budget.min_pixels,
        max_pixels=budget.max_pixels,
    )


def grounding_of_run(config: TrainingConfig) -> Grounding:
    """What a run of this config teaches a checkpoint; of a mix, the text format and prompts of its first target."""
    return grounding_of(member_specs(config)[0], make_budget(config))


def write_grounding(folder: Path, grounding: Grounding) -> None:
    """Write `grounding.json` into a checkpoint folder."""
    write_text(folder / FILE, json.dumps(asdict(grounding), indent=2, ensure_ascii=False) + "\n")


def read_grounding(folder: Path) -> Grounding | None:
    """The folder's grounding, None when it has none; `ConfigError` when it cannot be read."""
    path = folder / FILE
    if not path.is_file():
        return None
    grounding = load_typed(path, Grounding)
    if grounding.version == 1:
        grounding = replace(grounding, version=VERSION, parser_version=1)
    for name, got, newest in (
        ("version", grounding.version, VERSION),
        ("parser_version", grounding.parser_version, PARSER_VERSION),
    ):
        if not 1 <= got <= newest:
            raise ConfigError.say(
                f"{path} is of a later program",
                path=name,
                got=str(got),
                expected=f"1 to {newest}",
                remedy="update this project, or export the checkpoint again",
            )
    return grounding
