"""Which rows of a data set make up a part of it: exact counts, seeded, in the source's order.

A row is known by the labels of its objects, each once. Every choice depends on the rows and the seed alone; labels that are
equally frequent are taken by name. Frequencies count pictures (rows), as LVIS does, not objects.
Cost: one pass over the labels of all rows, about 1 s for 100,000 rows of ten labels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from src.errors import DataError
from src.rng import generator

Labels = frozenset[str]
Band = Literal["r", "c", "f"]
BANDS: tuple[Band, ...] = ("r", "c", "f")
# LVIS (Gupta et al. 2019): rare in at most 10 training pictures, common in at most 100, frequent in more.
LVIS_THRESHOLDS = (10, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The chosen rows, ascending, among how many candidates, and (by frequency band) how many of each band."""

    rows: tuple[int, ...]
    num_candidates: int
    bands: Mapping[Band, int] | None = None


def pictures_by_label(rows: Iterable[Labels]) -> Counter[str]:
    """In how many rows each label occurs."""
    return Counter(label for labels in rows for label in labels)


def choose_uniform(num_rows: int, count: int, seed: int) -> Choice:
    """`count` of all rows, each as likely; a larger count includes the choice of a smaller one."""
    order = _shuffled(range(num_rows), seed)
    _require(num_rows, count, "rows")
    return Choice(rows=tuple(sorted(order[:count])), num_candidates=num_rows)


def choose_stratified(rows: Sequence[Labels], count: int, seed: int) -> Choice:
    """`count` rows that show each label about as often, by share, as all rows do, and at least once where that fits.

    First each label not yet shown gets one row, rarest first; then each label is brought to its share (rounded down), rarest
    first; the rest is uniform. Rows without objects are a label of their own, so that negatives keep their share.
    """
    _require(len(rows), count, "rows")
    order = _shuffled(range(len(rows)), seed)
    rows_of: defaultdict[str | None, list[int]] = defaultdict(list)
    for row in order:
        for label in rows[row] or (None,):
            rows_of[label].append(row)
    rarest_first = sorted(rows_of, key=lambda label: (len(rows_of[label]), label or ""))
    shares = {label: len(rows_of[label]) * count // len(rows) for label in rows_of}
    chosen: set[int] = set()
    for least in (dict.fromkeys(rows_of, 1), shares):
        for label in rarest_first:
            _bring_to(least[label], rows_of[label], chosen, count)
    _bring_to(count, order, chosen, count)
    return Choice(rows=tuple(sorted(chosen)), num_candidates=len(rows))


def choose_by_band(
    rows: Sequence[Labels],
    count: int,
    seed: int,
    bands: Sequence[Band] = BANDS,
    thresholds: tuple[int, int] = LVIS_THRESHOLDS,
) -> Choice:
    """`count` rows, in equal numbers from each band; a row belongs to the band of its rarest label.

    What a band lacks, the others give in equal numbers; a remainder goes to the rarer bands.
    """
    frequency = pictures_by_label(rows)
    members: dict[Band, list[int]] = {band: [] for band in BANDS if band in bands}
    for row in _shuffled(range(len(rows)), seed):
        if rows[row]:
            band = band_of(min(frequency[label] for label in rows[row]), thresholds)
            if band in members:
                members[band].append(row)
    available = sum(map(len, members.values()))
    what = f"rows in the bands {', '.join(members)}"
    _require(available, count, what, "ask for fewer with --count, other --bands or --thresholds")
    quotas = _equal_quotas({band: len(found) for band, found in members.items()}, count)
    chosen = [row for band, found in members.items() for row in found[: quotas[band]]]
    return Choice(rows=tuple(sorted(chosen)), num_candidates=available, bands=quotas)


def band_of(num_pictures: int, thresholds: tuple[int, int]) -> Band:
    """r (at most the first threshold), c (at most the second) or f."""
    return BANDS[sum(num_pictures > threshold for threshold in thresholds)]


def top_labels(frequency: Mapping[str, int], number: int) -> tuple[str, ...]:
    """The `number` most frequent labels, most frequent first. `DataError` when there are fewer."""
    if number > len(frequency):
        raise DataError.say(
            "the file has fewer labels than asked for",
            got=str(len(frequency)),
            expected=str(number),
            remedy="ask for fewer with --labels",
        )
    ranked = sorted(frequency, key=lambda label: (-frequency[label], label))
    return tuple(ranked[:number])


def choose_labelled(
    rows: Sequence[Labels], count: int, seed: int, labels: Iterable[str], *, only: bool
) -> Choice:
    """`count` of the rows that show one of the `labels`; with `only`, of those that show no other."""
    wanted = frozenset(labels)
    candidates = [
        row for row, shown in enumerate(rows) if shown & wanted and not (only and shown - wanted)
    ]
    _require(len(candidates), count, "rows with these labels")
    order = _shuffled(candidates, seed)
    return Choice(rows=tuple(sorted(order[:count])), num_candidates=len(candidates))


def _shuffled(rows: Sequence[int], seed: int) -> list[int]:
    order = generator(seed, "sample").permutation(len(rows))
    return [rows[place] for place in order.tolist()]


def _bring_to(least: int, rows: Iterable[int], chosen: set[int], limit: int) -> None:
    """Choose from `rows` until `least` of them are chosen, or `limit` altogether."""
    rows = list(rows)
    missing = least - sum(row in chosen for row in rows)
    for row in rows:
        if missing <= 0 or len(chosen) >= limit:
            return
        if row not in chosen:
            chosen.add(row)
            missing -= 1


def _equal_quotas(available: Mapping[Band, int], count: int) -> dict[Band, int]:
    quotas = dict.fromkeys(available, 0)
    while (missing := count - sum(quotas.values())) > 0:
        open_bands = [band for band in quotas if quotas[band] < available[band]]
        share, remainder = divmod(missing, len(open_bands))
        for place, band in enumerate(open_bands):
            wanted = quotas[band] + share + (place < remainder)
            quotas[band] = min(wanted, available[band])
    return quotas


def _require(
    available: int, count: int, what: str, remedy: str = "ask for fewer with --count"
) -> None:
    if count > available:
        raise DataError.say(
            f"there are not enough {what}",
            got=str(available),
            expected=str(count),
            remedy=remedy,
        )
