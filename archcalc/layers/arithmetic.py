"""Operations that several layers count alike, by kind: what `operations` and a tape's `count` take.

A layer that holds a softmax or a normalisation inside, as attention does, counts it as the layer of that name does.
"""

from archcalc.sizes.kinds import Size


def of_softmax(values: Size, sums: Size) -> dict[str, Size]:
    """A softmax of so many values, each over one of so many sums: a comparison (for the largest), a subtraction, an
    exponential, an addition and a division per value, one comparison and one addition fewer for each sum."""
    fewer = values - sums
    return {"compare": fewer, "add": values + fewer, "exponential": values, "divide": values}


def of_normalisation(values: Size, statistics: Size, affine: bool) -> dict[str, Size]:
    """Mean, variance and normalisation from the sample itself: per value one addition to each of two sums, one
    subtraction, one square, one product; per statistic two divisions, a reciprocal and a root; then the affine."""
    extra = values if affine else 0
    return {
        "add": 3 * values + extra,
        "multiply": 2 * values + extra,
        "divide": 3 * statistics,
        "exponential": statistics,
    }


def of_rms_normalisation(values: Size, statistics: Size, scaled: bool) -> dict[str, Size]:
    """Normalisation without a mean: per value a square, an addition to the sum and a product, per statistic a
    division, a reciprocal and a root; then the scale."""
    return {
        "add": values,
        "multiply": 3 * values if scaled else 2 * values,
        "divide": 2 * statistics,
        "exponential": statistics,
    }
