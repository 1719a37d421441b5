import pytest

from attrex.core import Evidence, Extraction, Product, Provenance, Span, Stated, Status, Value
from attrex.evaluation import judge

PRODUCT = Product("p1", "Shoes")
WHERE = Span("title", 4, 8)
NAVY = Value("navy", "Blue", 0.8, (Evidence("span", WHERE), Evidence("inferred")))


def extraction(status: Status, *values: Value) -> Extraction:
    provenance = Provenance("m", "s", "n", "i", "model", True)
    return Extraction("p1", "Color", status, values, 0.8, (), "all", provenance)


@pytest.mark.parametrize(("form", "predicted"), [("text", ("navy",)), ("canonical", ("Blue",))])
def test_a_found_value_beside_its_gold(form, predicted) -> None:  # type: ignore[no-untyped-def]
    gold = (Stated("Navy", (WHERE,)), Stated("Blue"))
    judged = judge(PRODUCT, extraction(Status.FOUND, NAVY), gold, form=form, seen=True)
    assert (judged.product_id, judged.category, judged.attribute) == ("p1", "Shoes", "Color")
    assert (judged.gold, judged.predicted) == (("Navy", "Blue"), predicted)
    assert (judged.gold_spans, judged.predicted_spans) == ((WHERE,), (WHERE,))
    assert (judged.probability, judged.seen) == (0.8, True)


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.FOUND])
def test_any_other_status_is_no_value(status: Status) -> None:
    judged = judge(PRODUCT, extraction(status), ())
    assert (judged.gold, judged.predicted, judged.predicted_spans) == ((), (), ())
