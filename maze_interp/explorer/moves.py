"""What the policy of a pane does in its maze: the field, the exact figures, and what is made of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maze_interp.edits.base import Edit
from maze_interp.explorer.pane import Pane
from maze_interp.mazes.constructed import cheese_everywhere
from maze_interp.mazes.maze import Maze, Square
from maze_interp.measure.behaviour import HORIZON, Behaviour, behaviour, behaviours_of
from maze_interp.measure.chain import Chain, make_chain
from maze_interp.measure.evaluate import Evaluation
from maze_interp.measure.field import VectorField, field_of
from maze_interp.measure.prepared import PreparedMaze
from maze_interp.policies.moves import MOVES

Data = dict[str, Any]


class Measured:
    """The measurements of a session: mazes are prepared once, and the last results are kept."""

    def __init__(self) -> None:
        self._prepared: OrderedDict[tuple[str, Maze], PreparedMaze] = OrderedDict()
        self._behaviours: OrderedDict[tuple[str, Maze, tuple[Edit, ...]], tuple[Evaluation, Behaviour]] = OrderedDict()

    def field(self, pane: Pane, edited: bool) -> VectorField:
        """The vector field."""
        return field_of(self._maze(pane).evaluation(pane.in_force(edited), ("left",)))

    def behaviour(self, pane: Pane, edited: bool) -> Behaviour:
        """The exact behaviour."""
        return self._both(pane, edited)[1]

    def chain(self, pane: Pane, edited: bool) -> Chain:
        """The Markov chain."""
        return make_chain(self._both(pane, edited)[0])

    def _both(self, pane: Pane, edited: bool) -> tuple[Evaluation, Behaviour]:
        edits = pane.in_force(edited)
        key = (pane.text.agent, pane.maze, edits)
        if key not in self._behaviours:
            evaluation = self._maze(pane).evaluation(edits)
            self._behaviours[key] = evaluation, next(behaviours_of([evaluation]))
            _forget(self._behaviours, 8)
        return self._behaviours[key]

    def _maze(self, pane: Pane) -> PreparedMaze:
        key = (pane.text.agent, pane.maze)
        if key not in self._prepared:
            self._prepared[key] = PreparedMaze(pane.policy, pane.maze)
            _forget(self._prepared, 2)
        self._prepared.move_to_end(key)
        return self._prepared[key]


def _forget(kept: OrderedDict[Any, Any], count: int) -> None:
    while len(kept) > count:
        kept.popitem(last=False)


def field_data(field: VectorField) -> Data:
    """A vector field for a message."""
    return {
        "squares": field.squares,
        "probs": field.probs.tolist(),
        "value": [None if np.isnan(value) else value for value in field.value.tolist()],
        "p_cheese": field.p_cheese,
        "p_top_right": field.p_top_right,
        "p_other": field.p_other,
    }


def figures_data(result: Behaviour) -> Data:
    """The exact figures for a message."""
    exits = result.first_exit
    return {
        "p_cheese": result.p_cheese,
        "p_top_right": result.p_top_right,
        "p_region": result.p_region,
        "expected_steps": result.expected_steps,
        "horizon": result.horizon,
        "p_cheese_limit": result.p_cheese_limit,
        "first_exit": exits and {"cheese": exits.cheese, "top_right": exits.top_right, "other": exits.other},
        "decision": result.maze.decision_square,
        "occupancy": result.occupancy.tolist(),
    }


def cheese_map(pane: Pane, edited: bool) -> Iterator[Data]:
    """P(cheese) with the cheese on each open square but the start, spread over the maze from the first answer on."""
    mazes = list(cheese_everywhere(pane.maze))
    for done, i in enumerate(_spread(len(mazes)), 1):
        p = behaviour(pane.policy, mazes[i], pane.in_force(edited)).p_cheese
        yield {"done": done, "total": len(mazes), "squares": [mazes[i].cheese], "p": [p]}


def _spread(n: int) -> Sequence[int]:
    """0 … n − 1 in an order in which each number lies in the largest gap that the earlier ones leave."""
    bits = max(1, (n - 1).bit_length())
    return [i for i in (int(f"{i:0{bits}b}"[::-1], 2) for i in range(2**bits)) if i < n]


def episode(chain: Chain, seed: int) -> Data:
    """An episode, its moves drawn from the chain, and the chance of the cheese within the moves left at each time."""
    maze, random = chain.maze, np.random.default_rng(seed)
    chances = _chances(chain)
    state, squares, moves = chain.start, [maze.start], list[str]()
    p_success = [float(chances[HORIZON, state])]
    matrix = chain.transitions
    while len(moves) < HORIZON and state != chain.cheese:
        row = slice(matrix.indptr[state], matrix.indptr[state + 1])  # a move each, in the order of `MOVES`
        move = int(random.choice(len(MOVES), p=matrix.data[row] / matrix.data[row].sum()))
        state = int(matrix.indices[row][move])
        moves.append(MOVES[move])
        squares.append(_square(chain, state))
        p_success.append(float(chances[HORIZON - len(moves), state]))
    return {"squares": squares, "moves": moves, "p_success": p_success, "reached": state == chain.cheese}


def _chances(chain: Chain) -> NDArray[np.float64]:
    """float64 `[horizon + 1, states]`: probability of reaching the cheese with so many moves left."""
    chances = np.zeros((HORIZON + 1, chain.cheese + 1))
    chances[:, chain.cheese] = chain.maze.cheese is not None
    for left in range(1, HORIZON + 1):
        chances[left, :-1] = (chain.transitions @ chances[left - 1])[:-1]
    return np.minimum(chances, 1.0)


def _square(chain: Chain, state: int) -> Square:
    if state == chain.cheese:
        assert chain.maze.cheese is not None
        return chain.maze.cheese
    return chain.squares[state // chain.facings]
