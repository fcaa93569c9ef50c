"""Figures as text for the terminal and rows for pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from src.evaluation.behaviour import Behaviour
from src.evaluation.intervals import Interval
from src.evaluation.lines import LineFigures
from src.evaluation.scores import Counts, Level, Macro
from src.evaluation.totals import Slice

Row = tuple[str, str, str, str]
SHOWN = (0.5, 0.75, 0.95)
WIDTH = 44


def detection_rows(
    agnostic: Level, aware: Level, averages: Macro, intervals: Iterable[Interval]
) -> list[Row]:
    """(measure, precision, recall, F1); F1 with its interval where there is one."""
    ranges = {item.name: f" [{item.low:.3f}, {item.high:.3f}]" for item in intervals}

    def range_of(name: str) -> str:
        return ranges[name] if name in ranges else ""

    rows: list[Row] = []
    for title, prefix, level in (("class-agnostic", "loc_f1", agnostic), ("class-aware", "f1", aware)):
        for threshold, counts in level.by_threshold:
            if threshold in SHOWN:
                range_text = range_of(f"{prefix}_{round(threshold * 100)}")
                rows.append(_counts_row(f"{title} IoU {threshold:g}", counts, range_text))
        first, last = level.by_threshold[0][0], level.by_threshold[-1][0]
        mean = f"{level.mean_f1:.3f}{range_of(f'{prefix}_mean')}"
        rows.append((f"{title} mean IoU {first:g}:{last:g}", "", "", mean))
    for title, values, mean in (
        ("macro, classes that occur,", averages.occurring, averages.occurring_mean),
        ("macro, non-zero (Rex-Omni),", averages.nonzero, averages.nonzero_mean),
    ):
        for threshold, value in values:
            if threshold in SHOWN:
                name = f"macro_f1_{round(threshold * 100)}"
                text = range_of(name) if values is averages.occurring else ""
                rows.append((f"{title} IoU {threshold:g}", "", "", f"{value:.3f}{text}"))
        rows.append((f"{title} mean", "", "", f"{mean:.3f}"))
    return rows


def render(
    rows: Sequence[Row],
    behaviour: Behaviour,
    mean_iou: float | None,
    lines: LineFigures | None,
    *,
    slices: Sequence[Slice],
    classes: Sequence[tuple[str, Level]],
) -> str:
    """The whole table of an evaluation."""
    text = [_line(("", "precision", "recall", "F1 [95 % interval]"))]
    text += [_line(row) for row in rows]
    text += ["", *_behaviour_lines(behaviour)]
    if mean_iou is not None:
        text.append(f"mean IoU of class-aware matches {mean_iou:.3f}")
    if lines is not None:
        text += _line_lines(lines)
    if slices or classes:
        text += ["", _line(("slice, class-aware IoU of the first threshold", "precision", "recall", "F1"))]
        text += [
            _line(_counts_row(f"{item.dimension}: {item.bucket or '-'}", item.level.first, _mean(item.level)))
            for item in slices
        ]
        text += [
            _line(_counts_row(f"class: {name}", level.first, _mean(level))) for name, level in classes
        ]
    return "\n".join(text)


def _mean(level: Level) -> str:
    return f"  mean {level.mean_f1:.3f}  truths {level.first.truths}"


def _counts_row(name: str, counts: Counts, suffix: str) -> Row:
    return (name, f"{counts.precision:.3f}", f"{counts.recall:.3f}", f"{counts.f1:.3f}{suffix}")


def _line(row: Row) -> str:
    return f"{row[0]:<{WIDTH}}{row[1]:>10}{row[2]:>8}  {row[3]}".rstrip()


def _behaviour_lines(found: Behaviour) -> list[str]:
    rates = found.rates()

    def share(name: str) -> str:
        return f" ({rates[name]:.1%})" if name in rates else ""

    def value(name: str) -> str:
        return f"{rates[name]:.2f}" if name in rates else "-"

    return [
        f"images {found.num_images} (without truth {found.num_without_truth}, summaries {found.num_summary}), "
        f"parsed {found.num_parsed}{share('parse_rate')}, parts dropped {found.num_dropped_parts}",
        f"truncated {found.num_truncated}{share('truncated_rate')}, ended by repetition "
        f"{found.num_repetition}{share('repetition_rate')}, with loops {found.num_loop_answers}{share('loop_rate')}",
        f"objects predicted {found.num_objects}, duplicates {found.num_duplicates}{share('duplicate_rate')}, "
        f"oversized {found.num_oversized}{share('oversized_rate')}",
        f"count error: mean {value('count_mae')}, too many in {found.count_over} images ({found.count_over_objects} "
        f"objects), too few in {found.count_under} ({found.count_under_objects})",
        f"negatives {found.num_negatives}, answered empty {found.num_negatives_correct}{share('correct_empty_rate')}, "
        f"with objects {found.num_negatives_hallucinated}{share('hallucination_rate')}, "
        f"objects a negative {value('objects_per_negative')}",
    ]


def _line_lines(lines: LineFigures) -> list[str]:
    def shown(value: float | None, digits: int = 3) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    return [
        f"lines: covered precision {shown(lines.coverage_precision)}, recall {shown(lines.coverage_recall)}, "
        f"F1 {lines.coverage_f1:.3f}; {lines.num_pairs} matched: coverage F1 {shown(lines.pair_coverage_f1)}, "
        f"ends off by {shown(lines.endpoint_error_px, 2)} px ({shown(lines.endpoint_error_share, 4)} of the diagonal)"
    ]
