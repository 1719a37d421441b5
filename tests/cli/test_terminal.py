import pytest

from attrex.cli.terminal import Meter, clock, progress_line


@pytest.mark.parametrize(("seconds", "text"), [(7, "0:07"), (754.4, "12:34"), (11100, "3:05:00")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_progress_tells_rows_rate_and_time_left() -> None:
    assert progress_line(1234, 1000, 10.0, 0.25) == "1,234 rows, 100 rows/s, 25%, 0:30 left"
    assert progress_line(1234, 1000, 10.0, None) == "1,234 rows, 100 rows/s"
    assert progress_line(1, 1, 0.5, None) == "1 row, 2 rows/s"


def test_the_meter_prints_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 1.0, 12.0, 13.0, 30.0])
    monkeypatch.setattr("attrex.cli.terminal.time.monotonic", lambda: next(now))
    meter = Meter(silent=False)
    for rows in (501, 600, 700, 800):
        meter.update(rows, lambda: 0.5)
    meter.close()
    assert (
        capsys.readouterr().err == "600 rows, 8 rows/s, 50%, 0:12 left\n800 rows, 10 rows/s, 50%, 0:30 left\n"
    )


def test_a_silent_meter_prints_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 100.0])
    monkeypatch.setattr("attrex.cli.terminal.time.monotonic", lambda: next(now))
    meter = Meter(silent=True)
    meter.update(5, lambda: None)
    meter.close()
    assert capsys.readouterr().err == ""
