"""The facts about procgen's levels that the package relies on, checked on procgen itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.sparse.csgraph import connected_components

from maze_interp.environment import state as states
from maze_interp.environment.levels import maze_from_seed, maze_from_state, region_maze, state_of_maze
from maze_interp.environment.simulator import procgen_environment, simulator
from maze_interp.errors import MazeInterpError
from maze_interp.mazes.maze import MAX_SEED, WORLD_SIZE, DistributionMode, Maze
from maze_interp.mazes.paths import adjacency

MODES: tuple[DistributionMode, ...] = ("easy", "hard")
SEEDS = range(600)


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> DistributionMode:
    return request.param


@pytest.fixture(scope="module")
def mazes(mode: DistributionMode) -> list[Maze]:
    return [maze_from_seed(seed, mode) for seed in SEEDS]


def test_seed_names_the_level_that_procgen_plays(mode: DistributionMode) -> None:
    for seed in [*range(12), 12_345, 2**30, MAX_SEED]:
        env = procgen_environment(1, mode, start_level=seed, num_levels=1)
        theirs, ours = env.get_state()[0], simulator(mode).level(seed)
        assert env.get_info()[0]["level_seed"] == states.read_level_seed(ours) == seed
        np.testing.assert_array_equal(states.read_grid(theirs), states.read_grid(ours))
        assert states.read_mouse(theirs) == states.read_mouse(ours)
        np.testing.assert_array_equal(env.observe()[1]["rgb"][0], simulator(mode).render(ours))
        assert maze_from_state(theirs) == maze_from_seed(seed, mode)


def test_level_does_not_depend_on_levels_made_before(mode: DistributionMode) -> None:
    first = simulator(mode).level(7)
    for seed in (8, 9, MAX_SEED):
        simulator(mode).level(seed)
    again = simulator(mode).level(7)
    np.testing.assert_array_equal(states.read_grid(first), states.read_grid(again))
    np.testing.assert_array_equal(simulator(mode).render(first), simulator(mode).render(again))


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1, 2**31, 2**40])
def test_seed_out_of_bounds_is_refused(mode: DistributionMode, seed: int) -> None:
    assert np.iinfo(np.int32).max == MAX_SEED + 1  # the largest end of a range of levels that procgen can hold
    for make in (maze_from_seed, Maze.from_seed, lambda seed, mode: region_maze(seed, 5, mode)):
        with pytest.raises(MazeInterpError, match=f"seed is a whole number from 0 to {MAX_SEED}, not {seed}"):
            make(seed, mode)


def test_sizes_are_odd_and_uniform(mode: DistributionMode, mazes: list[Maze]) -> None:
    sizes = range(3, WORLD_SIZE[mode] + 1, 2)
    counts = [sum(maze.size == size for maze in mazes) for size in sizes]
    assert sum(counts) == len(mazes)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_padding_is_wall_and_equal_on_all_sides(mode: DistributionMode, mazes: list[Maze]) -> None:
    for seed, maze in enumerate(mazes[:100]):
        world = states.read_grid(simulator(mode).level(seed))
        assert world.shape == (WORLD_SIZE[mode], WORLD_SIZE[mode])
        rows, columns = np.nonzero(world != states.WALL)
        # The corner cells of every maze are open, so the open cells touch the padding on each side.
        low, high = maze.padding, WORLD_SIZE[mode] - 1 - maze.padding
        assert (rows.min(), columns.min(), rows.max(), columns.max()) == (low, low, high, high)


def test_corridors_are_a_tree(mazes: list[Maze]) -> None:
    for maze in mazes:
        assert maze.open[::2, ::2].all()
        assert not maze.open[1::2, 1::2].any()
        graph = adjacency(maze.open)
        components, _ = connected_components(graph, directed=False)
        assert components == 1 + (~maze.open).sum()  # every wall is a component of its own
        assert graph.nnz == maze.open.sum() - 1


def test_mouse_starts_bottom_left_facing_left_at_time_0(mode: DistributionMode, mazes: list[Maze]) -> None:
    for seed, maze in enumerate(mazes[:100]):
        state = simulator(mode).level(seed)
        assert states.read_mouse(state) == ((maze.padding, maze.padding), False)
        assert states.read_time(state) == 0
        assert maze.start == (0, 0)


def test_cheese_lies_uniformly_on_open_squares_but_the_start(mazes: list[Maze]) -> None:
    ranks = []
    rng = np.random.default_rng(0)
    for maze in mazes:
        places = [square for square in maze.squares if square != maze.start]
        assert maze.cheese in places
        ranks.append((places.index(maze.cheese) + rng.random()) / len(places))
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("region", [1, 3, 5, 25, 1000])
def test_region_maze_moves_only_the_cheese_into_the_region(
    mode: DistributionMode, mazes: list[Maze], region: int
) -> None:
    ranks = []
    rng = np.random.default_rng(1)
    for seed, plain in enumerate(mazes):
        maze = region_maze(seed, region, mode)
        assert maze.with_cheese(None) == plain.with_cheese(None)
        edge = max(maze.size - region, 0)
        inside = [(x, y) for x, y in maze.squares if x >= edge and y >= edge and (x, y) != maze.start]
        assert maze.cheese in inside
        ranks.append((inside.index(maze.cheese) + rng.random()) / len(inside))
    assert stats.kstest(ranks, "uniform").pvalue > 1e-3


def test_region_maze_is_named_by_seed_and_region(mode: DistributionMode) -> None:
    assert [region_maze(seed, 5, mode) for seed in range(20)] == [region_maze(seed, 5, mode) for seed in range(20)]
    cheeses = {region_maze(11, region, mode).cheese for region in range(1, 12)}
    assert len(cheeses) > 1


def test_region_1_is_the_corner(mode: DistributionMode) -> None:
    for seed in range(40):
        maze = region_maze(seed, 1, mode)
        assert maze.cheese == maze.top_right


def test_region_below_1_is_refused(mode: DistributionMode) -> None:
    with pytest.raises(MazeInterpError, match="region is a whole number from 1 to 1000000, not 0"):
        region_maze(0, 0, mode)


def test_state_of_a_level_is_procgens_own(mode: DistributionMode, mazes: list[Maze]) -> None:
    for seed, maze in enumerate(mazes[:60]):
        assert state_of_maze(maze) == simulator(mode).level(seed)


def test_edited_levels_survive_the_trip_through_a_state(mazes: list[Maze]) -> None:
    for maze in mazes[:60]:
        x, y = (int(value) for value in np.argwhere(~maze.open)[0][::-1])
        opened = maze.with_open((x, y), True)
        for edited in (maze, maze.with_cheese(None), maze.with_cheese(maze.top_right), opened.with_cheese((x, y))):
            assert maze_from_state(state_of_maze(edited)) == edited


def test_mazes_of_another_size_than_their_seeds_level_are_shown_whole(mode: DistributionMode) -> None:
    """The level lends its looks only: size, walls, start and cheese are the drawing's."""
    larger = next(seed for seed in SEEDS if maze_from_seed(seed, mode).size > 3)
    maze = Maze.from_ascii("C.#\n#..\n#.M", mode, seed=larger)
    for given in (maze, maze.padded()):
        state = state_of_maze(given)
        middle = WORLD_SIZE[mode] // 2
        expected = np.full((WORLD_SIZE[mode], WORLD_SIZE[mode]), states.WALL)
        expected[middle - 1 : middle + 2, middle - 1 : middle + 2][maze.open] = states.OPEN
        expected[middle + 1, middle - 1] = states.CHEESE
        np.testing.assert_array_equal(states.read_grid(state), expected)
        assert states.read_mouse(state) == ((middle + 1, middle - 1), False)
