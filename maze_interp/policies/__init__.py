"""The network, its loading and saving, and hooks on any of its named layers."""
