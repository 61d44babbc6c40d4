"""Two processes work on one Optuna study in a PostgreSQL database."""

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

WORKER = """
import sys
import optuna
from tests.integration.test_optuna import evaluate

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.load_study(
    study_name="shared", storage=sys.argv[1], pruner=optuna.pruners.NopPruner()
)
study.optimize(evaluate, n_trials=3)
"""


def find_binary(name):
    """Where ``name`` is: on the path, or in Debian's folder of versions."""
    found = shutil.which(name)
    folders = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found or (str(folders[-1]) if folders else None)


def as_server_user(command):
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return command, getpass.getuser()
    return ["setpriv", "--reuid=nobody", "--clear-groups", *command], "nobody"


@pytest.fixture
def database_url():
    pytest.importorskip("psycopg2")
    initdb, postgres = find_binary("initdb"), find_binary("postgres")
    if initdb is None or postgres is None:
        # A server is no Python package, so the test environment cannot bring one.
        pytest.skip("PostgreSQL is not installed")
    folder = Path("/tmp") / f"skgenex-postgres-{os.getpid()}"
    folder.mkdir()
    command, user = as_server_user([initdb, "-D", str(folder / "data"), "-A", "trust"])
    if not os.geteuid():
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = None
    try:
        subprocess.run(command, check=True, capture_output=True, cwd="/")
        run = [postgres, "-D", str(folder / "data"), "-p", str(port)]
        run += ["-k", str(folder), "-h", "127.0.0.1", "-F"]
        server = subprocess.Popen(
            as_server_user(run)[0],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"postgresql+psycopg2://{user}@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            server.send_signal(signal.SIGINT)  # disconnects clients
            server.wait(timeout=30)
        shutil.rmtree(folder)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_two_processes_share_a_study(database_url):
    study = optuna.create_study(
        study_name="shared",
        storage=database_url,
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(),
    )
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", WORKER, database_url]
    workers = [subprocess.Popen(command, cwd=root) for _ in range(2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    assert sorted(trial.number for trial in study.trials) == list(range(6))
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
