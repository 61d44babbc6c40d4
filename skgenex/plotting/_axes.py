"""Axes to draw in; matplotlib is imported here and only when something is drawn."""

import numpy as np

REAL, SYNTHETIC = "#4c566a", "#d9730d"  # told apart in grey and by the colour-blind


def import_pyplot():
    """matplotlib.pyplot, or an error that says how to get it."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            'Plotting needs matplotlib; install it with pip install "skgenex[plot]".'
        ) from error
    return pyplot


def single_axes(ax):
    """Return the axes given, or new ones."""
    pyplot = import_pyplot()
    if ax is None:
        _, ax = pyplot.subplots(layout="constrained")
    return ax


def grid_axes(ax, n_panels, n_columns, panel_size):
    """Axes of ``n_panels`` panels, (n_panels,).

    ``ax`` is None (a new figure), one axes whose place is divided, or an array of
    ``n_panels`` axes.
    """
    pyplot = import_pyplot()
    n_columns = min(n_columns, n_panels)
    n_rows = -(-n_panels // n_columns)
    if ax is None:
        _, axes = pyplot.subplots(
            n_rows,
            n_columns,
            figsize=(panel_size[0] * n_columns, panel_size[1] * n_rows),
            squeeze=False,
            layout="constrained",
        )
        axes = axes.ravel()
        for empty in axes[n_panels:]:
            empty.set_axis_off()
        return axes[:n_panels]
    if np.ndim(ax) == 0:
        ax.set_axis_off()
        places = ax.get_subplotspec().subgridspec(n_rows, n_columns)
        return np.array(
            [
                ax.figure.add_subplot(places[divmod(k, n_columns)])
                for k in range(n_panels)
            ]
        )
    axes = np.ravel(ax)
    if len(axes) != n_panels:
        raise ValueError(
            f"ax must be one axes or an array of {n_panels} axes; got {len(axes)}."
        )
    return axes
