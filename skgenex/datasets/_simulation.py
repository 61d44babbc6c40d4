"""Simulated expression with known truth: factor modules, class effects, domains."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch


def make_expression(
    n_samples: int = 100,
    n_genes: int = 200,
    *,
    n_classes: int = 2,
    weights: ArrayLike | None = None,
    n_informative: int = 20,
    effect_size: float = 1.0,
    n_modules: int = 10,
    module_correlation: float = 0.5,
    row_scale: float = 0.0,
    library_noise: float = 0.0,
    depth: float | None = None,
    n_domains: int = 1,
    domain_shift: float = 0.0,
    domain_scale: float = 0.0,
    domain_rotation: float = 0.0,
    random_state: int | np.random.Generator | None = None,
    return_X_y: bool = False,
) -> Any:
    r"""Simulate log2 expression of known distribution.

    Row *i*, of class *c* and domain *d*, is

    .. math::
        x_i = \mu + b_d + a_d \circ \bigl(\delta_c
              + t_i (L_d z_i + \sqrt{\psi} \circ e_i)\bigr) + l_i,

    with independent standard normal factors :math:`z_i` (one per gene module) and
    residuals :math:`e_i`, and a row scale :math:`t_i` with :math:`E[t_i^2] = 1`: within
    a class of domain *d* the covariance is
    :math:`a_d a_d^T \circ (L_d L_d^T + \mathrm{diag}(\psi))` (plus the variance of
    :math:`l_i` in every entry). A gene belongs to one module.

    Parameters
    ----------
    n_samples : int, default=100
        Rows, split evenly over the domains.
    n_genes : int, default=200
        Columns.
    n_classes : int, default=2
        Classes, named ``"class_0"``, ... The first is the reference, without effects.
    weights : array-like of shape (n_classes,) or (n_domains, n_classes), default=None
        Class proportions, in each domain by itself if two-dimensional (label shift);
        uniform if None. Counts are the nearest that sum to the rows, not drawn.
    n_informative : int, default=20
        Genes that each class but the first changes, drawn for each class.
    effect_size : float, default=1.0
        Size of the change in within-class standard deviations of the gene; up or down
        at random.
    n_modules : int, default=10
        Gene modules; the k-th largest holds about 1/k as many genes as the first.
    module_correlation : float, default=0.5
        Absolute correlation of two genes of one module, in [0, 1); the sign is random
        for each gene. Genes of different modules are independent.
    row_scale : float, default=0.0
        Standard deviation of :math:`\log t_i`: rows that lie nearer to, or farther
        from, their class mean in all genes together. 0: Gaussian rows.
    library_noise : float, default=0.0
        Standard deviation of :math:`l_i`, the log2 library size factor of a row. With
        ``depth`` it changes the number of reads of the row instead, which log2(CPM + 1)
        corrects for.
    depth : float, default=None
        Mean number of reads per row. If given, :math:`2^{x}` are the expected
        proportions of Poisson counts, and data are log2(CPM + 1) of them; the formula
        above then describes ``latent``. None: data are the latent values.
    n_domains : int, default=1
        Domains (batches). The first is the reference: :math:`b = 0, a = 1, L_d = L`.
    domain_shift : float, default=0.0
        Standard deviation over genes of the shift :math:`b_d`, in within-class standard
        deviations of the gene.
    domain_scale : float, default=0.0
        Standard deviation over genes of :math:`\log_2 a_d`.
    domain_rotation : float, default=0.0
        Angle in degrees by which the factor space of each further domain is turned into
        directions of its own, orthogonal to the reference's: all principal angles
        between the two equal it. Needs ``n_genes >= 2 * n_modules``.
    random_state : int, numpy.random.Generator or None, default=None
        Seed; global generators are not touched.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_genes)
            log2 expression, or log2(CPM + 1) with ``depth``.
        target : ndarray of shape (n_samples,)
            Class names.
        target_names, feature_names : list of str
            Classes and genes.
        domain : ndarray of shape (n_samples,)
            Domain number of each row, from 0.
        mean : ndarray of shape (n_genes,)
            :math:`\mu`, mean of the reference class in the reference domain.
        effects : ndarray of shape (n_classes, n_genes)
            :math:`\delta_c`.
        informative : ndarray of shape (n_genes,)
            Whether any class changes the gene.
        module : ndarray of shape (n_genes,)
            Module number of each gene, from 0.
        loadings : ndarray of shape (n_genes, n_modules)
            :math:`L` of the reference domain.
        noise_variance : ndarray of shape (n_genes,)
            :math:`\psi`.
        domain_shift, domain_scale : ndarray of shape (n_domains, n_genes)
            :math:`b_d` and :math:`a_d`.
        domain_loadings : ndarray of shape (n_domains, n_genes, n_modules)
            :math:`L_d`.
        class_weights : ndarray of shape (n_domains, n_classes)
            Class proportions wanted of each domain.
        factors : ndarray of shape (n_samples, n_modules)
            :math:`z_i`.
        row_scale, library : ndarray of shape (n_samples,)
            :math:`t_i` and the log2 library size factor.
        latent : ndarray of shape (n_samples, n_genes)
            Values of the formula (without :math:`l_i` if ``depth`` is given).
        counts : ndarray of shape (n_samples, n_genes) or None
            Reads, with ``depth``.
    (data, target) : tuple
        If ``return_X_y``.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    >>> from skgenex.datasets import make_expression
    >>> simulated = make_expression(60, 500, weights=[0.9, 0.1], random_state=0)
    >>> simulated.data.shape, int(simulated.informative.sum())
    ((60, 500), 20)
    >>> int((simulated.target == "class_1").sum())
    6
    """
    _check_sizes(
        n_samples, n_genes, n_classes, n_informative, n_modules, n_domains, depth
    )
    if not 0 <= module_correlation < 1:
        raise ValueError(
            f"module_correlation must be in [0, 1); got {module_correlation!r}."
        )
    if domain_rotation and n_domains > 1 and n_genes < 2 * n_modules:
        raise ValueError(
            "domain_rotation needs n_genes >= 2 * n_modules; got "
            f"n_genes={n_genes}, n_modules={n_modules}."
        )
    for name, value in (
        ("row_scale", row_scale),
        ("library_noise", library_noise),
        ("domain_shift", domain_shift),
        ("domain_scale", domain_scale),
    ):
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0; got {value!r}.")
    rng = np.random.default_rng(random_state)
    class_weights = _class_weights(weights, n_domains, n_classes)

    # Genes: level, spread, module and loading.
    mean = rng.uniform(4.0, 12.0, n_genes)
    spread = rng.lognormal(np.log(0.7), 0.3, n_genes)
    module = _modules(rng, n_genes, n_modules)
    loadings = np.zeros((n_genes, n_modules))
    sign = rng.choice([-1.0, 1.0], n_genes)
    loadings[np.arange(n_genes), module] = sign * spread * np.sqrt(module_correlation)
    noise_variance = spread**2 * (1 - module_correlation)

    # Classes.
    effects = np.zeros((n_classes, n_genes))
    for effect in effects[1:]:
        genes = rng.choice(n_genes, n_informative, replace=False)
        direction = rng.choice([-1.0, 1.0], n_informative)
        effect[genes] = effect_size * direction * spread[genes]

    # Domains; the first is the reference.
    shift = domain_shift * spread * rng.standard_normal((n_domains, n_genes))
    scale = 2.0 ** (domain_scale * rng.standard_normal((n_domains, n_genes)))
    shift[0], scale[0] = 0.0, 1.0
    domain_loadings = np.repeat(loadings[None], n_domains, axis=0)
    if domain_rotation:
        for d in range(1, n_domains):
            domain_loadings[d] = _rotated(rng, loadings, np.deg2rad(domain_rotation))

    # Rows.
    domain = np.sort(np.arange(n_samples) % n_domains)
    label = np.concatenate(
        [
            _labels(rng, class_weights[d], np.count_nonzero(domain == d))
            for d in range(n_domains)
        ]
    )
    factors = rng.standard_normal((n_samples, n_modules))
    # E[t^2] = 1 for log t ~ N(-s^2, s^2).
    t = np.exp(row_scale * rng.standard_normal(n_samples) - row_scale**2)
    library = library_noise * rng.standard_normal(n_samples)
    latent = np.sqrt(noise_variance) * rng.standard_normal((n_samples, n_genes))
    for d in range(n_domains):
        rows = domain == d
        latent[rows] += factors[rows] @ domain_loadings[d].T
    latent = effects[label] + t[:, None] * latent
    latent = mean + shift[domain] + scale[domain] * latent

    counts = None
    if depth is None:
        latent += library[:, None]
        data = latent.copy()
    else:
        counts = _poisson_counts(rng, latent, depth * 2.0**library)
        data = np.log2(counts / np.maximum(counts.sum(1, keepdims=True), 1) * 1e6 + 1)

    names = [f"class_{c}" for c in range(n_classes)]
    target = np.array(names)[label]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=names,
        feature_names=[f"gene_{j}" for j in range(n_genes)],
        domain=domain,
        mean=mean,
        effects=effects,
        informative=(effects != 0).any(axis=0),
        module=module,
        loadings=loadings,
        noise_variance=noise_variance,
        domain_shift=shift,
        domain_scale=scale,
        domain_loadings=domain_loadings,
        class_weights=class_weights,
        factors=factors,
        row_scale=t,
        library=library,
        latent=latent,
        counts=counts,
    )


def _check_sizes(
    n_samples, n_genes, n_classes, n_informative, n_modules, n_domains, depth
):
    """Raise if a number is out of its range."""
    for name, value, low, high in (
        ("n_samples", n_samples, 1, np.inf),
        ("n_genes", n_genes, 1, np.inf),
        ("n_classes", n_classes, 1, np.inf),
        ("n_informative", n_informative, 0, n_genes),
        ("n_modules", n_modules, 1, n_genes),
        ("n_domains", n_domains, 1, n_samples),
    ):
        if not isinstance(value, (int, np.integer)) or not low <= value <= high:
            raise ValueError(
                f"{name} must be an integer from {low} to {high}; got {value!r}."
            )
    if depth is not None and not depth > 0:
        raise ValueError(f"depth must be a positive number of reads; got {depth!r}.")


def _class_weights(weights, n_domains, n_classes):
    """Class proportions of each domain, (n_domains, n_classes)."""
    if weights is None:
        return np.full((n_domains, n_classes), 1 / n_classes)
    given = np.asarray(weights, dtype=np.float64)
    if given.shape not in ((n_classes,), (n_domains, n_classes)):
        raise ValueError(
            f"weights must have shape ({n_classes},) or ({n_domains}, {n_classes}); "
            f"got {given.shape}."
        )
    if not (given >= 0).all() or not (given.sum(axis=-1) > 0).all():
        raise ValueError(
            f"weights must be non-negative with a positive sum; got {weights!r}."
        )
    given = np.broadcast_to(given, (n_domains, n_classes))
    return given / given.sum(axis=1, keepdims=True)


def _labels(rng, weights, n):
    """Shuffle labels with counts nearest to ``n * weights`` (largest remainder)."""
    exact = n * weights
    counts = np.floor(exact + 1e-9).astype(int)
    largest = np.argsort(counts - exact, kind="stable")[: n - counts.sum()]
    counts[largest] += 1
    return rng.permutation(np.repeat(np.arange(len(weights)), counts))


def _modules(rng, n_genes, n_modules):
    """Draw the module of each gene: one gene or more each, sizes falling as 1/k."""
    share = 1 / np.arange(1, n_modules + 1)
    rest = rng.choice(n_modules, n_genes - n_modules, p=share / share.sum())
    return rng.permutation(np.concatenate([np.arange(n_modules), rest]))


def _rotated(rng, loadings, angle):
    """Turn loadings by ``angle`` into directions orthogonal to their span.

    With the thin decomposition L = U R, the result is (cos U + sin V) R where V is
    orthonormal and orthogonal to U, so L^T L and every principal angle are exact.
    """
    basis, inner = np.linalg.qr(loadings)
    free = rng.standard_normal(loadings.shape)
    free -= basis @ (basis.T @ free)
    other, _ = np.linalg.qr(free)
    other -= basis @ (basis.T @ other)
    return (np.cos(angle) * basis + np.sin(angle) * other) @ inner


def _poisson_counts(rng, latent, reads):
    """Draw Poisson counts with proportions 2^latent and row totals ``reads``."""
    share = np.exp2(latent - latent.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return rng.poisson(reads[:, None] * share).astype(np.int64)
