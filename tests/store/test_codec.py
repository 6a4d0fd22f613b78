"""Rows and nouns have the same fields, and text that PostgreSQL can't hold does not reach it."""

from __future__ import annotations

import orjson

from connector.model.plan import Item
from connector.store import codec


def test_every_field_of_an_item_has_its_place_in_a_row() -> None:
    spec, progress = codec.ItemSpec.__struct_fields__, codec.ItemProgress.__struct_fields__
    assert sorted((*spec, *progress, "no", "state")) == sorted(Item.__struct_fields__)


def test_nul_becomes_the_replacement_character() -> None:
    assert orjson.loads(codec.to_json({"text": "a\x00b"})) == {"text": "a\ufffdb"}
