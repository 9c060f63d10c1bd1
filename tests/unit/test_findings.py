"""docs/findings.md: every number of a finding stands in a file that the finding links."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FINDINGS = re.findall(
    r"^- (.*?)(?=\n-|\n\n)", (ROOT / "docs/findings.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
)
ROWS = [
    line
    for line in (ROOT / "docs/findings.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|")
]


def numbers(text: str) -> set[str]:
    """Numbers with decimals, with their spread."""
    return set(re.findall(r"\d+\.\d+(?: ± \d+\.\d+)?", " ".join(text.split())))


@pytest.mark.parametrize("text", [*FINDINGS, *ROWS], ids=lambda text: text[:40])
def test_numbers_stand_in_the_linked_file(text: str) -> None:
    own = re.sub(r"\(\S*\.(?:md|svg)\S*\)|\(https:\S+\)|(?:Section|Appendix) \S+", "", text)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    known = set[str]().union(*(numbers((ROOT / "docs" / link).read_text("utf-8")) for link in links))
    known |= {part for number in known for part in number.split(" ± ")}
    assert numbers(own) <= known
    assert links or "python -m" in text or not numbers(own)


def test_there_are_findings_and_each_says_how_many_trainings() -> None:
    assert len(FINDINGS) >= 8
    assert sum("seeds" in text for text in FINDINGS) >= len(FINDINGS) - 1
