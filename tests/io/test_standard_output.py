from __future__ import annotations

import io

import pytest

from attrex.io.standard_output import put


def test_a_terminal_without_a_character_gets_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    put("Größe\n")
    put(b"Gr\xc3\xb6\xc3\x9fe")
    assert raw.getvalue() == b"Gr??e\nGr\xc3\xb6\xc3\x9fe"
