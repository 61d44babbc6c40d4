import numpy as np

from skgenex.domain_adaptation.pairing import pair_rows


def test_no_row_is_dropped_and_columns_hold_their_domain():
    domain = np.repeat([0, 1], [37, 5])
    pairing = pair_rows(
        domain, np.full(42, -1), np.random.default_rng(0), n_domains=2, n_passes=2
    )
    assert pairing.rows.shape == (74, 2)
    assert pairing.per_pass == 37
    for d in (0, 1):
        assert (domain[pairing.rows[:, d]] == d).all()
        counts = np.bincount(pairing.rows[:37, d], minlength=42)[domain == d]
        # Each pass uses rows of a domain equally often, up to one.
        assert counts.min() >= 37 // (domain == d).sum()
        assert counts.max() <= 37 // (domain == d).sum() + 1


def test_known_rows_are_drawn_in_the_shares_of_the_target():
    domain = np.repeat([0, 1], [100, 80])
    codes = np.r_[np.repeat([0, 1], 50), np.full(80, -1)]
    shares = np.array([[0.5, 0.5], [0.8, 0.2], [0.8, 0.2]])
    pairing = pair_rows(
        domain, codes, np.random.default_rng(0), n_domains=2, shares=shares
    )
    drawn = codes[pairing.rows[:, 0]]
    assert abs((drawn == 0).mean() - 0.8) < 0.02
    np.testing.assert_allclose(pairing.rate[:50], 1.6)
    # Weights divided by the rate undo the drawing.
    weight = 1 / pairing.rate[pairing.rows[:, 0]]
    assert abs(weight[drawn == 0].sum() / weight.sum() - 0.5) < 0.02
