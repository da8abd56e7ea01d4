"""One module per group of operations. Each has COVERS, the operations that it must see succeed, and steps, which are run in
their order against a server of their own."""


def step(function):
    """Marks a function that takes the tester and tries something; its doc says what."""
    function.is_step = True
    return function
