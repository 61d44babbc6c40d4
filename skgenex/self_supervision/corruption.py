"""Corruption of rows: values of a gene are taken from other rows of the same cohort."""

import torch


def draw_donors(cohort: torch.Tensor, n_features: int) -> torch.Tensor:
    """Draw for each entry another row of the same cohort.

    Parameters
    ----------
    cohort : Tensor of int of shape (n_samples,)
        Cohort of each row.
    n_features : int
        Entries per row.

    Returns
    -------
    Tensor of int of shape (n_samples, n_features)
        Places of rows, uniform over the cohort without the row itself; a row alone in
        its cohort is its own donor.
    """
    n = len(cohort)
    order = torch.argsort(cohort, stable=True)
    _, code, counts = torch.unique(cohort, return_inverse=True, return_counts=True)
    start = (torch.cumsum(counts, 0) - counts)[code]
    place = torch.empty_like(order)
    place[order] = torch.arange(n, device=cohort.device)
    count = counts[code]
    step = torch.rand(n, n_features, device=cohort.device)
    # From 1 to count - 1 places further, so never back to the row itself.
    step = 1 + (step * (count - 1)[:, None]).long()
    within = ((place - start)[:, None] + step) % count[:, None]
    return order[start[:, None] + within]


def corrupt(
    x: torch.Tensor, rate: float, cohort: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Replace a share of the entries by values of the same gene in other rows.

    Parameters
    ----------
    x : Tensor of shape (n_samples, n_features)
        Rows.
    rate : float
        Probability that an entry is replaced, p_m of the paper.
    cohort : Tensor of int of shape (n_samples,)
        Donors are of the same cohort: else to find the replaced entries would be to
        tell cohorts apart.

    Returns
    -------
    corrupted : Tensor of shape (n_samples, n_features)
        The rows after replacement.
    changed : Tensor of shape (n_samples, n_features)
        1.0 where the value really differs, else 0.0.

    References
    ----------
    Yoon, Zhang, Jordon & van der Schaar (2020), VIME, NeurIPS, Eq. 3.

    Examples
    --------
    >>> import torch
    >>> from skgenex.self_supervision.corruption import corrupt
    >>> x = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    >>> corrupted, changed = corrupt(x, 1.0, torch.zeros(2, dtype=torch.int64))
    >>> corrupted
    tensor([[2., 1.],
            [0., 1.]])
    >>> changed
    tensor([[1., 0.],
            [1., 0.]])
    """
    mask = torch.rand_like(x) < rate
    donated = x.gather(0, draw_donors(cohort, x.shape[1]))
    corrupted = torch.where(mask, donated, x)
    return corrupted, (corrupted != x).to(x.dtype)
