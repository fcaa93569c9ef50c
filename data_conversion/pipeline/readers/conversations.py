"""Files of conversations whose answers are objects in JSON: LLaMA-Factory's sharegpt files and Qwen's own fine-tuning files.

LLaMA-Factory (data/README, "sharegpt"): `{"messages": [...], "images": [...]}`, or `conversations` with from and value.
Qwen (qwen-vl-finetune, "single image"): `{"image": "...", "conversations": [{"from": "human", "value": "<image>..."}, ...]}`.
Neither says what coordinates mean: Qwen3-VL's are norm1000, Qwen2.5-VL's pixels of its resized picture (qwen25). So the space is
an argument. A file holds one list, or one row a line; a file whose name has the word train or val says what its rows are for.

A row becomes one image of the conversion, with the user's text in metadata.prompt. Rows of one picture are not put together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data_conversion.pipeline.answer_text import raw_objects, read_answer
from data_conversion.pipeline.exchange import Exchange, has_turns, parse_exchange
from data_conversion.pipeline.folder_split import part_of_words
from data_conversion.pipeline.image_index import ImageIndex
from data_conversion.pipeline.raw import Finding, Item, Listing, RawImage, RawObject
from data_conversion.pipeline.reading import ReadOptions, Space
from data_conversion.pipeline.row_files import Row, RowFile, first_row, index_rows, row_paths
from data_conversion.pipeline.spaces import Size
from src.contract.images import ImageResolver
from src.contract.records import Source
from src.errors import DataError, RecordError
from src.images import read_header
from src.utils.logger import get_logger

FILES_LOOKED_AT = 20
IMAGE_FOLDER = "images/"
SPACE_REMEDY = "give the option space: norm1000 (Qwen3-VL), qwen25 (Qwen2.5-VL), pixels, ..."
logger = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a row holds: its objects in pixels, how many the row names, and what happened to them."""

    objects: tuple[RawObject, ...]
    num_objects: int
    findings: tuple[Finding, ...] = ()


class ConversationReader(ABC):
    """What the readers of conversation files share; a format says which rows are its own and where their objects are."""

    title = ""

    @abstractmethod
    def claims(self, row: Row, path: Path) -> bool:
        """Whether the first row of a file looks like this format and no other."""

    def find_objects(
        self, row: Row, exchange: Exchange, space: Space | None, size: Size | None, where: str
    ) -> Found:
        """The objects of a row; `size` is the picture's, None without pictures."""
        if space is None:
            raise RecordError.say(
                "what the coordinates mean is not said",
                where=where,
                rule="space-missing",
                remedy=SPACE_REMEDY,
            )
        objects = raw_objects(read_answer(exchange.answer, where), space, size, where)
        return Found(objects=objects, num_objects=len(objects))

    def needs_space(self, row: Row) -> bool:
        """Whether rows like this one say nothing of what their coordinates mean."""
        return True

    @property
    def looks_for(self) -> str:
        """A file of the format's rows."""
        return f"a .json or .jsonl file of {self.title} rows"

    def recognise(self, source: Path) -> str:
        """The first of the export's files whose first row is of this format."""
        for path in row_paths(source)[:FILES_LOOKED_AT]:
            row = first_row(path)
            if row is not None and self.claims(row, path):
                return f"{path.name} holds {self.title} rows"
        return ""

    def open(self, source: Path, options: ReadOptions) -> ConversationExport:
        """Items are the rows of all files that begin with a conversation."""
        root = source if source.is_dir() else source.parent
        files: dict[str, RowFile] = {}
        for path in row_paths(source):
            name = path.relative_to(root).as_posix()
            row = first_row(path)
            if row is None or not has_turns(row):
                logger.warning("%s does not begin with a conversation and is left out", name)
                continue
            if options.space is None and self.needs_space(row):
                raise DataError.say(
                    f"{self.title} files do not say what their coordinates mean",
                    where=name,
                    rule="space-missing",
                    remedy=SPACE_REMEDY,
                )
            files[name] = index_rows(path, name)
        if not files:
            raise DataError.say(
                f"no {self.title} rows found",
                where=str(source),
                expected="*.json or *.jsonl whose first row has messages or conversations",
                remedy="give the file, or the folder that holds it, as input",
            )
        return ConversationExport(
            reader=self,
            files=files,
            images=options.images,
            space=options.space,
            listing=_listing(files),
        )


class LlamaFactoryReader(ConversationReader):
    """sharegpt files with `images` (see the module text)."""

    title = "LLaMA-Factory sharegpt"

    def claims(self, row: Row, path: Path) -> bool:
        """JSON Lines with messages alone is how ms-swift writes, unless a dataset_info.json lies beside the file."""
        if "images" not in row or "objects" in row or "width" in row or not has_turns(row):
            return False
        is_listed = (path.parent / "dataset_info.json").is_file()
        return "conversations" in row or path.suffix.lower() == ".json" or is_listed


class QwenReader(ConversationReader):
    """Qwen's official fine-tuning files (see the module text)."""

    title = "Qwen fine-tuning"

    def claims(self, row: Row, path: Path) -> bool:
        """`image` beside `conversations`."""
        return "image" in row and "conversations" in row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConversationExport:
    """Opened files of one format."""

    reader: ConversationReader
    files: Mapping[str, RowFile]
    images: ImageIndex
    space: Space | None
    listing: Listing

    def read(self, item: Item) -> RawImage:
        """One row and the header of its picture."""
        file = self.files[item.annotation]
        where = file.where(item.position)
        row = file.load(item.position)
        exchange = parse_exchange(row, where)
        image = self.images.find(exchange.image, where)
        size = self._size(image, where)
        found = self.reader.find_objects(row, exchange, self.space, size, where)
        return RawImage(
            annotation=item.annotation,
            image=image,
            image_name=image.removeprefix(IMAGE_FOLDER),
            named=exchange.image,
            size=None,
            objects=found.objects,
            num_objects=found.num_objects,
            findings=found.findings,
            metadata={"row": item.position + 1, "prompt": exchange.prompt},
        )

    def _size(self, image: str, where: str) -> Size | None:
        """The picture's size; None where annotations alone are converted.

        A picture that is stored on its side is refused: a share of a side means another place upright, and the trainers that
        these files are for differ in whether they turn it.
        """
        if self.images.by_name is None:
            return None
        path = ImageResolver(base_dir=self.images.root).resolve(image, Source(file=where, line=1))
        header = read_header(path)
        if header.orientation >= 5:
            raise RecordError.say(
                "the picture is stored on its side (EXIF), so it is not known what coordinates refer to",
                where=where,
                rule="exif-undecidable",
                got=f"{image}: orientation {header.orientation}",
                remedy="store the picture the way that the coordinates mean, without the EXIF tag",
            )
        return header.width, header.height


def _listing(files: Mapping[str, RowFile]) -> Listing:
    items = [
        Item(key=f"{name}#{row:08d}", annotation=name, position=row)
        for name, file in files.items()
        for row in range(len(file))
    ]
    parts = {name: part for name in files if (part := part_of_words(name))}
    split = {item.key: parts[item.annotation] for item in items if item.annotation in parts}
    return Listing.of(items, split, "file names")


LLAMA_FACTORY = LlamaFactoryReader()
QWEN = QwenReader()
