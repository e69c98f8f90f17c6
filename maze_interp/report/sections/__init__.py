"""The sections of the report, in order: each a function from the study to a `Section`, in a module of its own."""

from __future__ import annotations

from collections.abc import Callable

from maze_interp.report.section import Section
from maze_interp.report.sections.ablation import ablation_section
from maze_interp.report.sections.across_agents import across_agents_section
from maze_interp.report.sections.agent import agent_section
from maze_interp.report.sections.channels import channels_section
from maze_interp.report.sections.constructed import constructed_section
from maze_interp.report.sections.distance import distance_section
from maze_interp.report.sections.headline import headline_section
from maze_interp.report.sections.method import method_section
from maze_interp.report.sections.one_level import one_level_section
from maze_interp.report.sections.outcomes import outcomes_section
from maze_interp.report.sections.patching import patching_section
from maze_interp.report.sections.place import place_section
from maze_interp.report.sections.probes import probes_section
from maze_interp.report.sections.questions import questions_section
from maze_interp.report.sections.retargeting import retargeting_section
from maze_interp.report.sections.spread import spread_section
from maze_interp.report.sections.statistics import statistics_section
from maze_interp.report.sections.surprises import surprises_section
from maze_interp.report.study import Study

SECTIONS: tuple[Callable[[Study], Section], ...] = (
    headline_section,
    agent_section,
    outcomes_section,
    distance_section,
    statistics_section,
    across_agents_section,
    constructed_section,
    place_section,
    spread_section,
    surprises_section,
    one_level_section,
    channels_section,
    probes_section,
    ablation_section,
    retargeting_section,
    patching_section,
    questions_section,
    method_section,
)
