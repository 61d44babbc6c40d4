import threading

import numpy as np
import pytest
import torch

from skgenex._seeding import draw_seed, seeded


def test_a_seeded_block_draws_what_torch_draws_with_that_seed():
    with seeded(7):
        drawn = torch.rand(5)
    assert torch.equal(drawn, torch.rand(5, generator=torch.Generator().manual_seed(7)))


def test_the_global_generator_is_as_before_even_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="must match"), seeded(0):
        torch.rand(3) + torch.rand(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_blocks_nest():
    with seeded(0):
        expected = torch.rand(4)
    with seeded(0):
        first = torch.rand(2)
        with seeded(1):
            torch.rand(100)
        second = torch.rand(2)
    assert torch.equal(torch.cat([first, second]), expected)


def test_threads_do_not_draw_from_each_other():
    with seeded(3):
        expected = torch.stack([torch.rand(2) for _ in range(300)])
    before = torch.get_rng_state()
    results = []

    def draw():
        with seeded(3):
            results.append(torch.stack([torch.rand(2) for _ in range(300)]))

    threads = [threading.Thread(target=draw) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(torch.equal(result, expected) for result in results)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.cuda
def test_cuda_is_seeded_and_restored():
    before = torch.cuda.get_rng_state()
    with seeded(0, "cuda"):
        first = torch.rand(3, device="cuda")
    with seeded(0, "cuda"):
        second = torch.rand(3, device="cuda")
    assert torch.equal(first, second)
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_an_integer_gives_the_same_seed_and_a_random_state_moves_on():
    assert draw_seed(0) == draw_seed(0) != draw_seed(1)
    rng = np.random.RandomState(0)
    first, second = draw_seed(rng), draw_seed(rng)
    assert first == draw_seed(0)
    assert first != second


def test_an_integer_leaves_numpys_global_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    draw_seed(5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
