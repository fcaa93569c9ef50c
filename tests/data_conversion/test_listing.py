"""What an export's own split is, whichever format tells it.

Fault caught: an export with a train folder alone taken for a split, so that nothing validates.
"""

from data_conversion.pipeline.raw import Item, Listing

ITEMS = [Item(key=key, annotation=f"{key}.xml") for key in ("c", "a", "b")]


def test_items_are_sorted_and_both_sides_make_a_split():
    listing = Listing.of(ITEMS, {"a": "train", "b": "val"}, "folder names")
    assert [item.key for item in listing.items] == ["a", "b", "c"]
    assert listing.split == {"a": "train", "b": "val"}
    assert listing.split_source == "folder names"


def test_one_side_alone_is_no_split():
    for split in ({"a": "train", "b": "train"}, {"a": "val"}, {}, None):
        listing = Listing.of(ITEMS, split, "folder names")
        assert (listing.split, listing.split_source) == (None, "")
