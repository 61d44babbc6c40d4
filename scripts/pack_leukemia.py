"""Pack the leukemia data of :func:`skgenex.datasets.load_leukemia` from its source.

The source is the Debian package ``r-bioc-all`` (Bioconductor data package ``ALL``)::

    apt-get download r-bioc-all
    dpkg-deb -x r-bioc-all_*.deb all
    pip install rdata
    python scripts/pack_leukemia.py all/usr/lib/R/site-library/ALL/data/ALL.rda

``leukemia_probe_sets.csv``, beside this script, names the one HG-U95Av2 probe set that
stands for each gene symbol. Kept are the ``N_GENES`` genes of highest variance over all
patients, then the ``MARKERS`` that are not among them.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import rdata
from rdata.parser import RObjectType

HERE = Path(__file__).parent
TARGET = HERE.parent / "skgenex" / "datasets" / "data" / "leukemia.npz"
N_GENES = 4000
UNIT = 1024  # values are stored as integer multiples of 1 / UNIT

MARKERS = """\
    CD1A CD2 CD3D CD3E CD3G CD5 CD7 CD8A LCK ZAP70 TRAC TRAT1 GATA3 NOTCH3
    CD9 CD19 CD22 CD34 CD72 CD74 CD79A CD79B BLNK BTK DNTT HLA-DRA IGLL1 MME MS4A1 PAX5
    ABL1 BCR AFF1 MLL MEIS1 HOXA9 PROM1 CSPG4 FLT3 LGALS1 PBX1 TCF3
    AHNAK ANXA1 CASP8 CNN3 CRKL FYN ID3 KLF9 MARCKS PTPRG TUBA4A YES1 ZEB1
""".split()  # noqa: SIM905


def children(node):
    """Direct children of an R object as ``{name: child}``, its attributes included."""
    found = {}
    kind = node.info.type
    if kind == RObjectType.VEC:
        found.update({str(i): child for i, child in enumerate(node.value)})
    elif kind == RObjectType.ENV:
        return children(node.value.frame)
    while node.info.type == RObjectType.LIST:
        symbol = node.tag
        if symbol.info.type == RObjectType.REF:
            symbol = symbol.referenced_object
        found[symbol.value.value.decode()] = node.value[0]
        node = node.value[1]
    if kind != RObjectType.LIST and node.attributes is not None:
        found.update({f"@{k}": v for k, v in children(node.attributes).items()})
    return found


def strings(node):
    """Character vector of an R object; a missing string is empty."""
    return [s.value.decode() if s.value is not None else "" for s in node.value]


def factor(node):
    """Factor (or character vector) of an R object as strings, missing ones empty."""
    if node.info.type == RObjectType.STR:
        return strings(node)
    levels = strings(children(node)["@levels"])
    codes = np.ma.filled(np.ma.asarray(node.value, dtype=np.int64), -1)
    return [levels[i - 1] if 1 <= i <= len(levels) else "" for i in codes]


def read_expression_set(path):
    """Expression (probe sets x patients) and patients of the R ``ExpressionSet``."""
    slots = children(children(rdata.parser.parse_file(path).object)["ALL"])
    exprs = children(slots["@assayData"])["exprs"]
    names = children(children(exprs)["@dimnames"])
    probe_sets, samples = strings(names["0"]), strings(names["1"])
    values = np.asarray(exprs.value).reshape(len(samples), len(probe_sets)).T
    table = children(children(slots["@phenoData"])["@data"])
    columns = {name: table[str(i)] for i, name in enumerate(strings(table["@names"]))}
    age = np.ma.filled(np.ma.asarray(columns["age"].value, dtype=np.float64), np.nan)
    patients = pd.DataFrame(
        {
            "age": np.where(age > 0, age, np.nan),
            "sex": factor(columns["sex"]),
            "stage": factor(columns["BT"]),
            "molecular": factor(columns["mol.biol"]),
        },
        index=samples,
    )
    patients["lineage"] = patients["stage"].str[0]
    return pd.DataFrame(values, index=probe_sets, columns=samples), patients


def main():
    """Write the packed file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rda", type=Path, help="ALL.rda of r-bioc-all")
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()

    probes = pd.read_csv(HERE / "leukemia_probe_sets.csv").set_index("symbol")
    exprs, patients = read_expression_set(arguments.rda)
    X = exprs.loc[probes["probe_set"]].set_axis(probes.index).T
    X = (X * UNIT).round().astype(np.int16)

    order = X.astype(np.float64).var().sort_values(ascending=False, kind="stable").index
    wanted = set(order[:N_GENES]) | set(MARKERS)
    genes = [gene for gene in order if gene in wanted]
    absent = sorted(set(MARKERS) - set(order))
    print(f"{len(X)} patients, {len(genes)} genes; markers not measured: {absent}")
    np.savez_compressed(
        arguments.out,
        expression=np.ascontiguousarray(X[genes].to_numpy()),
        genes=np.array(genes, dtype=str),
        probe_sets=probes.loc[genes, "probe_set"].to_numpy(dtype=str),
        samples=X.index.to_numpy(dtype=str),
        age=patients["age"].to_numpy(),
        **{
            name: patients[name].to_numpy(dtype=str)
            for name in ("sex", "stage", "lineage", "molecular")
        },
    )
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
