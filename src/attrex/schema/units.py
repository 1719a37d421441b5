"""The units shops write, by every way they write them.

A table of our own and not a library's: pint does 14,000 conversions a second, knows neither ``"`` for
inches nor pieces, packs and megapixels, and reads "5 ft oz" as a product of two units, which no
catalogue means. What is missing here is one line away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Unit:
    """``value * factor + offset`` is the quantity in the base unit of its dimension."""

    symbol: str
    dimension: str
    factor: Decimal
    offset: Decimal = Decimal(0)


# dimension: lines of "symbol factor [offset]: other ways to write it". The first line's unit is the base.
# Ways of one letter are matched as written, longer ones in any case. Left out on purpose, because the
# same letters mean more often something else: M (a size), G and K (5G, 4K), D (3D), B (a 2B pencil).
_TABLE = {
    "length": """
        m 1: metre, metres, meter, meters, mtr, mtrs
        mm 0.001: millimetre, millimetres, millimeter, millimeters
        cm 0.01: centimetre, centimetres, centimeter, centimeters, cms
        dm 0.1: decimetre, decimetres
        km 1000: kilometre, kilometres, kilometer, kilometers, kms
        µm 0.000001: um, μm, micron, microns, micrometre, micrometer
        in 0.0254: inch, inches, ", ″, '', in., -inch, -in
        ft 0.3048: foot, feet, ', ′, ft.
        yd 0.9144: yard, yards, yds
        mi 1609.344: mile, miles""",
    "mass": """
        g 1: gr, gram, grams, gramme, grammes, gms, gm
        mg 0.001: milligram, milligrams
        kg 1000: kilo, kilos, kilogram, kilograms, kgs
        t 1000000: tonne, tonnes
        oz 28.349523125: ounce, ounces, oz.
        lb 453.59237: lbs, pound, pounds, lb., lbs.""",
    "volume": """
        l 1: L, ltr, ltrs, litre, litres, liter, liters
        ml 0.001: millilitre, millilitres, milliliter, milliliters, mls
        cl 0.01: centilitre, centilitres
        dl 0.1: decilitre, decilitres
        fl oz 0.0295735295625: fl. oz., fl.oz., fl. oz, fluid ounce, fluid ounces, floz
        pt 0.473176473: pint, pints
        qt 0.946352946: quart, quarts
        gal 3.785411784: gallon, gallons""",
    "area": """
        m² 1: m2, sqm, sq m, square metre, square metres, square meter, square meters
        cm² 0.0001: cm2, sq cm
        ft² 0.09290304: ft2, sq ft, sqft, square foot, square feet""",
    "area density": """
        g/m² 1: gsm, g/m2, g/sqm""",
    "time": """
        s 1: sec, secs, second, seconds
        ms 0.001: millisecond, milliseconds
        min 60: mins, minute, minutes
        h 3600: hr, hrs, hour, hours
        d 86400: day, days
        weeks 604800: week, wk, wks
        months 2629800: month, mth, mths
        years 31557600: year, yr, yrs""",
    "temperature": """
        °C 1: ºC, ℃, deg C, degrees C, celsius, degrees celsius
        °F 0.5555555555555555555555555556 -17.77777777777777777777777778: ºF, ℉, deg F, degrees F, fahrenheit
        kelvin 1 -273.15: kelvins""",
    "voltage": """
        V 1: volt, volts, v
        mV 0.001: millivolt, millivolts
        kV 1000: kilovolt, kilovolts""",
    "current": """
        A 1: amp, amps, ampere, amperes
        mA 0.001: milliamp, milliamps""",
    "charge": """
        Ah 1: amp hour, amp hours
        mAh 0.001: milliamp hour, milliamp hours""",
    "power": """
        W 1: watt, watts, w
        mW 0.001: milliwatt, milliwatts
        kW 1000: kilowatt, kilowatts
        hp 745.69987158227: horsepower""",
    "energy": """
        Wh 1: watt hour, watt hours
        kWh 1000: kilowatt hour, kilowatt hours
        kJ 0.2777777777777777777777777778: kilojoule, kilojoules
        kcal 1.162222222222222222222222222: kilocalorie, kilocalories""",
    "frequency": """
        Hz 1: hertz
        kHz 1000: kilohertz
        MHz 1000000: megahertz
        GHz 1000000000: gigahertz""",
    "data": """
        GB 1: gigabyte, gigabytes, gig, gigs
        KB 0.000001: kilobyte, kilobytes
        MB 0.001: megabyte, megabytes
        TB 1000: terabyte, terabytes""",
    "data rate": """
        Mbps 1: mbit/s, mb/s
        Gbps 1000: gbit/s, gb/s""",
    "pressure": """
        bar 1: bars
        psi 0.0689475729317831: pounds per square inch
        kPa 0.01: kilopascal, kilopascals
        MPa 10: megapascal, megapascals""",
    "speed": """
        km/h 1: kmh, kph
        mph 1.609344: miles per hour""",
    "rotation": """
        rpm 1: r/min, revolutions per minute""",
    "torque": """
        Nm 1: N·m, newton metre, newton metres, newton meter, newton meters
        lb-ft 1.3558179483314004: ft-lb, ft-lbs, lb ft, ft lbs""",
    "luminous flux": """
        lm 1: lumen, lumens""",
    "loudness": """
        dB 1: decibel, decibels""",
    "pixels": """
        MP 1: megapixel, megapixels, mega pixels, mpx""",
    "resolution": """
        dpi 1: dots per inch""",
    "angle": """
        ° 1: deg, degree, degrees""",
    "share": """
        % 1: percent, per cent, pct""",
    "resistance": """
        Ω 1: ohm, ohms, Ω
        kΩ 1000: kohm, kilohm, kilohms""",
    "fineness": """
        den 1: denier""",
    "count": """
        pcs 1: pc, pc., pcs., piece, pieces, ct, count
        pack 1: packs, -pack, pk, pk.""",
}


def _read_table() -> tuple[dict[str, Unit], dict[str, Unit]]:
    as_written: dict[str, Unit] = {}
    any_case: dict[str, Unit] = {}
    for dimension, lines in _TABLE.items():
        for line in lines.strip().splitlines():
            head, ways = line.split(":", 1)
            found = re.fullmatch(r"\s*(\D+?) ([\d.]+)(?: (-[\d.]+))?", head)
            assert found, line
            unit = Unit(found[1], dimension, Decimal(found[2]), Decimal(found[3] or 0))
            for way in (unit.symbol, *(way.strip() for way in ways.split(","))):
                as_written.setdefault(way, unit)
                if len(way) > 1:
                    any_case.setdefault(way.casefold(), unit)
    return as_written, any_case


_AS_WRITTEN, _ANY_CASE = _read_table()

WAYS: tuple[str, ...] = tuple(sorted({*_AS_WRITTEN, *_ANY_CASE}, key=lambda way: (-len(way), way)))
"""Every way to write a unit, longest first."""


def find_unit(text: str) -> Unit | None:
    """The unit written so (``in.``, ``Inches``, ``"``), or None."""
    text = " ".join(text.split())
    return _AS_WRITTEN.get(text) or _ANY_CASE.get(text.casefold())


def convert(number: Decimal, unit: Unit, to: Unit) -> Decimal:
    """The same quantity in another unit of the same dimension."""
    if unit == to:
        return number
    if unit.dimension != to.dimension:
        raise ValueError(f"{unit.symbol} is a {unit.dimension}, {to.symbol} a {to.dimension}")
    return (number * unit.factor + unit.offset - to.offset) / to.factor
