"""Class names as people write them: `bow_(decorative_ribbons)` becomes "bow (decorative ribbons)".

Underscores become spaces and white space is made single; the qualifier in brackets stays, as it is what tells "bow (weapon)" from
"bow (decorative ribbons)". Case and hyphens stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def readable(name: str) -> str:
    """The readable form of one name; a readable name is its own."""
    return " ".join(name.replace("_", " ").split())


def readable_names(names: Iterable[str]) -> dict[str, str]:
    """Name -> readable form, as many different ones as there are names.

    Names that would become equal (`a_b` and `a b`) keep their spelling, all of them: no other name can have that as its readable
    form, since it would be equal to theirs too.
    """
    forms = {name: readable(name) for name in names}
    uses = Counter(forms.values())
    return {name: form if uses[form] == 1 else name for name, form in forms.items()}
