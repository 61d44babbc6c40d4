"""Losses of self-supervision, one value per row."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, normalize


def mask_loss(logits: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    """Binary cross entropy of the estimated mask (Yoon et al. 2020, Eq. 5).

    Parameters
    ----------
    logits, changed : Tensor of shape (n_samples, n_features)
        Log-odds that an entry was changed, and whether it was.

    Returns
    -------
    Tensor of shape (n_samples,)
        Mean over the features.
    """
    losses = binary_cross_entropy_with_logits(logits, changed, reduction="none")
    return losses.mean(dim=1)


def feature_loss(estimate: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Squared error of estimated features (Yoon et al. 2020, Eq. 6).

    Parameters
    ----------
    estimate, x : Tensor of shape (n_samples, n_features)
        Estimated and true values.

    Returns
    -------
    Tensor of shape (n_samples,)
        Mean over the features.
    """
    return (estimate - x).square().mean(dim=1)


def contrastive_loss(
    first: torch.Tensor, second: torch.Tensor, temperature: float
) -> torch.Tensor:
    """NT-Xent: each view must recognise the other view of its row.

    Parameters
    ----------
    first, second : Tensor of shape (n_samples, n_latents)
        Two views of the same rows.
    temperature : float
        Divides the cosine similarities.

    Returns
    -------
    Tensor of shape (n_samples,)
        Mean of both directions; the negatives are all other views of the batch.

    References
    ----------
    Chen, Kornblith, Norouzi & Hinton (2020), A Simple Framework for Contrastive
    Learning, ICML, Eq. 1; Bahri et al. (2022), SCARF, ICLR.
    """
    n = len(first)
    views = normalize(torch.cat([first, second]), dim=1)
    similarity = views @ views.T / temperature
    itself = torch.eye(2 * n, dtype=torch.bool, device=views.device)
    similarity = similarity.masked_fill(itself, -torch.inf)
    other = torch.arange(2 * n, device=views.device).roll(n)
    losses = torch.nn.functional.cross_entropy(similarity, other, reduction="none")
    return losses.unflatten(0, (2, n)).mean(dim=0)


def vicreg_loss(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Invariance of two views, with variance and decorrelation of the latents.

    Parameters
    ----------
    first, second : Tensor of shape (n_samples, n_latents)
        Two views of the same rows.

    Returns
    -------
    Tensor of shape (n_samples,)
        25 times the squared distance, plus, the same for all rows, 25 times the
        shortfall of the standard deviations from 1 and the squared covariances.

    References
    ----------
    Bardes, Ponce & LeCun (2022), VICReg, ICLR, Eq. 1-6.
    """
    distance = (first - second).square().mean(dim=1)
    if len(first) < 2:
        return 25 * distance
    common = distance.new_zeros(())
    for view in (first, second):
        centred = view - view.mean(dim=0)
        sd = (centred.square().sum(dim=0) / (len(view) - 1) + 1e-4).sqrt()
        covariance = centred.T @ centred / (len(view) - 1)
        off_diagonal = covariance - torch.diag(covariance.diagonal())
        common = common + 25 * torch.relu(1 - sd).mean() / 2
        common = common + off_diagonal.square().sum() / view.shape[1]
    return 25 * distance + common


def probability_variance(logits: torch.Tensor) -> torch.Tensor:
    """Disagreement of the predicted probabilities of corrupted copies.

    Parameters
    ----------
    logits : Tensor of shape (n_views, n_samples, n_classes)
        Logits of the copies.

    Returns
    -------
    Tensor of shape (n_samples,)
        Variance over the copies, summed over the classes.
    """
    return logits.softmax(dim=2).var(dim=0, correction=0).sum(dim=1)


def logit_variance(logits: torch.Tensor) -> torch.Tensor:
    """Disagreement of the logits of corrupted copies (Yoon et al. 2020, Eq. 9).

    Parameters
    ----------
    logits : Tensor of shape (n_views, n_samples, n_classes)
        Logits of the copies.

    Returns
    -------
    Tensor of shape (n_samples,)
        Variance over the copies, mean over the classes. It can be lowered by shrinking
        all logits, and with few labels it is.
    """
    return logits.var(dim=0, correction=0).mean(dim=1)


CONSISTENCIES = {"probability": probability_variance, "logit": logit_variance}
