"""A rendered scene -> the conversation that the model learns. Pure; some 20 microseconds an object.

Dense: the objects in the declared order and format. Summary: the record's `summary`. Chat: the record's own messages.
"""

from __future__ import annotations

from src.contract.coordinates import GRID, Norm, to_text_space
from src.contract.records import GeometryKind
from src.datasets.builders.config import BuilderConfig
from src.datasets.builders.conversation import Conversation, Prompts, Span, Turn, WrittenText
from src.datasets.builders.formats.registry import FORMATS
from src.datasets.builders.formats.writing import ObjectText
from src.datasets.builders.ordering import sort_key
from src.datasets.geometry.canonical import canonical_line, canonical_polygon
from src.datasets.scene import RenderedScene, SceneObject
from src.errors import ConfigError, RecordError

PLACEHOLDERS = ("<image>", "<video>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>")


class JsonLinesBuilder:
    """Builds conversations by one config; the same object serves training and inference prompts.

    `fixed_answer` is what every record that is no chat is answered with (negative data sets).
    """

    def __init__(
        self,
        config: BuilderConfig,
        prompts: Prompts,
        *,
        domain: str = "",
        dataset: str = "",
        fixed_answer: str | None = None,
    ) -> None:
        for text in (prompts.system or "", prompts.user):
            for placeholder in PLACEHOLDERS:
                if placeholder in text:
                    raise ConfigError.say(
                        "a prompt holds an image placeholder",
                        path="prompts",
                        got=placeholder,
                        remedy="remove it; the chat template places images",
                    )
        self.config = config
        self.prompts = prompts
        self.fixed_answer = fixed_answer
        task = "SUMMARY" if config.use_summary else "DETECTION"
        pattern = config.assistant_prefix_format
        self.prefix = (
            ""
            if pattern is None
            else pattern.format(task=task, domain=domain, dataset=dataset) + "\n"
        )

    def build(self, scene: RenderedScene) -> Conversation:
        """The conversation; `RecordError` when the record has nothing for the run's mode."""
        if scene.messages:
            first = scene.messages[0]
            system = first.content if first.role == "system" else None
            rest = scene.messages[1:] if system is not None else scene.messages
            turns = tuple(Turn(message.role, message.content) for message in rest)
            whole = Span(0, len(turns[-1].content), "text")
            return self._conversation(scene, system, turns, (whole,))
        answer = self._answer(scene)
        turns = (Turn("user", self.prompts.user), Turn("assistant", self.prefix + answer.text))
        shift = len(self.prefix)
        spans = tuple(Span(s.start + shift, s.end + shift, s.kind) for s in answer.spans)
        return self._conversation(scene, self.prompts.system, turns, spans)

    def prompt(self, scene: RenderedScene) -> Conversation:
        """The conversation up to the answer, for generation: the very prompt of `build`."""
        return self._conversation(
            scene, self.prompts.system, (Turn("user", self.prompts.user),), ()
        )

    def _answer(self, scene: RenderedScene) -> WrittenText:
        if self.fixed_answer is not None:
            whole = Span(0, len(self.fixed_answer), "text")
            return WrittenText(self.fixed_answer, (whole,))
        if self.config.use_summary:
            if scene.summary is None:
                raise RecordError.say(
                    "summary mode needs a summary",
                    where=str(scene.source),
                    path="summary",
                    rule="missing",
                    remedy="convert with summaries, or set custom.use_summary: false",
                )
            return WrittenText(scene.summary, (Span(0, len(scene.summary), "text"),))
        width, height = scene.size
        objects = [
            object_text(item, width, height, self.config.emit_norm) for item in scene.objects
        ]
        policy = self.config.object_ordering_policy
        objects.sort(key=lambda item: sort_key(item, policy))
        return FORMATS[self.config.json_format].write(objects)

    @staticmethod
    def _conversation(
        scene: RenderedScene, system: str | None, turns: tuple[Turn, ...], spans: tuple[Span, ...]
    ) -> Conversation:
        return Conversation(
            system=system, turns=turns, pixels=scene.pixels, spans=spans, source=scene.source
        )


def _with_extent(
    pairs: list[tuple[int, int]], kind: GeometryKind, grid: tuple[int, int]
) -> list[tuple[int, int]]:
    """Give what vanished between two grid lines one cell of extent, towards the inside of the grid.

    An object smaller than a cell would otherwise become a box without area or a single point, which no parser may accept.
    """
    (x1, y1), (x2, y2) = pairs[:2]
    if kind == "bbox_2d":
        x1, x2 = _apart(x1, x2, grid[0])
        y1, y2 = _apart(y1, y2, grid[1])
        return [(x1, y1), (x2, y2)]
    if len(set(pairs)) == 1:
        x1, x2 = _apart(x1, x1, grid[0])
        return [(x1, y1), *[(x2, y1)] * (len(pairs) - 1)]
    return pairs


def _apart(low: int, high: int, limit: int) -> tuple[int, int]:
    if low < high:
        return low, high
    return (low, low + 1) if low < limit else (limit - 1, limit)


def object_text(item: SceneObject, width: int, height: int, norm: Norm) -> ObjectText:
    """The object in the text's coordinates, its vertices in canonical order."""
    flat = to_text_space(item.shape.flat, width, height, norm)
    grid = (width, height) if norm == "none" else (GRID[norm], GRID[norm])
    pairs = _with_extent(list(zip(flat[::2], flat[1::2], strict=True)), item.shape.kind, grid)
    if item.shape.kind == "poly":
        pairs = canonical_polygon(pairs)
    elif item.shape.kind == "line":
        pairs = canonical_line(pairs)
    return ObjectText(item.desc, item.shape.kind, tuple(pairs))
