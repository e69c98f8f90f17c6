"""`retarget`: to which squares writing into some channels at one position sends the agent."""
