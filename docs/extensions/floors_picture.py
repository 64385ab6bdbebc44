"""The picture of the floors in docs/architecture.md, drawn from the imports."""


def setup(app):
    """Do nothing yet."""
    return {"parallel_read_safe": True, "parallel_write_safe": True}
