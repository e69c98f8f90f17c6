"""Changes to a layer's output: frozen, comparable, and accepted wherever a policy is measured."""
