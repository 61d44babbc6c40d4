"""
Learning from a file that is larger than memory
===============================================

Profiles of many cells can be more than memory holds. A NumPy file that is mapped
read-only is read by blocks, or row by row for a batch of training, and its pages are
given back once read. Here the file is small enough for any machine; what is held of it
does not grow with it.
"""

# %%
# A file of simulated profiles, written part by part: 60,000 of 1,000 genes.

import os
import tempfile
import threading
import time
from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from skgenex import DomainScaler, GaussianSampler, VIMEPretrainer

folder = tempfile.TemporaryDirectory()
path = os.path.join(folder.name, "profiles.npy")
n, p = 60_000, 1_000
rng = np.random.default_rng(0)
loadings = rng.standard_normal((10, p), dtype=np.float32)
file = np.lib.format.open_memmap(path, "w+", np.float32, (n, p))
for start in range(0, n, 5_000):
    rows = file[start : start + 5_000]
    rows[:] = 6 + rng.standard_normal((len(rows), 10), dtype=np.float32) @ loadings
    rows += rng.standard_normal(rows.shape, dtype=np.float32)
file.flush()
del file, rows
megabytes = os.path.getsize(path) / 2**20
print(f"{megabytes:.0f} MB")

# %%
# Estimators take the map as they would take an array. Beside the fits a thread looks at
# the memory that the process holds (on Linux; elsewhere there is nothing to see).

X = np.load(path, mmap_mode="r")
batch = np.arange(n) % 2
fits = {
    "GaussianSampler": GaussianSampler(random_state=0).fit,
    "DomainScaler": partial(DomainScaler(target_domain=1).fit, sample_domain=batch),
    "VIMEPretrainer": VIMEPretrainer(
        max_epochs=1, batch_size=500, n_components=10, random_state=0
    ).fit,
}


def resident():
    """Megabytes that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def watch(held, stop):
    """Note time and memory until it is over."""
    while not stop.wait(0.05):
        held.append((time.perf_counter(), resident()))


is_linux = os.path.exists("/proc/self/statm")
small = X[:3_000].copy()
for fit in (GaussianSampler(), VIMEPretrainer(max_epochs=1)):
    fit.fit(small)  # loads what a fit imports late
figure, axes = plt.subplots(figsize=(7, 3.5))
fitted = {}
for name, fit in fits.items():
    held, stop = [], threading.Event()
    base = resident() if is_linux else 0.0
    watcher = threading.Thread(target=watch, args=(held, stop))
    start = time.perf_counter()
    if is_linux:
        watcher.start()
    fitted[name] = fit(X)
    if is_linux:
        stop.set()
        watcher.join()
        seconds, values = np.array(held).T
        axes.plot(seconds - start, values - base, label=name)
axes.axhline(megabytes, color="k", ls="--", label="the file")
axes.set(xlabel="seconds", ylabel="resident beside the libraries, MB")
axes.legend()
figure.tight_layout()

# %%
# What was learned is used as always, on rows that fit into memory.

some = X[:5]
print(fitted["DomainScaler"].transform(some).shape)
print(fitted["VIMEPretrainer"].transform(some).shape)
print(fitted["GaussianSampler"].sample(3).shape)
del X
folder.cleanup()
