"""Which explanation holds: the declared one, another space, another order of numbers, or Qwen2.5-VL's resized picture.

Each group of explanations is a check. Its best member is held against the declared one, and `found` needs a reason that a
person would accept, not a better score alone; where two explanations say the same of this data, or no reason is strong enough,
the answer is `undecided`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.doctor.annotations import BOX, Floats
from src.doctor.checks import Check, Verdict
from src.doctor.frames import Space, alternatives, declared_frame
from src.doctor.plausibility import EDGE_PX, Fit, Numbers, fit, surplus
from src.doctor.remedies import NAMES, remedy_of, title_of
from src.doctor.second_border import second_border

MARGIN_NATS = 10.0
FEWEST_BOXES = 50
BROKEN_SHARE, BROKEN_OBJECTS = 0.01, 10
MOST_BROKEN = 0.02  # What an explanation may leave unexplained, however bad the declared one is.
FEWEST_CONTACTS = 10.0
WIDE_RATIO = 1.5  # Of areas: a frame so much wider than the data is none by chance.
DIFFERENT_PX = 3.0
FILLED = 0.75  # Of both sides: a true picture has objects in most of it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The declared explanation's fit, and the checks "space", "order", "qwen25" and "size": at most one of them found."""

    declared: Fit
    checks: tuple[Check, ...]


def judge(numbers: Numbers, size: Floats, space: Space) -> Judged:
    """Hold every alternative against the declared space. `size` (N, 2) is known for every record in `numbers`."""
    declared = fit(numbers, declared_frame(size, space))
    has_boxes = int((numbers.kind == BOX).sum()) >= FEWEST_BOXES
    best: dict[str, Fit] = {}
    second = second_border(numbers, declared.explanation)
    for explanation in (*alternatives(size, space), *([second] if second else [])):
        if explanation.group == "order" and not has_boxes:
            continue
        candidate = fit(numbers, explanation)
        # Bounds of the area differ little on small pictures: the default, the first, is left for a clear gain only.
        gain = MARGIN_NATS if explanation.group == "qwen25" else 0.0
        if explanation.group not in best or candidate.score > best[explanation.group].score + gain:
            best[explanation.group] = candidate
    found = {
        group: reason
        for group, candidate in best.items()
        if (reason := _reason(candidate, declared, numbers))
    }
    primary = _primary(best, list(found), numbers)
    checks = [
        _check(group, best, declared, numbers, primary, found)
        for group in ("space", "order", "qwen25", "size")
    ]
    return Judged(declared=declared, checks=tuple(checks))


def _primary(best: dict[str, Fit], found: Sequence[str], numbers: Numbers) -> str:
    """The group whose explanation scores best; empty when none was found, or two are as good.

    The rarer mistake gives way where it says nearly the same: a second border at the place of a known frame's, and
    Qwen2.5-VL's picture, which often has nearly the picture's own size, unless there is a reason to prefer it.
    """
    ranked = sorted(found, key=lambda group: -best[group].score)
    for rare in ("size", "qwen25"):
        rivals = [group for group in ranked if group != rare]
        if rare in ranked and any(
            _is_same(best[rare], best[group])
            or (rare == "qwen25" and not _reason(best[rare], best[group], numbers))
            for group in rivals
        ):
            ranked = rivals
    if len(ranked) > 1 and best[ranked[0]].score - best[ranked[1]].score < MARGIN_NATS:
        return ""
    return ranked[0] if ranked else ""


def _is_same(one: Fit, other: Fit) -> bool:
    """Whether two frames are the same but for rounding."""
    ratio = one.explanation.reach / other.explanation.reach
    return bool((np.abs(ratio - 1) < 0.01).all())


def _reason(candidate: Fit, declared: Fit, numbers: Numbers) -> str:
    """Why the candidate is right and the declared explanation wrong; empty when that is not shown."""
    if candidate.score < declared.score + MARGIN_NATS:
        return ""
    count = len(numbers.record)
    broken = declared.broken
    if (
        broken >= BROKEN_SHARE
        and broken * count >= BROKEN_OBJECTS
        and candidate.broken <= min(broken / 4, MOST_BROKEN)
        and min(candidate.fills) > FILLED
    ):
        return "as declared, objects leave the picture or are turned over"
    mine, theirs = _contacts(candidate, declared, numbers)
    rarer = float(candidate.edge.sum(axis=0).min())
    is_sound = candidate.broken <= max(min(broken / 4, MOST_BROKEN), BROKEN_SHARE)
    if mine >= FEWEST_CONTACTS and theirs < mine / 4 and rarer >= mine / 10 and is_sound:
        return "objects that the border cuts end exactly at the picture's edge only so"
    ratio = float(np.exp(declared.area - candidate.area))
    fits = min(candidate.fills) > FILLED and candidate.broken <= BROKEN_SHARE / 2
    if candidate.explanation.group in ("space", "qwen25") and ratio >= WIDE_RATIO and fits:
        return "as declared, most of the picture would be without any object"
    return ""


