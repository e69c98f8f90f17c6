"""What `agents/<name>/config.yaml` may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from maze_interp.mazes.maze import DistributionMode
from maze_interp.validation import Document, Probability, Words


class AgentConfig(Document):
    """The content of an agent's config, for `read_document`: the fields of `AgentInfo`.

    Attributes:
        run: the settings of its training, the method among them.
    """

    architecture: Words | None = None
    distribution_mode: DistributionMode
    region: Annotated[int, Field(ge=1)] | Literal["anywhere"] | None
    training: Words
    success: Probability | None = None
    anywhere: Probability | None = None
    run: dict[str, Any] | None = None
