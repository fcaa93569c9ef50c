"""Readable names are as many as the names they came from."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from public_data.class_names import readable, readable_names
from tests.real_data import LVIS, needs_lvis


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("bow_(decorative_ribbons)", "bow (decorative ribbons)"),
        ("monitor_(computer_equipment) computer_monitor", "monitor (computer equipment) computer monitor"),
        ("chest_of_drawers_(furniture)", "chest of drawers (furniture)"),
        ("bow-tie", "bow-tie"),
        ("Ferris_wheel", "Ferris wheel"),
        ("traffic light", "traffic light"),
        ("_odd__name_", "odd name"),
    ],
)  # fmt: skip
def test_names_people_write(name, form):
    assert readable(name) == form


def test_names_that_would_become_equal_keep_their_spelling():
    names = readable_names(["hot_dog", "hot dog", "hot_dog_(animal)"])
    assert names == {
        "hot_dog": "hot_dog",
        "hot dog": "hot dog",
        "hot_dog_(animal)": "hot dog (animal)",
    }


@given(st.sets(st.text(alphabet="a_ ()", min_size=1, max_size=6), max_size=30))
def test_forms_stay_different(names):
    """Fault: a table of readable forms alone makes one class of two."""
    assert len(set(readable_names(sorted(names)).values())) == len(names)


@needs_lvis
def test_the_names_of_lvis_stay_different():
    names = [category["name"] for category in json.loads(LVIS.read_text())["categories"]]
    forms = readable_names(names)
    assert len(names) == len(set(forms.values())) == 1230
    assert all("_" not in form for form in forms.values())
