import re

from attrex.report.plots import Series, dot, meter, stacked_bar, xy_plot


def test_a_stacked_bar_has_the_shares_and_says_them() -> None:
    made = stacked_bar([("a<", 3, "s-a"), ("absent", 0, "s-n"), ("b", 1, "s-b")], "label")
    assert re.findall(r'x="([\d.]+)" y="0" width="([\d.]+)"', made) == [
        ("0.000", "75.000"),
        ("75.000", "25.000"),
    ]
    assert "a&lt; <b>3</b> <span>75.0 %</span>" in made
    assert "absent" not in made
    assert stacked_bar([("a", 0, "s")], "label") == ""


def test_a_dot_stands_where_its_value_is() -> None:
    made = dot(0.5, (0.25, 1.0), 0.0)
    assert 'class="point" cx="60.0"' in made
    assert 'class="range" x1="31.0" y1="8" x2="118.0"' in made
    assert 'class="open" cx="2.0"' in made
    assert "point" not in dot(None, None)


def test_a_meter_is_as_long_as_its_probability() -> None:
    assert 'class="level" width="37.5"' in meter(0.375)
    assert meter(0.375).endswith("0.38</span>")
    assert 'width="100.0"' in meter(1.7)
    assert meter(None) == '<span class="meter none">–</span>'


def test_a_plot_maps_the_unit_square() -> None:
    made = xy_plot(
        [Series("one", "first", [(0, 0), (1, 1)]), Series("two", "second", [(0.5, 0.5)])],
        label="l<",
        x_title="x",
        y_title="y",
        diagonal=True,
    )
    assert 'points="44.0,260.0 408.0,12.0"' in made
    assert 'class="mark second" cx="226.0" cy="136.0"' in made
    assert 'aria-label="l&lt;"' in made
