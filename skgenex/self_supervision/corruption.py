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
    x: torch.Tensor,
    rate: float,
    cohort: torch.Tensor,
    gene_sets: torch.Tensor | None = None,
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
    gene_sets : Tensor of int of shape (n_features, n_places), default=None
        Sets of each gene, -1 fills up: see `draw_mask`. By default each entry is
        replaced by itself.

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
    if gene_sets is None:
        mask = torch.rand_like(x) < rate
    else:
        mask = draw_mask(len(x), rate, gene_sets)
    donated = x.gather(0, draw_donors(cohort, x.shape[1]))
    corrupted = torch.where(mask, donated, x)
    return corrupted, (corrupted != x).to(x.dtype)


def draw_mask(n_samples: int, rate: float, gene_sets: torch.Tensor) -> torch.Tensor:
    """Draw for each row which gene sets are replaced as a whole.

    Each gene follows one of its sets, drawn anew at each call, so that it is replaced
    with probability ``rate`` however many sets it is in. Genes of one set that follow
    it are replaced together: their values cannot be told from each other, only from
    the other sets.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    rate : float
        Probability that a set is replaced.
    gene_sets : Tensor of int of shape (n_features, n_places)
        Numbers of the sets of each gene, the first at least one; -1 fills up.

    Returns
    -------
    Tensor of bool of shape (n_samples, n_features)
        True where the entry is replaced.

    Examples
    --------
    >>> import torch
    >>> from skgenex.self_supervision.corruption import draw_mask
    >>> mask = draw_mask(100, 0.5, torch.tensor([[0, -1], [0, -1], [1, -1]]))
    >>> torch.equal(mask[:, 0], mask[:, 1]), torch.equal(mask[:, 0], mask[:, 2])
    (True, False)
    """
    device = gene_sets.device
    n_sets = int(gene_sets.max()) + 1
    counts = (gene_sets >= 0).sum(dim=1)
    place = (torch.rand(len(gene_sets), device=device) * counts).long()
    followed = gene_sets.gather(1, place[:, None])[:, 0]
    is_replaced = torch.rand(n_samples, n_sets, device=device) < rate
    return is_replaced[:, followed]
