"""docs/reference.md is what the code says."""

from __future__ import annotations

from pathlib import Path

from archbuilder.language.reference import markdown
from archbuilder.language.source import library

PAGE = Path(__file__).parents[2] / "docs" / "reference.md"


def test_the_page_is_up_to_date() -> None:
    made = markdown(library())
    assert PAGE.read_text() == made, "run python -m archbuilder.language.reference > docs/reference.md"
