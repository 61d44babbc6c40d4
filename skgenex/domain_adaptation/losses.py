"""What tells the features of domains apart, and what makes predictions confident.

Features have shape (n_rows, n_domains, n_hidden): a batch holds as many rows of each
domain.
"""

import torch
from torch import nn

MMD_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the kernels, in median squared distances


def coral_distance(features: torch.Tensor) -> torch.Tensor:
    """Distance of the domains' covariances, averaged over pairs of domains.

    Parameters
    ----------
    features : Tensor of shape (n_rows, n_domains, n_hidden)
        Hidden units.

    Returns
    -------
    Tensor of shape ()
        Squared Frobenius norm of the difference over four times n_hidden squared.

    References
    ----------
    Sun & Saenko (2016), Deep CORAL, ECCV workshops, Eq. 1-3.

    Examples
    --------
    >>> import torch
    >>> from skgenex.domain_adaptation.losses import coral_distance
    >>> x = torch.tensor([[1.0], [-1.0]])
    >>> coral_distance(torch.stack([x, 2 * x], dim=1)).item()  # (8 - 2)^2 / 4
    9.0
    """
    centred = features - features.mean(dim=0)
    covariances = torch.einsum("nki,nkj->kij", centred, centred)
    covariances = covariances / max(len(features) - 1, 1)
    first, second = _pairs(features.shape[1])
    difference = covariances[first] - covariances[second]
    return difference.square().sum(dim=(1, 2)).mean() / (4 * features.shape[2] ** 2)


def mmd(features: torch.Tensor) -> torch.Tensor:
    """Maximum mean discrepancy, averaged over pairs of domains.

    Parameters
    ----------
    features : Tensor of shape (n_rows, n_domains, n_hidden)
        Hidden units.

    Returns
    -------
    Tensor of shape ()
        Biased estimate of the squared discrepancy with the mean of Gaussian kernels,
        whose widths are multiples of the median squared distance.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test, JMLR 13:723, Eq. 5; Long et al.
    (2015), Learning Transferable Features with Deep Adaptation Networks, ICML.

    Examples
    --------
    >>> import torch
    >>> from skgenex.domain_adaptation.losses import mmd
    >>> x = torch.randn(20, 1, 3, generator=torch.Generator().manual_seed(0))
    >>> mmd(torch.cat([x, x], dim=1)).item() < 1e-6
    True
    >>> mmd(torch.cat([x, x + 1], dim=1)).item() > 0.1
    True
    """
    n, n_domains, _ = features.shape
    rows = features.transpose(0, 1).flatten(0, 1)
    squared = (rows[:, None] - rows[None]).square().sum(dim=2)
    median = squared.detach()[squared.detach() > 0]
    width = median.median() if len(median) else squared.new_ones(())
    kernel = torch.stack([(-squared / (w * width)).exp() for w in MMD_WIDTHS]).mean(0)
    means = kernel.view(n_domains, n, n_domains, n).mean(dim=(1, 3))
    first, second = _pairs(n_domains)
    own = means.diagonal()
    return (own[first] + own[second] - 2 * means[first, second]).mean()


def domain_loss(logits: torch.Tensor) -> torch.Tensor:
    """Cross entropy of the critic, averaged over the domains of each row.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_domains, n_logits)
        What the critic says of each domain's features: one logit for two domains,
        otherwise one per domain.

    Returns
    -------
    Tensor of shape (n_rows,)
        ln 2 per row where the critic knows nothing of two domains.

    References
    ----------
    Ganin et al. (2016), Eq. 9.

    Examples
    --------
    >>> import torch
    >>> from skgenex.domain_adaptation.losses import domain_loss
    >>> domain_loss(torch.zeros(1, 2, 1))
    tensor([0.6931])
    """
    n, n_domains, _ = logits.shape
    truth = torch.arange(n_domains, device=logits.device).expand(n, -1)
    if n_domains == 2:
        return nn.functional.binary_cross_entropy_with_logits(
            logits[..., 0], truth.to(logits.dtype), reduction="none"
        ).mean(dim=1)
    losses = nn.functional.cross_entropy(
        logits.flatten(0, 1), truth.flatten(), reduction="none"
    )
    return losses.view(n, n_domains).mean(dim=1)


def entropy(logits: torch.Tensor) -> torch.Tensor:
    """Entropy of predicted classes, in nats.

    Parameters
    ----------
    logits : Tensor of shape (..., n_classes)
        Logits.

    Returns
    -------
    Tensor of shape (...)
        Entropies.

    References
    ----------
    Grandvalet & Bengio (2004), Semi-supervised Learning by Entropy Minimization,
    NeurIPS.

    Examples
    --------
    >>> import torch
    >>> from skgenex.domain_adaptation.losses import entropy
    >>> entropy(torch.zeros(2))
    tensor(0.6931)
    """
    log_probabilities = logits.log_softmax(dim=-1)
    return -(log_probabilities.exp() * log_probabilities).sum(dim=-1)


def _pairs(n_domains: int) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = torch.triu_indices(n_domains, n_domains, offset=1)
    return first, second
