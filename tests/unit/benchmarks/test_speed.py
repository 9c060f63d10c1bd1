"""The benchmark that the README names, in its shortest form."""

import pytest

from benchmarks import speed
from benchmarks.speed_cases import all_cases


@pytest.mark.slow
def test_speed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(speed, "ROUNDS", 1)
    speed.main()
    printed = capsys.readouterr().out
    assert "ratio" in printed
    assert all(case.name in printed for case in all_cases())
