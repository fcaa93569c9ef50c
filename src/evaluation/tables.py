"""Figures as text for the terminal and rows for pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from src.evaluation.behaviour import Behaviour
from src.evaluation.config import SHOWN
from src.evaluation.intervals import Interval
from src.evaluation.lines import LineFigures
from src.evaluation.scores import Level, Macro
from src.evaluation.totals import Slice

Row = tuple[str, str, str, str]
WIDTH = 44


def detection_rows(
    agnostic: Level, aware: Level, averages: Macro, intervals: Iterable[Interval]
) -> list[Row]:
    """(measure, precision, recall, F1); F1 with its interval where there is one."""
    ranges = {item.name: f" [{item.low:.3f}, {item.high:.3f}]" for item in intervals}

    def f1_text(value: float, name: str) -> str:
        return f"{value:.3f}{ranges[name]}" if name in ranges else f"{value:.3f}"

    span = f"{aware.by_threshold[0][0]:g}:{aware.by_threshold[-1][0]:g}"
    rows: list[Row] = []
    for title, prefix, level in (
        ("class-agnostic", "loc_f1", agnostic),
        ("class-aware", "f1", aware),
    ):
        for threshold, counts in level.by_threshold:
            if threshold in SHOWN:
                f1 = f1_text(counts.f1, f"{prefix}_{round(threshold * 100)}")
                precision, recall = f"{counts.precision:.3f}", f"{counts.recall:.3f}"
                rows.append((f"{title} IoU {threshold:g}", precision, recall, f1))
        mean = f1_text(level.mean_f1, f"{prefix}_mean")
        rows.append((f"{title} mean IoU {span}", "", "", mean))
    for title, prefix, values, whole in (
        ("macro, occurring", "macro_f1", averages.occurring, averages.occurring_mean),
        ("macro, non-zero (Rex-Omni)", "nonzero", averages.nonzero, averages.nonzero_mean),
    ):
        for threshold, value in values:
            if threshold in SHOWN:
                f1 = f1_text(value, f"{prefix}_{round(threshold * 100)}")
                rows.append((f"{title} IoU {threshold:g}", "", "", f1))
        rows.append((f"{title} mean IoU {span}", "", "", f"{whole:.3f}"))
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
    levels = [(f"{item.dimension}: {item.bucket or '-'}", item.level) for item in slices]
    levels += [(f"class: {name}", level) for name, level in classes]
    if levels:
        first, last = levels[0][1].by_threshold[0][0], levels[0][1].by_threshold[-1][0]
        head = f"F1, mean over IoU {first:g}:{last:g}, truths"
        text += ["", _line((f"class-aware, IoU {first:g}", "precision", "recall", head))]
        text += [_line(_level_row(name, level)) for name, level in levels]
    return "\n".join(text)


def _level_row(name: str, level: Level) -> Row:
    counts = level.first
    f1 = f"{counts.f1:.3f}  {level.mean_f1:.3f}  {counts.truths}"
    return name, f"{counts.precision:.3f}", f"{counts.recall:.3f}", f1


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
