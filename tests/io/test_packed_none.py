"""What an empty list means."""

from __future__ import annotations

from pathlib import Path

from attrex.io.reader import open_reader


def test_an_empty_list_in_a_packed_cell_says_none_and_in_a_column_nothing(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"id": "1", "title": "Red mug", "attributes": {"Size": [], "Color": ["Red"]}, "Material": []}\n'
        '{"id": "2", "title": "Blue mug", "attributes": {"Size": ["L"]}, "Material": ["Clay"]}\n'
    )
    first = next(iter(open_reader(path))).product
    assert first.stated["Size"] == ()
    assert first.stated["Color"][0].text == "Red"
    assert "Material" not in first.stated
