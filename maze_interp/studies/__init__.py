"""Studies of the inside of a policy: what channels respond to, what edits of them do to behaviour."""