def _contacts(candidate: Fit, declared: Fit, numbers: Numbers) -> tuple[float, float]:
    """Surplus contacts with the far border under both, where the two differ by enough pixels to tell."""
    mine, theirs = candidate.explanation, declared.explanation
    off = np.abs(mine.reach / theirs.reach - 1) * theirs.size
    differs = (off >= DIFFERENT_PX)[numbers.record]
    if mine.order != "xyxy":
        differs = np.ones_like(differs)
    return (
        surplus(candidate.edge & differs, candidate.beside & differs, EDGE_PX),
        surplus(declared.edge & differs, declared.beside & differs, EDGE_PX),
    )


def _check(
    group: str,
    best: dict[str, Fit],
    declared: Fit,
    numbers: Numbers,
    primary: str,
    found: dict[str, str],
) -> Check:
    if group not in best:
        return _without_candidate(group, declared)
    candidate = best[group]
    cause = _cause(candidate, declared, numbers)
    evidence = _evidence(candidate, declared, numbers)
    if group == primary:
        return Check(
            name=group,
            verdict="found",
            cause=cause,
            sentence=f"{title_of(cause)}: {found[group]}",
            remedy=remedy_of(cause),
            evidence=evidence,
        )
    verdict, sentence = _not_found(group, candidate, declared, numbers, primary, found)
    return Check(name=group, verdict=verdict, sentence=sentence, evidence=evidence)


def _cause(candidate: Fit, declared: Fit, numbers: Numbers) -> str:
    """The explanation's; the bound of Qwen2.5-VL's area is a fact only where objects end exactly at the picture it makes."""
    cause = candidate.explanation.cause
    if candidate.explanation.group != "qwen25":
        return cause
    mine, _ = _contacts(candidate, declared, numbers)
    return cause if mine >= FEWEST_CONTACTS else cause.replace("=", "~")


def _without_candidate(group: str, declared: Fit) -> Check:
    if group == "order":
        return Check(
            name=group, verdict="undecided", sentence=f"there are fewer than {FEWEST_BOXES} boxes"
        )
    touching = int(declared.edge.sum())
    return Check(
        name=group,
        verdict="ok" if touching >= FEWEST_CONTACTS else "undecided",
        sentence=f"{touching} edges lie at the border that width and height give",
    )


def _not_found(
    group: str,
    candidate: Fit,
    declared: Fit,
    numbers: Numbers,
    primary: str,
    found: dict[str, str],
) -> tuple[Verdict, str]:
    cause = title_of(candidate.explanation.cause)
    if primary:
        return (
            "undecided",
            f"nothing beyond the finding of {NAMES[primary]}: run again when it is mended",
        )
    if group in found:
        return "undecided", f"{cause}: that fits, and so does another explanation"
    if candidate.score < declared.score - MARGIN_NATS:
        return "ok", f"as declared; next best would be: {cause}"
    mine, theirs = _contacts(candidate, declared, numbers)
    if theirs >= FEWEST_CONTACTS and mine < theirs / 4:
        return "ok", f"{theirs:.0f} objects end exactly at the declared border"
    return "undecided", f"the declared meaning fits, and so would: {cause}"


def _evidence(candidate: Fit, declared: Fit, numbers: Numbers) -> dict[str, float | int | str]:
    mine, theirs = _contacts(candidate, declared, numbers)
    return {
        "objects": len(numbers.record),
        "alternative": candidate.explanation.cause,
        "declared_outside_share": round(declared.outside, 4),
        "declared_inverted_share": round(declared.inverted, 4),
        "alternative_outside_share": round(candidate.outside, 4),
        "alternative_inverted_share": round(candidate.inverted, 4),
        "declared_border_contacts": round(theirs, 1),
        "alternative_border_contacts": round(mine, 1),
        "declared_fills_x": round(declared.fills[0], 4),
        "declared_fills_y": round(declared.fills[1], 4),
        "alternative_fills_x": round(candidate.fills[0], 4),
        "alternative_fills_y": round(candidate.fills[1], 4),
        "score_difference_nats": round(candidate.score - declared.score, 1),
    }
